/** The selected filter's kernel, or all its kernels side by side; numbers in the cells while they fit. */

import { codesOf } from "./codes";
import { element } from "./dom";
import { cellNumbers, number } from "./format";
import { mosaicOf } from "./geometry";
import { contentInWords, Legend, warningInWords } from "./legend";
import { rangeOf } from "./map";
import { colourOf, type PaletteName, type Palettes } from "./palette";
import { PictureBox, pointInWords } from "./picture";
import type { Frame } from "./protocol";
import { Raster } from "./raster";
import { summarize } from "./tensor";

/** Cells along a side up to which a number fits into each. */
const NUMBERED_SIDE = 5;

export class KernelView {
  private readonly legend = new Legend();
  private readonly picture = new PictureBox("kernel", [this.legend.root]);
  private readonly numbers = element("div", { class: "fs-numbers", "aria-hidden": "true" });
  readonly root = this.picture.root;

  constructor(private readonly palettes: Palettes) {
    this.picture.mount.append(this.numbers);
  }

  layout(box: number, ratio: number): void {
    this.picture.layout(box, ratio);
  }

  paint(frame: Frame): void {
    const { data, shape } = frame.detail.kernel;
    const [n = 1, height = 1, width = 1] = shape;
    const range = rangeOf(frame.kernels, frame.filter);
    const codes = codesOf(data, range.low, range.high);
    const mosaic = mosaicOf(n, width, height);
    const raster = new Raster(mosaic.width, mosaic.height);
    raster.putMosaic(codes, 0, n, width, height, this.palettes.lookup(range.signed));
    raster.show(this.picture.canvas);
    const palette = this.palettes.nameFor(range.signed);
    this.legend.paint(range, palette);
    this.paintNumbers(n === 1 ? data : new Float32Array(), codes, width, height, palette);
    const summary = summarize(data);
    this.picture.describe({
      title: n === 1 ? "kernel" : "kernels",
      which: ` · filter ${frame.filter}`,
      size: n === 1 ? `${height}×${width}` : `${n} of ${height}×${width}`,
      content: contentInWords(summary),
      note: frame.notes.kernel,
      warning: warningInWords(range, summary, frame.scale),
    });
    this.picture.shown((y, x) => {
      const row = y % (height + 1);
      const column = x % (width + 1);
      const tile = Math.floor(y / (height + 1)) * mosaic.columns + Math.floor(x / (width + 1));
      if (row === height || column === width || tile >= n) return null;
      const words = pointInWords(row, column, number(data[(tile * height + row) * width + column]!));
      return n === 1 ? words : `kernel ${tile} ${words}`;
    });
  }

  clear(): void {
    this.picture.clear("kernel");
    this.legend.clear();
    this.numbers.replaceChildren();
  }

  private paintNumbers(
    values: Float32Array,
    codes: Uint8Array,
    width: number,
    height: number,
    palette: PaletteName,
  ) {
    const fits = values.length > 0 && Math.max(width, height) <= NUMBERED_SIDE;
    this.numbers.style.gridTemplateColumns = `repeat(${width}, 1fr)`;
    this.numbers.style.fontSize = width <= 3 ? "14px" : "11px";
    const cells = fits ? cellNumbers(values) : [];
    this.numbers.replaceChildren(
      ...cells.map((text, i) => {
        const [red, green, blue] = colourOf(codes[i]!, palette);
        const bright = 0.299 * red + 0.587 * green + 0.114 * blue > 115;
        return element("span", { class: bright ? "fs-on-bright" : "fs-on-dark" }, text);
      }),
    );
  }
}
