/** The line that begins a scan, shows how far it is and ends it. */

import { attribute, element, on, setText } from "../../dom/dom";
import type { Scans } from "../../wire/scans";
import { RunBar } from "../run_bar";
import { IDLE, statusInWords } from "./words";

export interface ScanBarActions {
  /** `images` null: all. */
  start(images: number | null, onlyThisLayer: boolean): void;
  cancel(): void;
  open(open: boolean): void;
}

export class ScanBar {
  readonly #run: RunBar;
  readonly #toggle = element("button.fs-wide", { type: "button", name: "show-exemplars", hidden: true });
  readonly root: HTMLElement;
  #open = false;

  /** `begins`: a scan can be begun. */
  constructor(actions: ScanBarActions, controls: string, begins: boolean) {
    this.#run = new RunBar({
      name: "scan",
      words: "Scan",
      noun: "scan",
      how: "div.fs-scan-how",
      hint: "Which layers are scanned",
      images: {
        placeholder: "all",
        title: "How many images, drawn from the whole data set; empty: all of them",
      },
      idle: IDLE,
      start: (images, only) => {
        const typed = images.value.trim();
        const value = Math.round(images.valueAsNumber);
        const wrong = typed === "" ? images.validity?.badInput : !(value >= 1);
        if (wrong) return "Type how many images are looked at, 1 or more, or nothing for all.";
        actions.start(typed === "" ? null : value, only);
        return "";
      },
      cancel: () => actions.cancel(),
    });
    this.#run.begin.hidden = !begins;
    this.root = element("div.fs-scan-bar", this.#run.begin, this.#run.how, this.#toggle);
    attribute(this.#toggle, "aria-controls", controls);
    on(this.#toggle, "click", () => actions.open(!this.#open));
    this.opened(false);
  }

  opened(open: boolean): void {
    this.#open = open;
    attribute(this.#toggle, "aria-expanded", open);
    setText(this.#toggle, open ? "Hide images" : "Show images");
  }

  paint(scans: Scans): void {
    const { status, progress, earlier } = scans;
    const run = this.#run;
    run.paint(status, progress, earlier, statusInWords(scans));
    run.progress.title = run.progress.textContent ?? "";
    this.#toggle.hidden = status === "none";
  }

  /** An answer did not come, or could not be given. */
  fail(message: string): void {
    this.#run.say(message);
  }
}
