/** The script of the lab in a saved page; `saved_page.ts`, which is read after it, finds it. */

import { savedLabPanels } from "./panels/lab/saved_panels";
import { LabKernel } from "./saved/lab_kernel";

window.filterscopeLab = {
  kernel: (parts, changed) => new LabKernel(parts, changed),
  panels: savedLabPanels,
};
