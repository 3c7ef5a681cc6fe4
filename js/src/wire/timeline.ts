/** A filter over the checkpoints, on the wire: the twin of Python's `frames/timeline.py`. */

import type { ClassName, FrameArgs } from "./frame";
import type { FloatTensor } from "./tensor";

export type TimelineStatus = "none" | "running" | "done" | "cancelled" | "failed";

/** The verdicts at one checkpoint, in words; null where they are not known. */
export interface TimelineStep {
  readonly structure: string | null;
  readonly state: string | null;
  readonly use: string | null;
  readonly best: string | null;
}

export interface Timeline {
  readonly layer: number;
  readonly filter: number;
  /** Of checkpoints; and of how many the weights are known by now. */
  readonly count: number;
  readonly read: number;
  readonly status: TimelineStatus;
  readonly error: string | null;
  readonly judged: number;
  readonly images: number;
  /** Whether the verdicts are of the checkpoints that there are now. */
  readonly of_these: boolean;
  /** (F, T) each; NaN where nothing is known yet. */
  readonly from_start: FloatTensor | null;
  readonly to_end: FloatTensor | null;
  readonly step: FloatTensor | null;
  readonly steps: readonly TimelineStep[];
  readonly events: readonly (readonly [checkpoint: number, filter: number, words: string])[];
  readonly never_left: readonly number[];
  readonly summary: string;
}

/** What a saved page holds of it. */
export interface KeptTimeline {
  /** The layer that was saved over the checkpoints. */
  readonly layer: number;
  readonly titles: readonly string[];
  /** The checkpoint that the page is of, all but what is listed here; null: the net itself. */
  readonly shown: number | null;
  /** The images of which the layer's maps at each checkpoint were saved, in their order. */
  readonly images: readonly number[];
  /** At each checkpoint each image's class. */
  readonly predicted: readonly (readonly (ClassName | null)[])[];
  /** What was saved of it, in sentences. */
  readonly words: string;
}

/** The filter at one checkpoint, or why it cannot be shown. */
export interface StripItem {
  readonly kernel: FloatTensor | null;
  readonly activation: FloatTensor | null;
  readonly error: string | null;
}

interface FilterArgs {
  readonly layer: number;
  readonly filter: number;
}

export interface TimelineRequests {
  timeline: { args: FilterArgs; body: Timeline };
  judge_timeline: {
    args: FilterArgs & { readonly images: number; readonly ablation: boolean };
    body: Timeline;
  };
  cancel_timeline: { args: FilterArgs; body: Timeline };
  timeline_strip: {
    args: FrameArgs & { readonly start: number };
    body: { readonly start: number; readonly count: number; readonly items: readonly StripItem[] };
  };
}
