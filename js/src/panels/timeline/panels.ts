/** The room's panel with its style sheet. */

import timelineCss from "../../styles/timeline.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { TimelinePanel } from "./panel";

export function timelinePanels(host: Host): Panels {
  return sideBySide(host, timelineCss, [new TimelinePanel(host)]);
}
