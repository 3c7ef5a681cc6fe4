/** The room's panel with its style sheet. */

import comparisonCss from "../../styles/comparison.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { ComparisonPanel } from "./panel";

export function comparisonPanels(host: Host): Panels {
  return sideBySide(host, comparisonCss, [new ComparisonPanel(host)]);
}
