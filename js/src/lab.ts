/** A module of the page that comes when the lab is opened, see `panels/lab/door.ts`. */

import { labPanels } from "./panels/lab/panels";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => labPanels(host);
