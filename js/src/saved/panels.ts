/** The panels of a saved page: what they show was saved; what only the net can answer is not there, or says so. */

import { exemplarPanels } from "../panels/exemplars/panels";
import { allPanels } from "../panels/table";
import type { MakePanels } from "../view/host";
import { together } from "../view/together";
import type { LabScript } from "./lab_script";
import type { TimelineScript } from "./timeline_script";
import type { Saved } from "./types";

export function savedPanels(
  saved: Saved,
  lab: LabScript | null,
  timeline: TimelineScript | null,
): MakePanels {
  return (host) => {
    const load = async () => lab?.panels ?? null; // it came with the page
    const panels = [allPanels({ ...host, load }, saved)];
    if (saved.exemplars) panels.push(exemplarPanels(host, saved.images));
    if (timeline && saved.timeline) panels.push(timeline.panels(host, saved.timeline));
    return together(panels);
  };
}
