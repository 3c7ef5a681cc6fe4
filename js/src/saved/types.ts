/** What stands in the parts of a saved page: the twin of `saved_page/parts.py`. */

import type { Traits } from "../state/selection";
import type { Description } from "../wire/description";
import type { Agreement, ClassName, MapName, Overlay, Prediction, Sample, Source } from "../wire/frame";
import type { Geometry, LabStep, Preset } from "../wire/lab";
import type { Fields } from "../wire/positions";
import type { Distribution, Exemplars, Kind } from "../wire/scans";
import type { ByteTensor, FloatTensor } from "../wire/tensor";
import type { KeptTimeline, Timeline } from "../wire/timeline";
import type { Verdict } from "../wire/verdicts";

/** Codes over a map's own range come in one byte or in two. */
export type SavedTensor =
  | FloatTensor
  | ByteTensor
  | { readonly dtype: "uint16"; readonly shape: readonly number[]; readonly data: Uint16Array };

/** Maps or kernels, one a filter. */
export interface SavedMaps {
  readonly values: SavedTensor;
  /** For each: least and greatest finite value (NaN where there is none), how many are NaN, and infinite. */
  readonly ends: FloatTensor;
}

/** What of an explorer was saved. */
export interface Saved {
  /** Their indices in the data set. */
  readonly images: readonly number[];
  readonly of_images: number | null;
  readonly layers: number;
  readonly of_layers: number;
  /** For each layer; null stands for all channels together. */
  readonly channels: readonly (readonly (number | null)[])[];
  readonly sources: readonly Source[];
  readonly precision: 8 | 16 | 32;
  /** Whether filters were judged: each layer has an answer to `verdicts` then. */
  readonly verdicts: boolean;
  /** Whether the exemplars of a scan are there: each layer has an answer to `scans` then. */
  readonly exemplars: boolean;
  /** The layer whose kernels can be edited in the page; null: none. */
  readonly lab: number | null;
  /** The layer that is shown over the checkpoints; null: none. */
  readonly timeline: KeptTimeline | null;
}

export interface SavedStrip {
  /** (n, side, side, 1 or 3) */
  readonly thumbs: ByteTensor;
  readonly sizes: readonly (readonly [number, number])[];
  readonly labels: readonly (ClassName | null)[];
  readonly predicted: readonly (ClassName | null)[];
  readonly errors: readonly (string | null)[];
  readonly classes: readonly ClassName[];
}

export interface SavedOutline {
  readonly description: Description;
  readonly selection: Traits;
  readonly saved: Saved;
  readonly strip: SavedStrip;
  /** For each image the number of its shape, on which receptive fields depend; null for one that cannot be shown. */
  readonly shapes: readonly (number | null)[];
}

/** The maps that are saved once, whatever filter2D runs over. */
export type NetMapName = Exclude<MapName, "response">;

/** `{slice}` stands where a slice is named. */
type SavedNotes = { readonly [name in NetMapName as `${name}_note`]: string };

export interface SavedKernels {
  readonly kernels: SavedMaps;
  /** Of too many kernels their root mean square over the channels, which the grid shows. */
  readonly summed: SavedMaps | null;
  /** Which kernels are shown: all, and each alone. */
  readonly notes: readonly string[];
  readonly bias: FloatTensor;
}

export interface SavedLayer extends SavedNotes, SavedKernels {
  readonly rank: number;
}

export interface SavedImage {
  /** One, or one for each channel where they cannot be drawn together. */
  readonly planes: readonly Omit<Sample, "prediction" | "overlay">[];
  readonly prediction: Prediction;
  readonly overlay: Overlay | null;
}

export interface SavedResponse {
  readonly source: Source;
  readonly channel: number | null;
  /** The channels whose kernels it sums. */
  readonly kernels: readonly number[];
  readonly maps: SavedMaps;
  readonly note: string;
  readonly agreement: Omit<Agreement, "bias"> | null;
}

type SavedNetMaps = { readonly [name in NetMapName as `${name}s`]: SavedMaps };

export interface SavedMapsPart extends SavedNetMaps {
  readonly responses: readonly SavedResponse[];
  /** Each kernel of a filter has an image channel of its own. */
  readonly own_channels: boolean;
  /** Instead of the layer's, where each image has kernels or a bias of its own. */
  readonly own_kernels: SavedKernels | null;
}

/** What a layer's positions see of images of one shape. */
export interface SavedFields {
  readonly bodies: readonly Fields[];
  /** For each filter which of them is its. */
  readonly of: readonly number[];
}

/** A layer whose kernels can be edited. */
export interface SavedLab {
  readonly layer: number;
  readonly name: string;
  readonly groups: number;
  /** (F, C, …): those that are shown in the saved maps, and the net's own. */
  readonly kernels: FloatTensor;
  readonly own: FloatTensor;
  readonly bias: FloatTensor;
  readonly geometry: Geometry;
  /** For each filter. */
  readonly steps: readonly (readonly LabStep[])[];
  /** Of all filters, and of each its own besides. */
  readonly presets: readonly Preset[];
  readonly presets_of: readonly (readonly Preset[])[];
}

/** What that layer is given of an image, and the planes of the image where the response may run over it. */
export interface SavedLabImage {
  readonly input: FloatTensor;
  readonly over: FloatTensor | null;
  /** The layer is given the image itself. */
  readonly same: boolean;
}

/** A layer over the checkpoints. */
export interface SavedTimeline {
  /** As of its first filter. */
  readonly body: Timeline;
  /** Of each filter. */
  readonly steps: readonly Timeline["steps"][];
  /** (T, F, C, height, width); of many channels their root mean square. */
  readonly kernels: FloatTensor;
  /** Of each checkpoint why it cannot be shown. */
  readonly errors: readonly (string | null)[];
}

/** What the layer does to an image at one checkpoint. */
export interface SavedMapsAt extends SavedMapsPart {
  readonly prediction: Prediction;
  readonly overlay: Overlay | null;
}

/** Its activations for an image: one map a checkpoint and filter. */
export interface SavedTimelineImage {
  readonly maps: SavedMaps;
  readonly errors: readonly (string | null)[];
}

/** What is known of each of a layer's filters. */
export interface SavedVerdicts {
  readonly filters: readonly Verdict[];
}

/** What a scan knows of one filter; in its place why its images could not be read. */
export type SavedExemplars =
  | { readonly kinds: Readonly<Record<Exclude<Kind, "bin">, Exemplars>>; readonly distribution: Distribution }
  | { readonly error: string };
