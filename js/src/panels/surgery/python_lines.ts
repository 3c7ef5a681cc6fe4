/** The lines that make the smaller net, to be copied. */

import { element, on, setText } from "../../dom/dom";

export class PythonLines {
  readonly #text = element("textarea.fs-tray-python", {
    readonly: true,
    rows: 4,
    spellcheck: "false",
    "aria-label": "the Python that makes the smaller net",
    name: "tray-python",
  });
  readonly #copy = element("button.fs-wide", { type: "button", name: "tray-copy" }, "Copy the Python");
  readonly #says = element("span.fs-surveyed", { role: "status" });
  readonly root = element("div", { hidden: true }, this.#text, element("div.fs-ask", this.#copy, this.#says));

  constructor() {
    on(this.#copy, "click", () => void this.#write());
  }

  paint(python: string): void {
    this.root.hidden = python === "";
    if (this.#text.value === python) return;
    this.#text.value = python;
    setText(this.#says, "");
  }

  /** Not every page may write to the clipboard: then the lines are selected, to be copied by keys. */
  async #write(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#text.value);
      setText(this.#says, "Copied; explorer stands for your Explorer.");
    } catch {
      this.#text.select();
      setText(this.#says, "Selected: copy with Ctrl+C. explorer stands for your Explorer.");
    }
  }
}
