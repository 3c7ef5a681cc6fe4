/** A slider with its label, previous and next buttons, a number to type, and words for what it points at. */

import { attribute, element, on, setText } from "./dom";

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
  /** A number is being typed, and stays as it is whatever is shown meanwhile. */
  #typing = false;

  constructor(
    name: "image" | "layer" | "filter" | "slice" | "checkpoint",
    move: (value: number) => void,
    words: HTMLElement = element("span.fs-words"),
  ) {
    this.#move = move;
    this.#words = words;
    this.#range = element("input", { type: "range", name, min: 0, max: 0, step: 1 });
    this.#typed = element("input", { type: "number", name: `${name}-number`, min: 0, step: 1 });
    attribute(this.#typed, "aria-label", `${name} number`);
    this.#previous = element("button", { type: "button", "aria-label": `previous ${name}` }, "‹");
    this.#next = element("button", { type: "button", "aria-label": `next ${name}` }, "›");
    const label = element("label", element("span.fs-name", name), this.#range);
    this.root = element("div.fs-slider", label, this.#previous, this.#typed, this.#next, this.#words);
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
    this.#range.style.setProperty("--fs-share", String(Math.min(value / Math.max(this.#last, 1), 1)));
    if (length === null) this.#typed.removeAttribute("max");
    else this.#typed.max = String(this.#last);
    if (!this.#typing) this.#typed.value = String(value);
    // Not the disabled property: a focused button that becomes disabled would lose the focus.
    attribute(this.#previous, "aria-disabled", value <= 0);
    attribute(this.#next, "aria-disabled", length !== null && value >= this.#last);
  }

  /** `current`: the words belong to the value the slider stands at, and not to a picture about to be replaced. */
  say(words: string, current = true): void {
    this.write(words);
    this.#words.title = words;
    this.#words.classList.toggle("fs-old", !current);
    if (current)
      attribute(this.#range, "aria-valuetext", words ? `${this.#value}, ${words}` : String(this.#value));
  }

  protected write(words: string): void {
    setText(this.#words, words);
  }

  #listen(): void {
    // Safari gives a slider no focus by a click, and its arrow keys would move nothing.
    on(this.#range, "pointerdown", () => this.#range.focus({ preventScroll: true }));
    on(this.#range, "input", () => this.go(this.#range.valueAsNumber));
    on(this.#typed, "input", () => {
      this.#typing = true;
    });
    on(this.#typed, "change", () => this.go(this.#typed.valueAsNumber));
    on(this.#typed, "keydown", ({ key }) => {
      if (key === "Enter") this.#typing = false; // nothing is told where it is the number that stands there
    });
    on(this.#typed, "blur", () => {
      this.#typing = false;
      this.#typed.value = String(this.#value);
    });
    on(this.#previous, "click", () => this.go(this.#value - 1));
    on(this.#next, "click", () => this.go(this.#value + 1));
    on(this.#range, "wheel", (event) => this.#wheel(event));
  }

  protected go(value: number): void {
    const last = this.#length === null ? Number.POSITIVE_INFINITY : this.#last;
    const whole = Number.isNaN(value) ? this.#value : Math.round(Math.min(Math.max(0, value), last));
    this.#typing = false;
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
