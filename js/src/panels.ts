/** The page's second module, see `view/host.ts`. */

import { allPanels } from "./panels/table";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => allPanels(host);
