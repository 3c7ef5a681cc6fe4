/** Verdicts, and filters that are left out. */

import type { ClassName } from "./frame";
import type { FloatTensor } from "./tensor";

/** The name of a filter that no template fits: the same words in Python. */
export const NO_PATTERN = "no simple pattern";

export type Structure = "structured" | "noise-like" | "can't tell";
export type State = "live" | "dead" | "constant" | "can't tell";
/** Whether training pulled on it, as its input tells: that promises no pattern of the world. */
export type Training = "pulled" | "can't tell";
export type Start = "left its start" | "only scaled" | "never left its start" | "can't tell" | "not given";
export type Use = "used" | "harmful" | "no measurable use" | "withheld";
export type Status = "none" | "running" | "done" | "cancelled" | "failed";
export type ReplacedBy = "mean" | "zero";

export interface Progress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  readonly per_second: number;
  readonly seconds_left: number | null;
  /** Of the stages after this one. */
  readonly seconds_after: number | null;
}

/** What the grid shows of a filter, and is sorted by. */
export interface Badge {
  readonly structure: Structure;
  readonly state: State;
  readonly training: Training;
  readonly start: Start;
  readonly use: Use;
  readonly duplicate_of: number | null;
  readonly mirror_of: number | null;
  readonly name: string | null;
  readonly delta_loss: number | null;
  readonly estimate: number | null;
}

/** How far the newest diagnosis is, and what it says of a layer. */
export interface Verdicts {
  readonly layer: number;
  readonly status: Status;
  readonly error: string | null;
  readonly progress: Progress;
  readonly images: number;
  readonly asked: number;
  readonly images_in_all: number;
  /** Whether the net's weights are others now. */
  readonly earlier: boolean;
  /** Grows with what is known. */
  readonly number: number;
  readonly summary: string;
  readonly knowledge: string;
  readonly notes: readonly string[];
  /** Empty where nothing is known of this layer; null where the page has them. */
  readonly filters: readonly Badge[] | null;
}

/** What chance gives, as shares of equal bins from low to high, and where the filter stands. */
export interface Chance {
  readonly low: number;
  readonly high: number;
  readonly mark: number;
  readonly random: FloatTensor;
  readonly alike: FloatTensor | null;
}

/** The numbers and words of `FilterVerdict`; what was not measured is null. */
export interface VerdictRow extends Badge {
  readonly sentence: string;
  readonly p_structured: number | null;
  readonly p_noise: number | null;
  readonly noise_score: number | null;
  readonly structure_reason: string;
  readonly p_training: number | null;
  readonly training_reason: string;
  /** Over the root mean square of the layer's filters. */
  readonly start_share: number | null;
  readonly start_reason: string;
  readonly name_reason: string;
  readonly state_reason: string;
  readonly use_reason: string;
  readonly ci_low: number | null;
  readonly ci_high: number | null;
  readonly share: number | null;
  readonly estimated_rise: number | null;
  readonly template: string | null;
  readonly match: number | null;
  readonly p_match: number | null;
  readonly one_pattern: number | null;
  readonly fires: number | null;
  readonly drives_most: string | null;
  readonly drives_least: string | null;
  readonly correlation: number | null;
  readonly merge_cost: number | null;
  readonly images: number;
  readonly ablated: number;
  readonly labelled: boolean;
  /** Where it goes by a score and not by the loss of classes: what is measured; else "". */
  readonly score: string;
}

/** By class, how much the loss rises without a filter; NaN where the class was not seen, or has too few images. */
export interface ClassRises {
  readonly value: FloatTensor;
  readonly low: FloatTensor;
  readonly high: FloatTensor;
  /** Images that an interval takes. */
  readonly fewest: number;
}

/** One filter with its evidence. */
export interface Verdict {
  readonly number: number;
  readonly layer: number;
  readonly filter: number;
  readonly verdict: VerdictRow;
  readonly words: string;
  readonly looks: {
    readonly pattern: FloatTensor;
    readonly template: FloatTensor;
    readonly chance: Chance;
  } | null;
  readonly structure_chance: Chance | null;
  readonly classes: readonly string[];
  readonly class_rise: ClassRises | null;
  /** Null where each image has kernels of its own. */
  readonly kernel: FloatTensor | null;
  readonly partner: { readonly filter: number; readonly kernel: FloatTensor } | null;
}

export interface Without {
  /** The means are still to be found: ask again. */
  readonly preparing: boolean;
  readonly layer: string;
  readonly filters: readonly number[];
  readonly replaced_by: ReplacedBy;
  readonly mean_images: number;
  readonly image: number;
  /** What the filters cost together by gradients alone, in nats and as a share of what the net knows. */
  readonly estimate: { readonly rise: number; readonly share: number | null; readonly images: number } | null;
  /** Class, probability, and its probability afterwards. */
  readonly before: readonly (readonly [ClassName, number, number])[];
  readonly after: readonly (readonly [ClassName, number])[];
}

export interface Estimate {
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
}

export interface Effect {
  readonly images: number;
  readonly labelled: boolean;
  /** Where it goes by a score and not by the loss of classes: what is measured; else "". */
  readonly score: string;
  readonly accuracy_before: number;
  readonly accuracy_after: number;
  readonly accuracy_change: Estimate;
  readonly loss_before: number;
  readonly loss_after: number;
  readonly loss_change: Estimate;
  readonly classes: readonly {
    readonly name: string;
    readonly images: number;
    readonly accuracy_change: Estimate;
  }[];
  /** Sentences on what was left out, and how the images went through the net. */
  readonly notes: readonly string[];
}

export interface Measurement {
  readonly status: Status;
  readonly error: string | null;
  readonly progress: Progress;
  readonly effect: Effect | null;
}

/** How far the effects of a layer's filters on the prediction for an image are, and, once they are there, these. */
export interface FilterEffects {
  readonly image: number;
  readonly layer: number;
  readonly status: Status;
  readonly error: string | null;
  readonly progress: Progress;
  readonly predicted: ClassName | null;
  /** By how many nats the log-probability of `predicted` falls without each filter. */
  readonly effects: FloatTensor | null;
}

/** The question for them; `cancel` ends what is measured. */
export interface FilterEffectsArgs {
  readonly image: number;
  readonly layer: number;
  readonly cancel?: boolean;
}

/** The question how far the newest diagnosis is. `held`: the `number` that the page has of this layer, −1 for none. */
export interface VerdictsArgs {
  readonly layer: number;
  readonly held: number;
}

export interface DiagnoseArgs extends VerdictsArgs {
  readonly images: number;
  readonly only_this_layer: boolean;
}

/** Filters of a layer that are left out. */
export interface AblationArgs {
  readonly layer: number;
  readonly filters: readonly number[];
  readonly replaced_by: ReplacedBy;
}

export interface VerdictRequests {
  verdicts: { args: VerdictsArgs; body: Verdicts };
  verdict: { args: { readonly layer: number; readonly filter: number }; body: Verdict };
  diagnose: { args: DiagnoseArgs; body: Verdicts };
  cancel_diagnosis: { args: VerdictsArgs; body: Verdicts };
  without: { args: AblationArgs & { readonly image: number }; body: Without };
  effect: {
    args: AblationArgs & { readonly images: number; readonly cancel?: boolean };
    body: Measurement;
  };
  filter_effects: { args: FilterEffectsArgs; body: FilterEffects };
}

/** Whether a message says that a diagnosis was begun, from Python or by another view. */
export function tellsOfVerdicts(content: unknown): boolean {
  return (content as { kind?: unknown } | null)?.kind === "verdicts";
}
