/** A later module of the page, see `view/host.ts`: what drives each filter, over the whole data set. */

import { exemplarPanels } from "./panels/exemplars/panels";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => exemplarPanels(host, null);
