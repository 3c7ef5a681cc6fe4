/** The selected filter at every checkpoint: its kernel above its activation, on one scale each; a click selects. */

import { attribute, element, on, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import { mosaicOf } from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import type { Range } from "../../wire/frame";
import { type FloatTensor, sides } from "../../wire/tensor";
import type { StripItem } from "../../wire/timeline";
import { rangeOver } from "../range_over";

const SIDE = 54;

interface Cell {
  readonly button: HTMLButtonElement;
  readonly kernel: HTMLCanvasElement;
  readonly activation: HTMLCanvasElement;
  readonly title: HTMLElement;
}

export class FilterStrip {
  readonly #palettes: Palettes;
  readonly #select: (checkpoint: number) => void;
  readonly #row = element("div.fs-time-row");
  readonly root = element(
    "div.fs-time-strip",
    { role: "group", "aria-label": "the filter at each checkpoint" },
    this.#row,
  );
  #cells: Cell[] = [];
  #items: StripItem[] = [];

  constructor(palettes: Palettes, select: (checkpoint: number) => void) {
    this.#palettes = palettes;
    this.#select = select;
  }

  /** As many as there are, with their names; none is painted yet. */
  name(titles: readonly string[]): void {
    while (this.#cells.length < titles.length) this.#add(this.#cells.length);
    for (const { button } of this.#cells.splice(titles.length)) button.remove();
    for (const [at, { title, button }] of this.#cells.entries()) {
      setText(title, titles[at]!);
      button.title = titles[at]!;
      attribute(button, "aria-label", titles[at]!);
    }
  }

  mark(checkpoint: number | null): void {
    for (const [at, { button }] of this.#cells.entries()) {
      attribute(button, "aria-pressed", at === checkpoint);
      if (at === checkpoint) this.#bringIn(button);
    }
  }

  begin(): void {
    this.#items = [];
    this.root.classList.add("fs-old");
  }

  add(items: readonly StripItem[]): void {
    this.#items.push(...items);
  }

  /** All at once: they have one scale. */
  paint(): void {
    this.root.classList.remove("fs-old");
    const kernels = rangeOver(this.#items.map(({ kernel }) => kernel));
    const activations = rangeOver(this.#items.map(({ activation }) => activation));
    for (const [at, cell] of this.#cells.entries()) {
      const item = this.#items[at];
      cell.button.classList.toggle("fs-gone", !item || item.error !== null);
      if (item?.error) cell.button.title = item.error;
      if (item?.kernel) this.#draw(cell.kernel, item.kernel, kernels, item.kernel.shape[0] ?? 1);
      if (item?.activation) this.#draw(cell.activation, item.activation, activations, 1);
    }
  }

  get items(): number {
    return this.#items.length;
  }

  #draw(canvas: HTMLCanvasElement, tensor: FloatTensor, range: Range, n: number): void {
    const { width, height } = sides(tensor);
    const mosaic = mosaicOf(n, width, height);
    const raster = n > 1 ? new Raster(mosaic.width, mosaic.height) : new Raster(width, height);
    const codes = codesFor(tensor, range);
    const lookup = this.#palettes.lookup(range.signed);
    if (n > 1) raster.putMosaic(codes, 0, n, width, height, lookup);
    else raster.put(codes, 0, width, height, lookup);
    raster.show(canvas);
    const scale = SIDE / Math.max(canvas.width, canvas.height);
    canvas.style.width = `${Math.round(canvas.width * scale)}px`;
    canvas.style.height = `${Math.round(canvas.height * scale)}px`;
  }

  #add(at: number): void {
    const kernel = element("canvas", { "data-view": "time-kernel" });
    const activation = element("canvas", { "data-view": "time-activation" });
    const title = element("span");
    const button = element("button.fs-time-cell", { type: "button" }, kernel, activation, title);
    on(button, "click", () => this.#select(at));
    this.#row.append(button);
    this.#cells.push({ button, kernel, activation, title });
  }

  /** Only sideways: the notebook stays where it is. */
  #bringIn(button: HTMLElement): void {
    const { offsetLeft, offsetWidth } = button;
    const { scrollLeft, clientWidth } = this.root;
    if (offsetLeft < scrollLeft) this.root.scrollLeft = offsetLeft;
    else if (offsetLeft + offsetWidth > scrollLeft + clientWidth)
      this.root.scrollLeft = offsetLeft + offsetWidth - clientWidth;
  }
}
