/** The room's panels with their style sheet, for whoever puts them in a view. */

import exemplarsCss from "../../styles/exemplars.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { ExemplarsPanel } from "./panel";

/** `saved`: in a saved page the indices in the data set of its images; null where there is a kernel to ask. */
export function exemplarPanels(host: Host, saved: readonly number[] | null): Panels {
  return sideBySide(host, exemplarsCss, [new ExemplarsPanel(host, saved)]);
}
