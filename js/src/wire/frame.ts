/**
 * From a reply's buffers to the pictures of one selection; next: `view/map.ts`. What is asked, and what a frame holds: the
 * twin of Python's `frames/frame.py`.
 */

import { bodyOf, type Reply } from "./messages";
import type { ByteTensor, FloatTensor, Tensor } from "./tensor";

/** The maps of a filter. A new one gets its name here, and its row in `view/pictures.ts`. */
export const MAP_NAMES = ["response", "activation"] as const;
export type MapName = (typeof MAP_NAMES)[number];

/** What is drawn of each filter: its kernel, and its maps. */
export const PICTURE_NAMES = ["kernel", ...MAP_NAMES] as const;
export type PictureName = (typeof PICTURE_NAMES)[number];

export type Source = "image" | "input";
export type Scale = "layer" | "map" | "checkpoints";
export type ClassName = string | number;

/** Which slice of a volume is drawn; null is the middle one. */
export interface Slices {
  readonly slice: number | null;
  readonly kernel_slice: number | null;
}

/** The question a frame answers. */
export interface FrameArgs extends Slices {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly channel: number | null;
  readonly source: Source;
  /** Null: the net itself. */
  readonly checkpoint: number | null;
  readonly scale: Scale;
  /** Which channel of the image is drawn where they cannot be drawn together; null: the one the kernel looks at. */
  readonly plane: number | null;
  /** The revision of which the page has the layer's kernels: they are not sent again. */
  readonly kernels_held?: number | undefined;
}

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly signed: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly nan: number;
  readonly infinite: number;
  readonly constant: boolean;
}

/** One map or kernel a filter, for all filters of a layer. */
export interface Picture {
  readonly tensor: Tensor;
  readonly encoding: "float32" | "codes";
  /** 1 is full resolution; else each value stands for a block of reduced × reduced. */
  readonly reduced: number;
  /** One for the layer, or one a filter. */
  readonly ranges: readonly Range[];
}

export interface Sample {
  readonly label: ClassName | null;
  readonly display: ByteTensor;
  /** Rows and columns of the whole image; of a large one `display` holds the means of reduced × reduced pixels. */
  readonly size: readonly [number, number];
  readonly reduced: number;
  /** The channel that is drawn, of so many; null and 0 where they are drawn together. */
  readonly plane: number | null;
  readonly planes: number;
  readonly range: { readonly low: number; readonly high: number };
  /** It stands in place of the data set's own. */
  readonly trial: boolean;
  readonly note: string;
  /** Null: not computed yet. */
  readonly prediction: Prediction | null;
  /** What is laid over the image; null where the net tells its class. */
  readonly overlay: Overlay | null;
}

export interface Overlay {
  readonly tells: "boxes" | "masks" | "embedding";
  /** Left, top, right and bottom of each, in the image's pixels. */
  readonly boxes: FloatTensor | null;
  /** A class for each pixel of `display`. */
  readonly mask: ByteTensor | null;
  /** The class numbers of the prediction's entries. */
  readonly numbers: readonly number[];
}

/** Of each filter's activation, over all positions. */
export interface ActivityTensors {
  readonly maximum: FloatTensor;
  readonly mean: FloatTensor;
}

/** That response + bias is the net's pre-activation, for each filter. */
export interface Agreement {
  readonly bias: FloatTensor;
  readonly difference: FloatTensor;
  /** For each filter the largest difference that is rounding in the net's dtype. */
  readonly rounding: FloatTensor;
  readonly dtype: string;
}

export type Prediction = readonly (readonly [ClassName, number])[];

/** One filter's values, or the codes of these in the frame's ranges, which look the same. */
export type Detail = { readonly [name in PictureName]: Tensor };

/** By its plural, each picture of all of the layer's filters: `kernels`, `responses`, `activations`. */
type LayerPictures = { readonly [name in PictureName as `${name}s`]: Picture };

export interface Frame extends FrameArgs, LayerPictures {
  readonly revision: number;
  /** How many there are, as far as is known: a stream grows. */
  readonly images: number;
  readonly sample: Sample;
  readonly detail: Detail;
  /** Of filters that were not selected when the frame was asked for; more may come. */
  readonly others: Map<number, Detail>;
  /** Whether the notebook runs a cell, which may change the weights at any moment. */
  readonly cell_runs: boolean;
  /** Null where it can be found in the activations. */
  readonly activity: ActivityTensors | null;
  /** For each filter; null where the response is not the whole of what the layer computes. */
  readonly agreement: Agreement | null;
  readonly notes: { readonly [name in PictureName]: string };
}

/** A picture of all of the layer's filters. */
export function pictureOf(frame: Frame, name: PictureName): Picture {
  return frame[`${name}s`];
}

/** A filter's range in a picture: one for the layer, or each filter's own. */
export function rangeFor(picture: Picture, filter: number): Range {
  const range = picture.ranges.length > 1 ? picture.ranges[filter] : picture.ranges[0];
  if (!range) throw new Error("A picture has no range");
  return range;
}

/** The question for more of a frame's filters, maps as codes in its ranges or in full precision. */
export interface FiltersArgs extends FrameArgs {
  readonly filters: readonly number[];
  readonly codes: boolean;
}

/** More filters of a frame. */
export interface Filters {
  readonly revision: number;
  readonly filters: readonly (Detail & { readonly filter: number })[];
}

export interface PredictionBody {
  readonly revision: number;
  readonly prediction: Prediction;
  readonly overlay: Overlay | null;
}

export interface FrameRequests {
  frame: { args: FrameArgs; body: Frame };
  /** What may be selected next, asked for in advance. */
  prefetch: { args: FrameArgs; body: Frame };
  prediction: { args: FrameArgs; body: PredictionBody };
  filters: { args: FiltersArgs; body: Filters };
}

/** `kernels`: those that the page holds, for a reply that leaves them out. */
export function decodeFrame(reply: Reply, kernels?: Picture): Frame {
  const frame = bodyOf<Frame>(reply);
  return { ...frame, kernels: frame.kernels ?? kernels, others: new Map() };
}
