/** The room's panels with their style sheet. */

import beforeAfterCss from "../../styles/before_after.css?inline";
import labCss from "../../styles/lab.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { LabPanel } from "./panel";

export function labPanels(host: Host): Panels {
  return sideBySide(host, beforeAfterCss + labCss, [new LabPanel(host)]);
}
