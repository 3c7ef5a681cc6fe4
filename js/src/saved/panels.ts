/** The panels of a saved page: what they show was saved; what only the net can answer is not there, or says so. */

import { allPanels } from "../panels/table";
import type { MakePanels } from "../view/host";
import type { Saved } from "./types";

export function savedPanels(saved: Saved): MakePanels {
  return (host) => allPanels(host, saved);
}
