/** The room's panels with their style sheet. */

import beforeAfterCss from "../../styles/before_after.css?inline";
import surgeryCss from "../../styles/surgery.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { TrayPanel } from "./panel";

export function surgeryPanels(host: Host): Panels {
  return sideBySide(host, beforeAfterCss + surgeryCss, [new TrayPanel(host)]);
}
