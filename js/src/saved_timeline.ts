/** The script of the timeline in a saved page; `saved_page.ts`, which is read after it, finds it. */

import { savedTimelinePanels } from "./panels/timeline/saved_panels";
import { TimelineKernel } from "./saved/timeline_kernel";

window.filterscopeTimeline = {
  kernel: (parts, outline) => new TimelineKernel(parts, outline),
  panels: savedTimelinePanels,
};
