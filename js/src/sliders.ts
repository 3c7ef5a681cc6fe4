/** A slider with its label, previous and next buttons, a number to type, and words for what it points at. */

import { element, options, setText } from "./dom";

/** Where the number of images is not known, the slider reaches at least this far. */
const OPEN_END = 99;
/** Wheel travel, in pixels, of one step. */
const WHEEL_STEP = 40;

export class IndexSlider {
  readonly #move: (value: number) => void;
  readonly #words: HTMLElement;
  readonly #range: HTMLInputElement;
  readonly #typed: HTMLInputElement;
  readonly #previous: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  readonly root: HTMLElement;

  #value = 0;
  #last = 0;
  /** Null: not known. */
  #length: number | null = 1;
  #travel = 0;

  constructor(
    name: "image" | "layer" | "filter",
    move: (value: number) => void,
    words: HTMLElement = element("span", { class: "fs-words" }),
  ) {
    this.#move = move;
    this.#words = words;
    const own = { "data-lm-suppress-shortcuts": "true" };
    this.#range = element("input", { type: "range", name, min: 0, max: 0, step: 1, ...own });
    this.#typed = element("input", { type: "number", name: `${name}-number`, min: 0, step: 1, ...own });
    this.#typed.setAttribute("aria-label", `${name} number`);
    this.#previous = element("button", { type: "button", "aria-label": `previous ${name}`, ...own }, "‹");
    this.#next = element("button", { type: "button", "aria-label": `next ${name}`, ...own }, "›");
    const label = element("label", {}, element("span", { class: "fs-name" }, name), this.#range);
    this.root = element(
      "div",
      { class: "fs-slider" },
      label,
      this.#previous,
      this.#typed,
      this.#next,
      this.#words,
    );
    this.#listen();
  }

  /** `length` null: nobody knows how many there are. */
  show(value: number, length: number | null): void {
    this.#length = length;
    this.#last =
      length === null ? Math.max(this.#last, OPEN_END, value < this.#last ? 0 : value * 2) : length - 1;
    this.#value = value;
    // The end first: a browser cuts a value that lies beyond it.
    this.#range.max = String(this.#last);
    if (this.#range.value !== String(value)) this.#range.value = String(value);
    if (length === null) this.#typed.removeAttribute("max");
    else this.#typed.max = String(this.#last);
    this.#typed.value = String(value);
    // Not the disabled property: a focused button that becomes disabled would lose the focus.
    this.#previous.setAttribute("aria-disabled", String(value <= 0));
    this.#next.setAttribute("aria-disabled", String(length !== null && value >= this.#last));
  }

  /** `current`: the words belong to the value the slider stands at, and not to a picture about to be replaced. */
  say(words: string, current = true): void {
    this.write(words);
    this.#words.title = words;
    this.#words.classList.toggle("fs-old", !current);
    if (current)
      this.#range.setAttribute("aria-valuetext", words ? `${this.#value}, ${words}` : String(this.#value));
  }

  protected write(words: string): void {
    setText(this.#words, words);
  }

  #listen(): void {
    this.#range.addEventListener("input", () => this.go(this.#range.valueAsNumber));
    this.#typed.addEventListener("change", () => this.go(this.#typed.valueAsNumber));
    this.#previous.addEventListener("click", () => this.go(this.#value - 1));
    this.#next.addEventListener("click", () => this.go(this.#value + 1));
    this.#range.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
  }

  protected go(value: number): void {
    const last = this.#length === null ? Number.POSITIVE_INFINITY : this.#last;
    const whole = Number.isNaN(value) ? this.#value : Math.round(Math.min(Math.max(0, value), last));
    this.show(whole, this.#length);
    this.#move(whole);
  }

  /** On a focused slider only: else the notebook scrolls. */
  #wheel(event: WheelEvent): void {
    if (!this.#range.matches(":focus")) return;
    event.preventDefault();
    this.#travel += event.deltaY === 0 ? event.deltaX : event.deltaY;
    const steps = Math.trunc(this.#travel / WHEEL_STEP);
    this.#travel -= steps * WHEEL_STEP;
    if (steps !== 0) this.go(this.#value + Math.sign(steps));
  }
}

/** The layer's slider: its words are a list of all layers, to go to one by its name. */
export class LayerSlider extends IndexSlider {
  readonly #list: HTMLSelectElement;
  #titles: readonly string[] = [];

  constructor(move: (layer: number) => void) {
    const list = element("select", {
      class: "fs-words",
      name: "layer-name",
      "aria-label": "layer by name",
      "data-lm-suppress-shortcuts": "true",
    });
    super("layer", move, list);
    this.#list = list;
    list.addEventListener("change", () => this.go(list.selectedIndex));
  }

  override show(layer: number, length: number | null, titles: readonly string[] = []): void {
    super.show(layer, length);
    if (titles.length !== this.#titles.length || titles.some((title, k) => title !== this.#titles[k])) {
      this.#titles = titles;
      options(
        this.#list,
        titles.map((title, k) => [String(k), title]),
      );
    }
    if (this.#list.selectedIndex !== layer) this.#list.selectedIndex = layer;
    this.say(titles[layer] ?? "");
  }

  protected override write(): void {}
}
