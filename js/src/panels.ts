/** The page's second module, see seam.ts. */

import { sideBySide } from "./panels/parts";
import { Pointing } from "./panels/pointing";
import { VerdictPanel } from "./panels/verdicts";
import type { Host, Panels } from "./seam";

export default (host: Host): Panels => sideBySide(host, [new Pointing(host), new VerdictPanel(host)]);
