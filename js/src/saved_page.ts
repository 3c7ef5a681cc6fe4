/** The script of a saved page: the same view and panels, and in the kernel's place the answers that were saved. */

import { element } from "./dom/dom";
import { SavedKernel } from "./saved/kernel";
import { SavedModel } from "./saved/model";
import { savedPanels } from "./saved/panels";
import { Parts } from "./saved/parts";
import type { SavedOutline } from "./saved/types";
import { markUnsaved, savedInWords } from "./saved/unsaved";
import { ExplorerView } from "./view/explorer_view";

async function start(place: HTMLElement): Promise<void> {
  const parts = new Parts((name) => document.getElementById(`fs-${name}`)?.textContent ?? null);
  const outline = await parts.read<SavedOutline>("outline");
  const lab = window.filterscopeLab ?? null;
  const timeline = window.filterscopeTimeline ?? null;
  const kernel = new SavedKernel(parts, outline, lab, timeline);
  const model = new SavedModel(outline, kernel);
  const view = new ExplorerView(model.asAnyModel(), { panels: savedPanels(outline.saved, lab, timeline) });
  // The widget's own headings are those of a part of a notebook: between them and the page's title one level is due.
  place.append(element("p.saved", savedInWords(outline)), element("h2", "Explorer"), view.root);
  markUnsaved(view.root, outline.saved, () => model.get("layer_index"));
}

const place = document.getElementById("filterscope")!;
start(place).catch((error: Error) => {
  place.append(element("p.saved", { role: "alert" }, `This page cannot be shown: ${error.message}`));
});
