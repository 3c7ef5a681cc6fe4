/** A later module of the page, see `view/host.ts`: what drives each filter, over the whole data set. */

import { ExemplarsPanel } from "./panels/exemplars/panel";
import { sideBySide } from "./panels/side_by_side";
import exemplarsCss from "./styles/exemplars.css?inline";
import type { Host, Panels } from "./view/host";

export default (host: Host): Panels => sideBySide(host, exemplarsCss, [new ExemplarsPanel(host)]);
