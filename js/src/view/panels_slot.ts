/** Where a view keeps the page's later modules: nothing at first; when they have come, they hear what they have missed. */

import { element } from "../dom/dom";
import type { Host, MakePanels, Panels } from "./host";
import { together } from "./together";

const NONE =
  "Pixels cannot be pointed at, nor verdicts be shown: this page does not let the widget load its second part.";

/** A module for each view, so that views share nothing; from a blob URL, as anywidget loads the first. */
export async function imported(text: string): Promise<MakePanels | null> {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return (await import(/* @vite-ignore */ url)).default ?? null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

export class PanelsSlot {
  readonly below = element("div");
  readonly end = element("div");
  /** What has come. */
  panels: Panels | null = null;
  /** It is asked for once in the life of a view. */
  asked = false;
  #gone = false;
  #size: readonly [width: number, ratio: number] = [0, 1];

  layout(width: number, ratio: number): void {
    this.#size = [width, ratio];
    this.panels?.layout(width, ratio);
  }

  /** Where the page's policy forbids it, all else goes on as it is. */
  async load(texts: readonly string[], host: Host, caughtUp: (panels: Panels) => void): Promise<void> {
    const all = await Promise.all(texts.map((text) => imported(text).catch(() => null)));
    const makes = all.filter((make) => make !== null);
    if (this.#gone) return;
    if (makes.length > 0) this.stand((given) => together(makes.map((make) => make(given))), host, caughtUp);
    else this.refuse(host);
  }

  stand(make: MakePanels, host: Host, caughtUp: (panels: Panels) => void): void {
    this.asked = true;
    this.panels = make(host);
    this.panels.layout(...this.#size);
    caughtUp(this.panels);
    host.root.dataset.panels = "true";
  }

  refuse({ root }: Host): void {
    root.dataset.panels = "false";
    this.end.replaceChildren(element("p.fs-note", NONE));
  }

  dispose(): void {
    this.#gone = true;
    this.panels?.dispose();
    this.panels = null;
  }
}
