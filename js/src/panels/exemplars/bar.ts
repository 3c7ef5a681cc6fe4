/** The line that begins a scan, shows how far it is and ends it. */

import { attribute, element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Scans } from "../../wire/scans";
import { IDLE, statusInWords } from "./words";

export interface ScanBarActions {
  /** `images` null: all. */
  start(images: number | null, onlyThisLayer: boolean): void;
  cancel(): void;
  open(open: boolean): void;
}

const LAYERS = [
  ["all", "all layers"],
  ["one", "this layer"],
] as const;

export class ScanBar {
  readonly #button = element("button.fs-wide", { type: "button", name: "scan" }, "Scan");
  readonly #cancel = element(
    "button.fs-wide",
    { type: "button", name: "cancel-scan", hidden: true },
    "Cancel",
  );
  readonly #images = element("input", {
    type: "number",
    name: "scan-images",
    min: 1,
    step: 1,
    placeholder: "all",
    title: "How many images, drawn from the whole data set; empty: all of them",
  });
  readonly #layers = new Select("scan-layers", "of", LAYERS, "Which layers are scanned", () => {});
  readonly #bar = element("progress", { "aria-label": "scan", hidden: true, max: 1 });
  readonly #progress = element("span.fs-surveyed");
  readonly #toggle = element("button.fs-wide", { type: "button", name: "show-exemplars", hidden: true });
  readonly root: HTMLElement;
  readonly #actions: ScanBarActions;
  #open = false;
  /** What was typed wrongly: it stands until it is put right, whatever answers come meanwhile. */
  #mistake = "";

  /** `begins`: a scan can be begun. */
  constructor(actions: ScanBarActions, controls: string, begins: boolean) {
    this.#actions = actions;
    const many = element("label.fs-choice", this.#images, element("span.fs-name", "images"));
    const begin = element("div.fs-ask", this.#button, this.#cancel, many, this.#layers.root);
    begin.hidden = !begins;
    const how = element("div.fs-scan-how", this.#progress, this.#bar);
    this.root = element("div.fs-scan-bar", begin, how, this.#toggle);
    attribute(this.#toggle, "aria-controls", controls);
    on(this.#button, "click", () => this.#start());
    on(this.#images, "keydown", (event) => {
      if (event.key === "Enter") this.#start();
    });
    on(this.#cancel, "click", () => actions.cancel());
    on(this.#toggle, "click", () => actions.open(!this.#open));
    setText(this.#progress, IDLE);
    this.opened(false);
  }

  opened(open: boolean): void {
    this.#open = open;
    attribute(this.#toggle, "aria-expanded", open);
    setText(this.#toggle, open ? "Hide images" : "Show images");
  }

  paint(scans: Scans): void {
    const { status, progress, earlier } = scans;
    const running = status === "running";
    const focused = (this.root.getRootNode() as Document | ShadowRoot).activeElement;
    this.#cancel.hidden = !running;
    this.#button.hidden = running;
    if (running && focused === this.#button) this.#cancel.focus();
    if (!running && focused === this.#cancel) this.#button.focus();
    setText(this.#button, earlier ? "Scan again" : "Scan");
    this.#bar.hidden = !running;
    this.#bar.value = progress && progress.total > 0 ? progress.done / progress.total : 0;
    setText(this.#progress, this.#mistake || statusInWords(scans));
    this.#progress.title = this.#progress.textContent ?? "";
    this.#toggle.hidden = status === "none";
  }

  /** An answer did not come, or could not be given. */
  fail(message: string): void {
    setText(this.#progress, message);
  }

  #start(): void {
    const typed = this.#images.value.trim();
    const value = Math.round(this.#images.valueAsNumber);
    const wrong = typed === "" ? this.#images.validity?.badInput : !(value >= 1);
    this.#mistake = wrong ? "Type how many images are looked at, 1 or more, or nothing for all." : "";
    if (this.#mistake) this.fail(this.#mistake);
    else this.#actions.start(typed === "" ? null : value, this.#layers.value === "one");
  }
}
