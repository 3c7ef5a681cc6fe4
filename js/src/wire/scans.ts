/** A scan on the wire: how far it is, the exemplars of a filter, and how its maxima are distributed. */

import type { ClassName, Picture } from "./frame";
import type { ByteTensor, FloatTensor } from "./tensor";
import type { Progress, Status } from "./verdicts";

/** The newest scan, as far as it concerns a layer. */
export interface Scans {
  readonly layer: number;
  readonly status: Status;
  readonly error: string | null;
  readonly progress: Progress | null;
  /** Seen so far, asked for (0: not known), and in all, which of a stream is as many as are known. */
  readonly images: number;
  readonly asked: number;
  readonly images_in_all: number;
  readonly is_stream: boolean;
  /** Net or data set are no longer those of the scan. */
  readonly earlier: boolean;
  /** It is of this layer. */
  readonly fits: boolean;
  /** Which maps its positions are of. */
  readonly maps: "activation" | "pre-activation";
  /** Goes up when there is more to see. */
  readonly number: number;
  readonly notes: readonly string[];
}

/** One image that stands for a filter. */
export interface Crop {
  readonly image: number;
  readonly label: ClassName | null;
  readonly predicted: ClassName | null;
  /** For how many nearly equal images it stands. */
  readonly copies: number;
  /** Of the maximum in the filter's map. */
  readonly position: readonly number[];
  /** What is seen: top, left, bottom, right, in pixels of the image. */
  readonly box: readonly [number, number, number, number];
  /** The middle of what the position sees; null along an axis where it has no place. */
  readonly centre: readonly (number | null)[];
  readonly status: "exact" | "upper bound" | "whole image" | "nothing" | "";
  /** It is the whole image. */
  readonly whole: boolean;
  /** Rows, columns and colours of its pixels. */
  readonly shape: readonly [number, number, number];
  /** Why it cannot be read. */
  readonly error: string | null;
}

export type Kind = "top" | "bottom" | "typical" | "class" | "bin";

/** A bar of the distribution: which bin, of which class; null: of all images. */
export interface Bar {
  readonly bin: number;
  readonly label: ClassName | null;
}

/** Crops that stand together, so many; of a class its name. */
export interface CropGroup {
  readonly label: ClassName | null;
  readonly count: number;
}

export interface Crops {
  /** "running": they are being cut; ask again. */
  readonly status: "running" | "done";
  readonly number: number;
  readonly layer: number;
  readonly groups: readonly CropGroup[];
  readonly crops: readonly Crop[];
  readonly values: FloatTensor | null;
  /** One crop's after the other's. */
  readonly pixels: ByteTensor | null;
}

export interface Exemplars extends Crops, Bar {
  readonly filter: number;
  readonly kind: Kind;
}

/** Of some filters of a layer what drives each most: a group a filter, empty where there is none. */
export interface BestCrops extends Crops {
  readonly filters: readonly number[];
}

export interface DistributionRow {
  /** Null: all images. */
  readonly label: ClassName | null;
  readonly images: number;
  readonly fires: number | null;
  readonly mean: number | null;
}

/** The answer for a filter; "running": it is being worked out, ask again. */
export interface DistributionAnswer {
  readonly layer: number;
  readonly filter: number;
  readonly number: number;
  readonly status: "running" | "done";
}

export interface Distribution extends DistributionAnswer {
  readonly status: "done";
  /** All images first, then the classes, or of many those for which the filter fires most. */
  readonly rows: readonly DistributionRow[];
  readonly classes: number;
  readonly edges: FloatTensor;
  /** Rows × bins. */
  readonly counts: FloatTensor;
  readonly nan: number;
  readonly infinite: number;
  readonly mean_map: Picture | null;
  /** Why there is no mean map. */
  readonly why: string;
}

export interface ScanArgs {
  readonly layer: number;
  /** Null: all. */
  readonly images: number | null;
  readonly only_this_layer: boolean;
}

interface LayerArgs {
  readonly layer: number;
}

interface FilterArgs extends LayerArgs {
  readonly filter: number;
}

export interface ScanRequests {
  scan: { args: ScanArgs; body: Scans };
  cancel_scan: { args: LayerArgs; body: Scans };
  scans: { args: LayerArgs; body: Scans };
  distribution: {
    args: FilterArgs;
    body: Distribution | (DistributionAnswer & { readonly status: "running" });
  };
  exemplars: { args: FilterArgs & Bar & { readonly kind: Kind }; body: Exemplars };
  best_crops: { args: LayerArgs & { readonly filters: readonly number[] }; body: BestCrops };
}

/** The pixels of each crop, without a copy. */
export function pixelsOf({ crops, pixels }: Crops): ByteTensor[] {
  let start = 0;
  return crops.map(({ shape }) => {
    const end = start + shape[0] * shape[1] * shape[2];
    const data = pixels?.data.subarray(start, end) ?? new Uint8Array();
    start = end;
    return { dtype: "uint8", shape, data };
  });
}

/** Whether a message says that a scan was begun, from Python or by another view. */
export function tellsOfScans(content: unknown): boolean {
  return (content as { kind?: unknown } | null)?.kind === "scans";
}
