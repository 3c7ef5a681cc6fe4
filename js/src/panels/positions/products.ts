/** Patch × kernel = products of one channel: numbers in the cells while they fit, else pictures with a number on demand. */

import { attribute, element, setText } from "../../dom/dom";
import { codesOf } from "../../draw/codes";
import { fitPicture } from "../../draw/layout";
import { colourOf, type Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { aligned, exact } from "../../text/format";
import type { LargePicture, Pixel, Reading, Shown, View } from "../../view/host";
import type { Arithmetic } from "../../wire/positions";
import { summarize } from "../../wire/tensor";
import { PixelCursor } from "./pixel_cursor";

/** Cells along a side up to which a number fits into each. */
const NUMBERED_COLUMNS = 3;
const NUMBERED_CELLS = 27;
const PARTS = ["patch", "kernel", "products"] as const;

interface Cells {
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly Float32Array[];
  /** The largest size in each of the three over all channels: the ends of its colours. 1 where all is zero, in the middle. */
  readonly extremes: readonly number[];
  readonly padding: Uint8Array;
  readonly between: Uint8Array;
}

function cellsOf(arithmetic: Arithmetic, channel: number): Cells {
  const [, ...size] = arithmetic.kernel.shape;
  const columns = size.at(-1) ?? 1;
  const count = size.reduce((product, length) => product * length, 1);
  const parts = PARTS.map((name) => arithmetic[name].data);
  return {
    rows: count / columns,
    columns,
    values: parts.map((part) => part.subarray(channel * count, (channel + 1) * count)),
    extremes: parts.map((part) => {
      const { minimum, maximum } = summarize(part);
      return minimum > maximum ? 1 : Math.max(Math.abs(minimum), Math.abs(maximum)) || 1;
    }),
    padding: arithmetic.padding.data,
    between: arithmetic.between.data,
  };
}

export class Products {
  readonly #palettes: Palettes;
  readonly #title = element("h4");
  readonly #row = element("div.fs-products");
  readonly #line = element("p.fs-readout.fs-at");
  readonly #note = element("p.fs-note");
  readonly root = element("div.fs-product-column", this.#title, this.#row, this.#line, this.#note);
  #box = 132;
  #ratio = 1;

  constructor(palettes: Palettes) {
    this.#palettes = palettes;
  }

  layout(narrow: boolean, ratio: number): void {
    this.#box = narrow ? 100 : 132;
    this.#ratio = ratio;
  }

  show(arithmetic: Arithmetic, channel: number): void {
    const cells = cellsOf(arithmetic, channel);
    const sum = exact(arithmetic.channel_sums.data[channel]!);
    setText(
      this.#title,
      `channel ${arithmetic.first_channel + channel}: patch × kernel = products, which add up to ${sum}`,
    );
    const numbered = cells.columns <= NUMBERED_COLUMNS && cells.rows * cells.columns <= NUMBERED_CELLS;
    const parts = numbered ? this.#numbers(cells) : this.#pictures(cells);
    const signs = ["", "×", "="];
    this.#row.replaceChildren(
      ...parts.map((part, k) => element("div.fs-term", element("span.fs-sign", signs[k]!), part)),
    );
    this.#line.hidden = numbered;
    setText(this.#line, numbered ? "" : "point at a cell, or step to it by keys");
    const notes = [
      cells.padding.some(Boolean) ? `hatched: in the padding (${arithmetic.padding_mode})` : "",
      cells.between.some(Boolean) ? "dotted: between the input's pixels, which the stride keeps apart" : "",
    ];
    setText(this.#note, notes.filter(Boolean).join("; "));
  }

  #numbers({ rows, columns, values, extremes, padding, between }: Cells): HTMLElement[] {
    return values.map((part, p) => {
      const name = PARTS[p]!;
      const texts = aligned(part, 4);
      const codes = codesOf(part, -extremes[p]!, extremes[p]!);
      const palette = this.#palettes.nameFor(true);
      const cell = (k: number) => {
        const rgb = colourOf(codes[k]!, palette);
        const bright = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 115;
        const kind = p === 0 && between[k] ? ".fs-between" : p === 0 && padding[k] ? ".fs-padding" : "";
        const node = element(
          `td${bright ? ".fs-on-bright" : ".fs-on-dark"}${kind}`,
          { title: exact(part[k]!) },
          texts[k]!,
        );
        node.style.backgroundColor = `rgb(${rgb.join(" ")})`;
        return node;
      };
      const lines = Array.from({ length: rows }, (_, row) =>
        element("tr", ...Array.from({ length: columns }, (_, column) => cell(row * columns + column))),
      );
      return element("table.fs-matrix", { "data-part": name }, element("caption", name), ...lines);
    });
  }

  #pictures(cells: Cells): HTMLElement[] {
    const cursors: PixelCursor[] = [];
    const moved = (cursor: PixelCursor) => {
      for (const other of cursors) if (other !== cursor) other.receive(cursor.here, cursor.pinned);
      setText(
        this.#line,
        cursor.here ? this.#cellInWords(cells, cursor.here) : "point at a cell, or step to it by keys",
      );
    };
    return cells.values.map((part, p) => {
      const extreme = cells.extremes[p]!;
      const raster = new Raster(cells.columns, cells.rows);
      const codes = codesOf(part, -extreme, extreme);
      raster.put(codes, 0, cells.columns, cells.rows, this.#palettes.lookup(true));
      const picture = new CellPicture(PARTS[p]!, cells, part, (pixel) => this.#cellInWords(cells, pixel));
      raster.show(picture.canvas);
      picture.fit(this.#box, this.#ratio);
      cursors.push(new PixelCursor(picture, moved));
      return picture.root;
    });
  }

  #cellInWords({ columns, values, padding, between }: Cells, { row, column }: Pixel): string {
    const k = row * columns + column;
    const [patch, kernel, product] = values.map((part) => exact(part[k]!));
    const where = between[k] ? ", between the input's pixels" : padding[k] ? ", in the padding" : "";
    return `cell (${row}, ${column})${where}: ${patch} × ${kernel} = ${product}`;
  }
}

/** A picture of cells that can be pointed at like the large ones. */
class CellPicture implements LargePicture {
  readonly view: View = "kernel";
  readonly canvas = element("canvas", {
    tabindex: 0,
    role: "slider",
    "aria-valuemin": 0,
    "aria-valuenow": 0,
  });
  readonly mount = element("div.fs-mount", this.canvas);
  readonly root: HTMLElement;
  readonly shown: Shown;
  changed = () => {};
  press = () => false;
  pin = () => {};
  readonly #words: (pixel: Pixel) => string;

  constructor(
    name: string,
    { rows, columns, padding, between }: Cells,
    part: Float32Array,
    words: (pixel: Pixel) => string,
  ) {
    this.#words = words;
    attribute(this.canvas, "aria-label", `${name}: arrow keys step from cell to cell`);
    this.canvas.dataset.part = name;
    const content = { where: `${rows}×${columns}`, value: "" };
    const probe = (row: number, column: number) => ({
      where: `${row},${column}`,
      value: exact(part[row * columns + column]!),
    });
    this.shown = { rows, columns, probe, content };
    if (name === "patch") {
      // Strips over the cells that are no pixels of the input.
      for (const [k, outside] of padding.entries()) {
        if (!outside && !between[k]) continue;
        const mark = element(between[k] ? "i.fs-between" : "i.fs-padding");
        Object.assign(mark.style, {
          top: `${(Math.floor(k / columns) / rows) * 100}%`,
          left: `${((k % columns) / columns) * 100}%`,
          height: `${100 / rows}%`,
          width: `${100 / columns}%`,
        });
        this.mount.append(mark);
      }
    }
    this.root = element("figure.fs-cells", element("figcaption", name), this.mount);
  }

  fit(box: number, ratio: number): void {
    const { width, height } = fitPicture(this.shown.columns, this.shown.rows, box, ratio);
    Object.assign(this.mount.style, { width: `${width}px`, height: `${height}px` });
  }

  say(reading: Reading | null): void {
    const [row = 0, column = 0] = (reading?.where ?? "").split(",").map(Number);
    const words = reading ? this.#words({ row, column }) : this.shown.content.where;
    attribute(this.canvas, "aria-valuetext", words);
  }
}
