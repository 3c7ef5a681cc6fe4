/** The panels of a saved page: what they show was saved; what only the net can answer is not there, or says so. */

import { Pointing } from "../panels/positions/panel";
import { sideBySide } from "../panels/side_by_side";
import { VerdictPanel } from "../panels/verdicts/panel";
import type { MakePanels } from "../view/host";
import type { Saved } from "./types";

const NO_NET = {
  arithmetic:
    "How its value comes about takes the net: pin the position in the notebook that this page was saved from.",
  effective: "The gradient takes the net: the notebook that this page was saved from shows it.",
} as const;

export function savedPanels({ verdicts }: Saved): MakePanels {
  return (host) =>
    sideBySide(host, [new Pointing(host, NO_NET), ...(verdicts ? [new VerdictPanel(host, true)] : [])]);
}
