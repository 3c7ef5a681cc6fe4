/** The room's panel with its style sheet. */

import timelineCss from "../../styles/timeline.css?inline";
import type { Host, Panels } from "../../view/host";
import type { KeptTimeline } from "../../wire/timeline";
import { sideBySide } from "../side_by_side";
import { TimelinePanel } from "./panel";

/** `kept`: what a saved page holds; null where there is a kernel to ask. */
export function timelinePanels(host: Host, kept: KeptTimeline | null = null): Panels {
  return sideBySide(host, timelineCss, [new TimelinePanel(host, kept)]);
}
