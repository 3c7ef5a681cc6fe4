/** The lab on the wire: a filter whose kernels can be edited, what comes of it, and other trials. */

import type { ClassName, FrameArgs, Picture, Prediction } from "./frame";
import type { ByteTensor, FloatTensor } from "./tensor";
import type { Status } from "./verdicts";

export interface FilterArgs {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
}

/** What is edited, and what can be undone. */
export interface History {
  readonly revision: number;
  readonly edits: readonly { readonly layer: string; readonly filter: number }[];
  readonly can_undo: boolean;
  readonly can_redo: boolean;
}

/** What stands after a step. `kernels`: of the filter that was asked about, (C, …). */
export interface HistoryStep extends History {
  readonly layer: number;
  readonly filter: number;
  readonly kernels: FloatTensor;
}

export type StepName = "undo" | "redo" | "reset" | "own";

export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

/** Along rows and columns; of a signal the rows are one. `pads`: before and after. */
export interface Geometry {
  readonly stride: readonly number[];
  readonly pads: readonly (readonly number[])[];
  readonly mode: PaddingMode;
  readonly dilation: readonly number[];
}

export interface LabStep {
  readonly name: string;
  readonly numbers: FloatTensor;
}

export interface Preset {
  readonly name: string;
  /** One kernel, or all of the filter's. */
  readonly kernel: FloatTensor;
}

export interface LabFilter extends History, FilterArgs {
  /** Why its kernels cannot be edited; empty where they can. */
  readonly why_not: string;
  /** Those that stand now, and the net's own: (C, …). */
  readonly kernels: FloatTensor;
  readonly own: FloatTensor;
  readonly bias: FloatTensor;
  /** What the layer is given and the planes of the image, where the page computes with them. */
  readonly input: FloatTensor | null;
  readonly over: FloatTensor | null;
  readonly geometry: Geometry | null;
  /** To the activation; null: Python alone knows. */
  readonly steps: readonly LabStep[] | null;
  readonly presets: readonly Preset[];
}

export interface Changes {
  readonly revision: number;
  readonly image: number;
  readonly layers: readonly string[];
  readonly changes: FloatTensor;
  readonly before: Prediction;
  readonly after: Prediction;
}

/** Value, low and high of each estimate; before and after of what it is the change of. */
export interface EditEffect {
  readonly images: number;
  readonly labelled: boolean;
  readonly accuracy: FloatTensor;
  readonly accuracy_change: FloatTensor;
  readonly loss: FloatTensor;
  readonly loss_change: FloatTensor;
  readonly notes: readonly string[];
}

export interface Working {
  readonly status: Status;
  readonly done?: number;
  readonly total?: number;
}

export interface Stage extends Picture {
  readonly kind: string;
  readonly name: string;
  readonly shape: readonly number[];
}

export interface Spectra {
  readonly revision: number;
  readonly unit: string;
  readonly pictures: readonly (Picture & { readonly name: string })[];
  readonly curves: readonly { readonly name: string; readonly values: FloatTensor }[];
  readonly frequencies: FloatTensor;
}

export interface GeometryArgs extends FilterArgs {
  readonly stride: number | null;
  readonly padding: number | null;
  readonly padding_mode: string | null;
  readonly dilation: number | null;
}

export interface GeometryTrial extends Picture {
  readonly formula: readonly string[];
  readonly parameters: number;
  readonly sees: readonly number[];
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly padding: readonly number[];
  readonly padding_mode: string;
  readonly dilation: readonly number[];
  readonly own: {
    readonly stride: readonly number[];
    readonly padding: readonly number[];
    readonly padding_mode: string;
    readonly dilation: readonly number[];
  };
}

export interface ImageArgs {
  readonly image: number;
  readonly kind: "painted" | "picture" | "own";
  readonly shape?: readonly number[];
  /** Its bytes as base64. */
  readonly pixels?: string;
  readonly plane?: number | null;
}

/** Heat maps of what falls when a box covers a place, of the filter and of the class that is predicted. */
export interface Occlusion extends Working, FilterArgs {
  readonly box?: number;
  readonly stride?: number;
  readonly predicted?: ClassName | null;
  readonly maps?: readonly (Picture & { readonly of: "filter" | "class" })[];
}

export interface Grade {
  readonly rounds: number;
  readonly answered: number;
  readonly right: number;
  readonly score: number;
  readonly low: number;
  readonly high: number;
  readonly better_than_chance: boolean;
}

export type Side = "left" | "right";

export interface QuizRound {
  readonly round: number;
  readonly layer: string;
  readonly filter: number;
  readonly pictures: readonly ByteTensor[];
  /** Null until it is answered. */
  readonly right: boolean | null;
  readonly drives: Side | null;
  readonly values: FloatTensor | null;
  readonly grade: Grade;
}

export interface LabRequests {
  lab_quiz: { args: { round: number; seed?: number; side?: Side }; body: QuizRound };
  module: { args: { room: string }; body: { readonly text: string } };
  lab: { args: FrameArgs; body: LabFilter };
  edit_kernel: {
    args: { layer: number; filter: number; kernel: readonly number[]; gesture: string };
    body: History;
  };
  lab_history: { args: FilterArgs & { step: StepName }; body: HistoryStep };
  lab_changes: { args: { image: number }; body: Changes };
  lab_effect: { args: { images: number; cancel?: boolean }; body: Working & { effect?: EditEffect } };
  lab_image: { args: ImageArgs; body: { readonly revision: number; readonly tried: number | null } };
  lab_occlusion: { args: FilterArgs & { box: number | null; cancel?: boolean }; body: Occlusion };
  lab_stages: {
    args: FilterArgs & { channel: number | null };
    body: { readonly revision: number; readonly stages: readonly Stage[] };
  };
  lab_spectrum: { args: FrameArgs & { rate: number | null }; body: Spectra };
  lab_geometry: { args: GeometryArgs; body: GeometryTrial };
}
