/** Positions: receptive fields, arithmetic, and the pictures beside it. */

import type { Picture, Slices } from "./frame";
import type { ByteTensor, FloatTensor } from "./tensor";

/** Along one axis of the image, what each index of a map sees; see `ReceptiveFields` in receptive_field.py. */
export interface AxisFields {
  /** Which of the map's axes it goes along; null where all positions see the same. */
  readonly along: number | null;
  /** (n, 2): the first pixel and the one after the last; 0 and 0 where nothing is seen. */
  readonly inside: FloatTensor;
  /** (n, 2): by the unclipped formula. */
  readonly theoretical: FloatTensor;
  /** (n,): whether `inside` is an upper bound. */
  readonly doubt: ByteTensor;
  /** (n,): where in the image each index stands; null where it has no place. */
  readonly centres: FloatTensor | null;
}

export interface MapFields {
  readonly shape: readonly number[];
  /** The image's shape without its channels. */
  readonly image: readonly number[];
  readonly everywhere: boolean;
  /** Why the map has no place over the image; empty where it has one. */
  readonly place: string;
  readonly axes: readonly AxisFields[];
}

/** The receptive fields of a filter's map, before and after the way to its activation. */
export interface Fields {
  readonly revision: number;
  /** Null with an empty error: something else was wanted first, ask again. */
  readonly fields: { readonly pre_activation: MapFields; readonly activation: MapFields } | null;
  readonly error: string;
}

/** The question for one position's arithmetic, or its effective receptive field. */
export interface PositionArgs extends Slices {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly row: number;
  readonly column: number;
}

export interface StepValue {
  readonly name: string;
  readonly value: FloatTensor;
  readonly note: string;
}

/** How the value of one position comes about. */
export interface Arithmetic {
  readonly revision: number;
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly position: readonly number[];
  /** (C, *k), each. */
  readonly patch: FloatTensor;
  readonly kernel: FloatTensor;
  readonly products: FloatTensor;
  readonly channel_sums: FloatTensor;
  /** The channels, the one that adds most first. */
  readonly order: readonly number[];
  /** Which channel of the layer's input the patch's first one is. */
  readonly first_channel: number;
  /** For each axis the index in the layer's input of each cell; −1 where there is none. */
  readonly sources: readonly (readonly number[])[];
  readonly padding: ByteTensor;
  readonly between: ByteTensor;
  readonly padding_mode: string;
  readonly numbers: Readonly<
    Record<"bias" | "pre_activation" | "activation" | "recomputed" | "difference" | "rounding", FloatTensor>
  >;
  readonly agrees: boolean;
  readonly steps: readonly StepValue[];
  readonly activation_name: string;
}

/** A picture beside the numbers: codes in one range of its own. */
export interface SidePicture extends Picture {
  readonly revision: number;
  /** Of the input's channel, its rows and columns; of many `tensor` holds the means of reduced × reduced. */
  readonly size?: readonly number[];
  readonly channel?: number;
}

export interface FieldsArgs {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
}

/** The question for one channel of the layer's input; of a volume for this slice, null the middle one. */
export interface InputArgs extends PositionArgs {
  readonly input_channel: number;
  readonly input_slice: number | null;
}

export interface PositionRequests {
  fields: { args: FieldsArgs; body: Fields };
  arithmetic: { args: PositionArgs; body: Arithmetic };
  effective: { args: PositionArgs; body: SidePicture };
  input: { args: InputArgs; body: SidePicture };
}
