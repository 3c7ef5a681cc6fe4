/** The line that begins work in the background, shows how far it is and ends it. */

import { element, on, setText } from "../dom/dom";
import { Select } from "../dom/select";
import type { Progress, Status } from "../wire/verdicts";

const LAYERS = [
  ["all", "all layers"],
  ["one", "this layer"],
] as const;

export interface Work {
  /** What its button is called and says. */
  readonly name: string;
  readonly words: string;
  readonly noun: string;
  /** Where it is shown how far it is. */
  readonly how: "div.fs-how" | "div.fs-scan-how";
  /** Why the choice of layers is there. */
  readonly hint: string;
  /** Of the number to type. */
  readonly images: Readonly<Record<string, string | number>>;
  readonly idle: string;
  /** Begins it, or says what was typed wrongly. */
  start(images: HTMLInputElement, onlyThisLayer: boolean): string;
  cancel(): void;
}

export class RunBar {
  readonly #work: Work;
  readonly #button: HTMLButtonElement;
  readonly #cancel: HTMLButtonElement;
  readonly #images: HTMLInputElement;
  readonly #layers: Select;
  readonly #bar: HTMLProgressElement;
  readonly progress = element("span.fs-surveyed");
  /** What begins it; how far it is. */
  readonly begin: HTMLElement;
  readonly how: HTMLElement;
  /** What was typed wrongly: it stands until it is put right, whatever answers come meanwhile. */
  #mistake = "";

  constructor(work: Work) {
    const { name, noun } = work;
    this.#work = work;
    this.#button = element("button.fs-wide", { type: "button", name }, work.words);
    this.#cancel = element(
      "button.fs-wide",
      { type: "button", name: `cancel-${noun}`, hidden: true },
      "Cancel",
    );
    this.#images = element("input", {
      type: "number",
      name: `${name}-images`,
      min: 1,
      step: 1,
      ...work.images,
    });
    this.#layers = new Select(`${name}-layers`, "of", LAYERS, work.hint, () => {});
    this.#bar = element("progress", { "aria-label": noun, hidden: true, max: 1 });
    const many = element("label.fs-choice", this.#images, element("span.fs-name", "images"));
    this.begin = element("div.fs-ask", this.#button, this.#cancel, many, this.#layers.root);
    this.how = element(work.how, this.progress, this.#bar);
    on(this.#button, "click", () => this.#start());
    on(this.#images, "keydown", (event) => {
      if (event.key === "Enter") this.#start();
    });
    on(this.#cancel, "click", () => work.cancel());
    this.say(work.idle);
  }

  /** `words`: how far it is. */
  paint(status: Status, progress: Progress | null, earlier: boolean, words: string): void {
    const running = status === "running";
    const focused = (this.begin.getRootNode() as Document | ShadowRoot).activeElement;
    this.#cancel.hidden = !running;
    this.#button.hidden = running;
    if (running && focused === this.#button) this.#cancel.focus();
    if (!running && focused === this.#cancel) this.#button.focus();
    setText(this.#button, earlier ? `${this.#work.words} again` : this.#work.words);
    this.#bar.hidden = !running;
    this.#bar.value = progress && progress.total > 0 ? progress.done / progress.total : 0;
    this.say(this.#mistake || words);
  }

  say(message: string): void {
    setText(this.progress, message);
  }

  #start(): void {
    this.#mistake = this.#work.start(this.#images, this.#layers.value === "one");
    if (this.#mistake) this.say(this.#mistake);
  }
}
