/** A module of the page that comes when the tray is opened, see `panels/door.ts`. */

import { surgeryPanels } from "./panels/surgery/panels";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => surgeryPanels(host);
