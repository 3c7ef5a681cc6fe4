/** A slider with its label, previous and next buttons, a number to type, and words for what it points at. */

import { element, setText } from "./dom";

/** Where the number of images is not known, the slider reaches at least this far. */
const OPEN_END = 99;
/** Wheel travel, in pixels, of one step. */
const WHEEL_STEP = 40;

export class IndexSlider {
  private readonly range: HTMLInputElement;
  private readonly typed: HTMLInputElement;
  private readonly previous: HTMLButtonElement;
  private readonly next: HTMLButtonElement;
  private readonly words = element("span", { class: "fs-words" });
  readonly root: HTMLElement;

  private value = 0;
  private last = 0;
  /** Null: not known. */
  private length: number | null = 1;
  private travel = 0;

  constructor(
    name: "image" | "layer" | "filter",
    private readonly move: (value: number) => void,
  ) {
    const own = { "data-lm-suppress-shortcuts": "true" };
    this.range = element("input", { type: "range", name, min: 0, max: 0, step: 1, ...own });
    this.typed = element("input", { type: "number", name: `${name}-number`, min: 0, step: 1, ...own });
    this.typed.setAttribute("aria-label", `${name} number`);
    this.previous = element("button", { type: "button", "aria-label": `previous ${name}`, ...own }, "‹");
    this.next = element("button", { type: "button", "aria-label": `next ${name}`, ...own }, "›");
    const label = element("label", {}, element("span", { class: "fs-name" }, name), this.range);
    this.root = element(
      "div",
      { class: "fs-slider" },
      label,
      this.previous,
      this.typed,
      this.next,
      this.words,
    );
    this.listen();
  }

  /** `length` null: nobody knows how many there are. */
  show(value: number, length: number | null): void {
    this.length = length;
    this.last =
      length === null ? Math.max(this.last, OPEN_END, value < this.last ? 0 : value * 2) : length - 1;
    this.value = value;
    // The end first: a browser cuts a value that lies beyond it.
    this.range.max = String(this.last);
    if (this.range.value !== String(value)) this.range.value = String(value);
    if (length === null) this.typed.removeAttribute("max");
    else this.typed.max = String(this.last);
    this.typed.value = String(value);
    // Not the disabled property: a focused button that becomes disabled would lose the focus.
    this.previous.setAttribute("aria-disabled", String(value <= 0));
    this.next.setAttribute("aria-disabled", String(length !== null && value >= this.last));
  }

  /** `current`: the words belong to the value the slider stands at, and not to a picture about to be replaced. */
  say(words: string, current = true): void {
    setText(this.words, words);
    this.words.title = words;
    this.words.classList.toggle("fs-old", !current);
    if (current)
      this.range.setAttribute("aria-valuetext", words ? `${this.value}, ${words}` : String(this.value));
  }

  private listen(): void {
    this.range.addEventListener("input", () => this.go(this.range.valueAsNumber));
    this.typed.addEventListener("change", () => this.go(this.typed.valueAsNumber));
    this.previous.addEventListener("click", () => this.go(this.value - 1));
    this.next.addEventListener("click", () => this.go(this.value + 1));
    this.range.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  private go(value: number): void {
    const last = this.length === null ? Number.POSITIVE_INFINITY : this.last;
    const whole = Number.isNaN(value) ? this.value : Math.round(Math.min(Math.max(0, value), last));
    this.show(whole, this.length);
    this.move(whole);
  }

  /** On a focused slider only: else the notebook scrolls. */
  private wheel(event: WheelEvent): void {
    if (!this.range.matches(":focus")) return;
    event.preventDefault();
    this.travel += event.deltaY === 0 ? event.deltaX : event.deltaY;
    const steps = Math.trunc(this.travel / WHEEL_STEP);
    this.travel -= steps * WHEEL_STEP;
    if (steps !== 0) this.go(this.value + Math.sign(steps));
  }
}
