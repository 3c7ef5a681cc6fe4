/** The script of the timeline in a saved page; `saved_page.ts`, which is read after it, finds it. */

import { timelinePanels } from "./panels/timeline/panels";
import { answerOverTime } from "./saved/timeline_kernel";

window.filterscopeTimeline = { answer: answerOverTime, panels: timelinePanels };
