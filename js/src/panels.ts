/** The page's second module, see seam.ts. */

import { Pointing } from "./panels/positions/panel";
import { sideBySide } from "./panels/side_by_side";
import { VerdictPanel } from "./panels/verdicts/panel";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => sideBySide(host, [new Pointing(host), new VerdictPanel(host)]);
