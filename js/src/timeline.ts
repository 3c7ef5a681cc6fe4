/** A later module of the page, see `view/host.ts`: the net over its checkpoints, and two nets. */

import { comparisonPanels } from "./panels/comparison/panels";
import { timelinePanels } from "./panels/timeline/panels";
import type { Host, Panels } from "./view/host";
import { together } from "./view/together";

export default (host: Host): Panels => together([timelinePanels(host), comparisonPanels(host)]);
