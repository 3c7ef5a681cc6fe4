/** Two nets, on the wire: the twin of Python's `frames/comparison.py`. */

import type { ClassName, FrameArgs } from "./frame";
import type { FloatTensor } from "./tensor";

/** A filter of net a, and which one of net b it is; null where that is not known, or there is none. */
export interface ComparedFilter {
  readonly filter: number;
  readonly partner: number | null;
  readonly merged_into: number | null;
  readonly correlation: number | null;
  readonly distance: number | null;
  readonly damage: number | null;
}

/** A layer of two nets, those filters first that changed most, and the first images on which one net alone is right. */
export interface Comparison {
  readonly layer: number;
  readonly lines: readonly string[];
  readonly filters: readonly ComparedFilter[];
  readonly only_a: readonly number[];
  readonly only_b: readonly number[];
}

/** What a picture shows: a, b, and b minus a. */
export type Triple = readonly [FloatTensor, FloatTensor | null, FloatTensor | null];

export interface FilterPair {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly filter_b: number | null;
  readonly relation: "partner" | "merged" | "nearest" | "left out" | "none";
  readonly correlation: number | null;
  readonly kernels: Triple;
  readonly activations: Triple;
}

/** Of a class the probability in a, in b, and in b when one filter has the map of its partner in a. */
export interface Swaps {
  readonly image: number;
  readonly layer: number;
  readonly class_name: ClassName;
  readonly of_a: number;
  readonly of_b: number;
  readonly swaps: readonly {
    readonly filter: number;
    readonly partner: number;
    readonly probability: number;
  }[];
}

export interface ComparisonRequests {
  comparison: { args: { readonly layer: number }; body: Comparison };
  comparison_pair: { args: FrameArgs; body: FilterPair };
  comparison_swaps: { args: { readonly image: number; readonly layer: number }; body: Swaps };
}
