/** The lab's tabs in a saved page: those that the page computes by itself. */

import { element } from "../../dom/dom";
import labCss from "../../styles/lab.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { type Consequences, KernelPart } from "./kernel_part";
import { LabPanel } from "./panel";
import type { Bench } from "./part";
import { SlidePart } from "./slide_part";

/** What comes of an edit behind the layer takes the net. */
class OfThisLayer implements Consequences {
  readonly trial = "The pictures of this layer are of this trial; all else in this page is the net's own.";
  readonly root = element(
    "div.fs-outcome",
    element("h4.fs-title", "How far it reaches"),
    element(
      "p.fs-note",
      "This page computes this layer alone. The layers behind it, the prediction, the verdicts and the exemplars are the net's " +
        "own: what an edit does to those takes the notebook that this page was saved from.",
    ),
  );

  follow(): void {}

  reply(): boolean {
    return false;
  }
}

const tabs = (bench: Bench) => [new KernelPart(bench, new OfThisLayer()), new SlidePart(bench)];

export function savedLabPanels(host: Host): Panels {
  return sideBySide(host, labCss, [new LabPanel(host, tabs)]);
}
