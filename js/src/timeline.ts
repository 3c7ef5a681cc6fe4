/** A later module of the page, see `view/host.ts`: the net over its checkpoints. */

import { timelinePanels } from "./panels/timeline/panels";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => timelinePanels(host);
