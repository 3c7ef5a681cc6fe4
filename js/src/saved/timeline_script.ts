/**
 * What the script of a saved page and that of its timeline know of each other: the timeline's, which stands in pages that
 * were saved with one, is read first and leaves its module here.
 */

import type { Host, Panels } from "../view/host";
import type { RequestName } from "../wire/requests";
import type { KeptTimeline } from "../wire/timeline";
import type { Parts } from "./parts";

export interface TimelineScript {
  /** The body of a reply; null: that is not the timeline's to answer. */
  answer(parts: Parts, name: RequestName, args: object): Promise<object> | null;
  panels(host: Host, kept: KeptTimeline): Panels;
}

declare global {
  interface Window {
    filterscopeTimeline?: TimelineScript;
  }
}
