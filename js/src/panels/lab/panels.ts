/** The room's panels with their style sheet. */

import labCss from "../../styles/lab.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { LabPanel } from "./panel";

export function labPanels(host: Host): Panels {
  return sideBySide(host, labCss, [new LabPanel(host)]);
}
