/** A kernel's numbers: each a cell to type into, to drag, or to step by keys. */

import { attribute, element, on, setText } from "../../dom/dom";
import { hasModifier } from "../../dom/keys";
import { codeOf } from "../../draw/codes";
import { colourOf, type Palettes } from "../../draw/palette";
import { aligned, exact, minus } from "../../text/format";

/** Along a side; larger kernels have no room for numbers. */
export const MOST_CELLS = 11;
/** Pixels of a drag that make one step. */
const DRAG = 4;

export interface CellActions {
  /** `gesture`: changes with the same word belong together. */
  change(place: number, value: number, gesture: string): void;
  /** Something that is no number was typed. */
  refuse(sentence: string): void;
}

export class Cells {
  readonly root = element("div.fs-cells", { role: "group", "aria-label": "the kernel's numbers" });
  readonly #palettes: Palettes;
  readonly #actions: CellActions;
  #inputs: HTMLInputElement[] = [];
  #values: Float32Array = new Float32Array();
  #width = 0;
  #step = 0.1;
  #gestures = 0;

  constructor(palettes: Palettes, actions: CellActions) {
    this.#palettes = palettes;
    this.#actions = actions;
  }

  /** `largest`: of the numbers, the size that has the strongest colour; steps go by it too. */
  paint(values: Float32Array, height: number, width: number, largest: number, disabled: boolean): void {
    if (this.#inputs.length !== values.length || this.#width !== width) this.#make(height, width);
    this.#values = values;
    this.#step = stepFor(largest);
    const texts = aligned(values, 2);
    const signed = values.some((value) => value < 0) || largest > 0;
    const palette = this.#palettes.nameFor(signed);
    for (const [place, input] of this.#inputs.entries()) {
      const value = values[place]!;
      input.disabled = disabled;
      if (input.dataset.typing === undefined) {
        if (input.value !== texts[place]) input.value = texts[place]!;
        input.removeAttribute("aria-invalid");
      }
      attribute(input, "aria-valuenow", Number(value.toPrecision(6)));
      attribute(input, "aria-valuetext", exact(value));
      const [red, green, blue] = colourOf(codeOf(value, -largest, largest), palette);
      input.style.background = `rgb(${red} ${green} ${blue})`;
      input.style.color = 0.299 * red + 0.587 * green + 0.114 * blue > 115 ? "#000" : "#fff";
    }
  }

  disable(disabled: boolean): void {
    for (const input of this.#inputs) input.disabled = disabled;
  }

  /** The number that a cell has as it is typed, or null. */
  static numberIn(text: string): number | null {
    const plain = text.trim().replace(/[−–]/g, "-").replace(",", ".");
    if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return null;
    const value = Number(plain);
    return Number.isFinite(Math.fround(value)) ? value : null;
  }

  #make(height: number, width: number): void {
    this.#width = width;
    this.root.style.gridTemplateColumns = `repeat(${width}, minmax(0, 1fr))`;
    this.root.style.setProperty("--fs-columns", String(width));
    this.#inputs = Array.from({ length: height * width }, (_, place) => {
      const where = `row ${Math.floor(place / width)}, column ${place % width}`;
      const input = element("input", {
        type: "text",
        inputmode: "decimal",
        role: "spinbutton",
        autocomplete: "off",
        spellcheck: "false",
        "aria-label": where,
        "aria-valuenow": 0,
        title: `${where}: type a number, drag it up or down, or step with ↑ and ↓`,
      });
      this.#listen(input, place);
      return input;
    });
    this.root.replaceChildren(...this.#inputs);
  }

  #listen(input: HTMLInputElement, place: number): void {
    const gesture = () => `cell ${place} ${this.#gestures}`;
    const stop = () => {
      delete input.dataset.typing;
      this.#gestures += 1;
    };
    const typed = () => {
      const value = Cells.numberIn(input.value);
      attribute(input, "aria-invalid", value === null);
      if (value === null)
        this.#actions.refuse(
          `"${input.value}" is no number: type one such as 0.25 or −1, or press Escape to have it back.`,
        );
      else this.#actions.change(place, value, gesture());
      return value !== null;
    };
    const back = () => {
      stop();
      input.value = minus(exact(this.#values[place]!));
      input.removeAttribute("aria-invalid");
      this.#actions.refuse("");
    };
    on(input, "focus", () => {
      input.value = exact(this.#values[place]!);
      input.select();
    });
    on(input, "blur", () => {
      if (input.dataset.typing !== undefined && Cells.numberIn(input.value) === null) back();
      stop();
      input.value = aligned(this.#values, 2)[place]!;
    });
    on(input, "input", () => {
      input.dataset.typing = "true";
      typed();
    });
    on(input, "keydown", (event) => {
      if (hasModifier(event)) return;
      const up = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (up !== undefined) {
        event.preventDefault();
        delete input.dataset.typing;
        this.#stepBy(place, up * (event.shiftKey ? 10 : 1), gesture());
        input.value = exact(this.#values[place]!);
      } else if (event.key === "Enter") {
        if (typed()) stop();
        input.select();
      } else if (event.key === "Escape") {
        back();
        input.select();
      }
    });
    this.#dragged(input, place);
  }

  /** A press that moves drags the number; one that does not is a click into the cell. */
  #dragged(input: HTMLInputElement, place: number): void {
    let from: { y: number; value: number; moved: boolean } | null = null;
    on(input, "pointerdown", (event) => {
      if (event.button !== 0 || input.disabled) return;
      from = { y: event.clientY, value: this.#values[place]!, moved: false };
      input.setPointerCapture?.(event.pointerId);
    });
    on(input, "pointermove", (event) => {
      if (!from) return;
      const steps = Math.round((from.y - event.clientY) / DRAG);
      if (!from.moved && Math.abs(from.y - event.clientY) < DRAG) return;
      from.moved = true;
      event.preventDefault();
      delete input.dataset.typing;
      const value = tidy(from.value + steps * this.#step, this.#step);
      if (value === this.#values[place]) return;
      this.#actions.change(place, value, `cell ${place} ${this.#gestures}`);
      input.value = exact(this.#values[place]!);
    });
    const end = () => {
      if (from?.moved) this.#gestures += 1;
      from = null;
    };
    on(input, "pointerup", end);
    on(input, "pointercancel", end);
  }

  #stepBy(place: number, steps: number, gesture: string): void {
    this.#actions.change(place, tidy(this.#values[place]! + steps * this.#step, this.#step), gesture);
  }
}

/** A twentieth of the largest number, as 1, 2 or 5 times a power of ten. */
export function stepFor(largest: number): number {
  if (!(largest > 0)) return 0.1;
  const wanted = largest / 20;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const times = [1, 2, 5, 10].find((factor) => factor * power >= wanted * 0.999) ?? 10;
  return times * power;
}

/** Without the dust of binary fractions. */
function tidy(value: number, step: number): number {
  return Number((Math.round(value / (step / 100)) * (step / 100)).toPrecision(9));
}

/** A sentence for what cannot be shown. */
export function tooLarge(height: number, width: number): string {
  const size = height === 1 ? `${width} numbers` : `${height}×${width}`;
  return `Of a kernel of ${size} there is no room for each here: presets and buttons change it, and explorer.kernel = … in Python.`;
}

/** Where an error of the lab is said. */
export class Complaint {
  readonly root = element("p.fs-complaint", { role: "alert" });

  say(sentence: string): void {
    setText(this.root, sentence);
  }
}
