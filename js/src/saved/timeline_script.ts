/**
 * What the script of a saved page and that of its timeline know of each other: the timeline's, which stands in pages that
 * were saved with one, is read first and leaves its module here.
 */

import type { Traits } from "../state/selection";
import type { Host, Panels } from "../view/host";
import type { FrameArgs } from "../wire/frame";
import type { RequestName } from "../wire/requests";
import type { KeptTimeline } from "../wire/timeline";
import type { FrameParts } from "./frame";
import type { Parts } from "./parts";
import type { SavedOutline } from "./types";

/** In the place of a notebook's kernel, for one layer at each checkpoint. */
export interface SavedTimelineKernel {
  /** The body of a reply; null: that is not the timeline's to answer. */
  answer(name: RequestName, args: object): Promise<object> | null;
  /** A frame's parts at its checkpoint. `parts`: at the checkpoint that the page is of. */
  partsAt(args: FrameArgs, parts: FrameParts, depth: number): Promise<FrameParts>;
  /** What is to be selected instead, where a checkpoint was not saved, and why; null: it was. */
  instead(traits: Traits): { readonly traits: Traits; readonly sentence: string } | null;
}

export interface TimelineScript {
  kernel(parts: Parts, outline: SavedOutline): SavedTimelineKernel;
  panels(host: Host, kept: KeptTimeline): Panels;
}

declare global {
  interface Window {
    filterscopeTimeline?: TimelineScript;
  }
}
