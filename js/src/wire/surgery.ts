/** The tray on the wire: filters that are left out, and the smaller net without them. */

import type { Prediction } from "./frame";
import type { FloatTensor } from "./tensor";
import type { Effect, Status } from "./verdicts";

/** A filter by the indices of its layer and its own. */
export type FilterOf = readonly [layer: number, filter: number];

export interface TrayLayer {
  readonly index: number;
  readonly name: string;
  readonly filters: readonly number[];
  readonly had: number;
}

/** What is in the tray. */
export interface Tray {
  /** Until it is "done" there is nothing but why: ask again. */
  readonly status: "waiting" | "preparing" | "done";
  readonly why?: string;
  readonly image: number;
  /** The layer on screen. */
  readonly layer: number;
  readonly layers: readonly TrayLayer[];
  /** Of filters that can only go together. */
  readonly groups: number;
  /** How many there are, and how many would be left. */
  readonly parameters: readonly [number, number];
  /** Filters of the layer on screen that cannot be removed, each with why. */
  readonly fixed: readonly (readonly [number, string])[];
  /** The verdicts' words, each with how many groups it would put in. */
  readonly words: readonly (readonly [string, number])[];
  readonly before: Prediction;
  readonly after: Prediction;
  /** The lines that make the smaller net; empty of an empty tray. */
  readonly python: string;
  /** The smaller net stands beside the original on the page. */
  readonly beside: boolean;
}

export interface TrayArgs {
  readonly image: number;
  readonly layer: number;
  readonly filters: readonly FilterOf[];
  /** These are put in, or taken out, one after another. */
  readonly toggles?: readonly FilterOf[];
  /** All are put in of which this holds. */
  readonly word?: string;
}

/** How far work in the background is. */
export interface Working {
  readonly status: Status;
  readonly stage?: string;
  readonly done?: number;
  readonly total?: number;
}

/** In which order filters can go: the first ones cost least together. */
export interface TrayOrder extends Working {
  readonly groups?: readonly (readonly FilterOf[])[];
  /** The share of the parameters that is left without none, the first, the first two … */
  readonly left?: FloatTensor;
}

export interface Size {
  readonly parameters: number;
  readonly multiply_adds: number;
  /** Of one image. */
  readonly seconds: number;
}

/** The smaller net, made and measured. */
export interface TrayPlan extends Working {
  readonly before?: Size;
  readonly after?: Size;
  /** Null where the net's output is not one score a class. */
  readonly effect?: Effect | null;
  readonly notes?: readonly string[];
}

/** What it costs when a layer keeps fewer and fewer filters; the changes are (P, 3): value, low, high. */
export interface Widths extends Working {
  readonly layer?: number;
  readonly name?: string;
  readonly filters?: number;
  readonly kept?: readonly number[];
  readonly loss?: FloatTensor;
  readonly accuracy?: FloatTensor;
  readonly spared?: number;
  readonly together?: readonly string[];
  readonly reason?: string;
}

interface Cancel {
  readonly cancel?: boolean;
}

export interface SurgeryRequests {
  tray: { args: TrayArgs; body: Tray };
  tray_order: { args: Cancel; body: TrayOrder };
  tray_plan: { args: { readonly filters: readonly FilterOf[] } & Cancel; body: TrayPlan };
  /** Puts the smaller net beside the original on all pages, or takes it away. */
  tray_compare: {
    args: { readonly filters?: readonly FilterOf[]; readonly close?: boolean } & Cancel;
    body: Working;
  };
  tray_widths: { args: { readonly layer: number } & Cancel; body: Widths };
}
