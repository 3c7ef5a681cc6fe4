/** The panels of a saved page: what they show was saved; what only the net can answer is not there, or says so. */

import { exemplarPanels } from "../panels/exemplars/panels";
import { allPanels } from "../panels/table";
import type { MakePanels } from "../view/host";
import { together } from "../view/together";
import type { Saved } from "./types";

export function savedPanels(saved: Saved): MakePanels {
  return (host) => {
    const panels = allPanels(host, saved);
    return saved.exemplars ? together([panels, exemplarPanels(host, saved.images)]) : panels;
  };
}
