/** What is said about the widget itself: busy, an error in one sentence, and changes for a screen reader. */

import { SAY } from "../state/timing";
import { element, setText } from "./dom";

const COMPUTING = "computing …";
const BUSY = "the kernel is busy …";
const SILENT = "the kernel is busy, or was restarted: run the cell again then";
const GONE =
  "The kernel that drew this has gone: it was restarted or has ended. Run this cell again to go on.";
const NOBODY = "No kernel is here to answer, so that nothing can be moved. Run the notebook's cell to go on.";

export class Status {
  readonly #alert = element("p.fs-alert", { role: "alert" });
  readonly #live = element("p.fs-live", { "aria-live": "polite" });
  readonly busy = element("span.fs-busy", { "aria-hidden": "true" }, COMPUTING);
  readonly nodes = [this.#alert, this.#live] as const;
  #busyTimer: ReturnType<typeof setTimeout> | undefined;
  #liveTimer: ReturnType<typeof setTimeout> | undefined;

  readonly #root: HTMLElement;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** `waiting`: an answer is outstanding. */
  show(state: {
    ready: boolean;
    waiting: boolean;
    /** `"none"`: it has drawn nothing in this page. */
    kernel: "there" | "gone" | "none";
    error: string | null;
    notice: string | null;
  }): void {
    this.#root.dataset.ready = String(state.ready);
    if (state.error === null) delete this.#root.dataset.error;
    else this.#root.dataset.error = "true";
    const words = { there: null, gone: GONE, none: NOBODY }[state.kernel];
    if (words) this.#root.dataset.kernel = state.kernel;
    else delete this.#root.dataset.kernel;
    setText(this.#alert, [words, state.error, state.notice].filter(Boolean).join(" "));
    if (!state.waiting) this.#rest();
    else if (this.#busyTimer === undefined) {
      this.#busyTimer = setTimeout(() => {
        this.#root.dataset.busy = "true";
        this.#busyTimer = setTimeout(() => {
          setText(this.busy, BUSY);
          this.#busyTimer = setTimeout(() => setText(this.busy, SILENT), SAY.kernelSilent - SAY.kernelBusy);
        }, SAY.kernelBusy - SAY.computing);
      }, SAY.computing);
    }
  }

  announce(words: string): void {
    clearTimeout(this.#liveTimer);
    this.#liveTimer = setTimeout(() => setText(this.#live, words), SAY.announcement);
  }

  dispose(): void {
    this.#rest();
    clearTimeout(this.#liveTimer);
  }

  #rest(): void {
    clearTimeout(this.#busyTimer);
    this.#busyTimer = undefined;
    setText(this.busy, COMPUTING);
    delete this.#root.dataset.busy;
  }
}
