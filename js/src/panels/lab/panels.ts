/** The lab's tabs in a notebook, with the room's style sheet. */

import labCss from "../../styles/lab.css?inline";
import type { Host, Panels } from "../../view/host";
import { sideBySide } from "../side_by_side";
import { GeometryPart } from "./geometry_part";
import { ImagePart } from "./image_part";
import { KernelPart } from "./kernel_part";
import { Outcome } from "./outcome";
import { LabPanel } from "./panel";
import type { Bench } from "./part";
import { QuizPart } from "./quiz_part";
import { SlidePart } from "./slide_part";
import { SpectrumPart } from "./spectrum_part";
import { StagesPart } from "./stages_part";

const tabs = (bench: Bench) => [
  new KernelPart(bench, new Outcome(bench)),
  new ImagePart(bench),
  new SlidePart(bench),
  new StagesPart(bench),
  new SpectrumPart(bench),
  new GeometryPart(bench),
  new QuizPart(bench),
];

export function labPanels(host: Host): Panels {
  return sideBySide(host, labCss, [new LabPanel(host, tabs)]);
}
