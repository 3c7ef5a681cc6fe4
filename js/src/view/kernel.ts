/** The selected filter's kernel, or all its kernels side by side; numbers in the cells while they fit. */

import { element } from "../dom/dom";
import { codesFor, rangeOf, valueInWords } from "../draw/codes";
import { mosaicOf } from "../draw/layout";
import { colourOf, type PaletteName, type Palettes } from "../draw/palette";
import { Raster } from "../draw/raster";
import { aligned } from "../text/format";
import { type Frame, type Range, rangeFor } from "../wire/frame";
import { type Summary, summaryOf } from "../wire/tensor";
import type { Pixel } from "./host";
import { contentInWords, Legend, warningInWords } from "./legend";
import { PictureBox, pixelInWords } from "./picture";

/** Cells along a side up to which a number fits into each. */
const NUMBERED_SIDE = 5;

interface Kernels {
  readonly n: number;
  readonly height: number;
  readonly width: number;
}

/** Which kernel's value a pixel of the mosaic is; null on the lines between them. */
function placeIn({ n, height, width }: Kernels, pixel: Pixel) {
  const row = pixel.row % (height + 1);
  const column = pixel.column % (width + 1);
  const { columns } = mosaicOf(n, width, height);
  const channel = Math.floor(pixel.row / (height + 1)) * columns + Math.floor(pixel.column / (width + 1));
  return row === height || column === width || channel >= n ? null : { channel, row, column };
}

/** The layer's range; the kernels' own where the grid shows only their root mean square, which has another one. */
function kernelRange(frame: Frame, summary: Summary): Range {
  return kernelsAreSummed(frame) ? rangeOf(summary) : rangeFor(frame.kernels, frame.filter);
}

/** Whether the grid shows one picture for all of a filter's kernels, because there are too many. */
export function kernelsAreSummed({ kernels, detail }: Frame): boolean {
  return kernels.tensor.shape[1] !== detail.kernel.shape[0];
}

export class KernelView {
  readonly #legend = new Legend();
  readonly picture = new PictureBox("kernel", [this.#legend.root]);
  readonly #numbers = element("div.fs-numbers", { "aria-hidden": "true" });
  readonly root = this.picture.root;

  readonly #palettes: Palettes;
  #kernels: Kernels | null = null;

  constructor(palettes: Palettes, pickChannel: (channel: number) => void) {
    this.#palettes = palettes;
    this.picture.mount.append(this.#numbers);
    this.picture.press = (pixel) => {
      const place = this.#kernels && placeIn(this.#kernels, pixel);
      if (!place || this.#kernels?.n === 1) return false;
      pickChannel(place.channel); // several are shown only where all are: each stands for its own channel
      return true;
    };
  }

  layout(box: number, ratio: number): void {
    this.picture.layout(box, ratio);
  }

  paint(frame: Frame): void {
    const tensor = frame.detail.kernel;
    const [n = 1, height = 1, width = 1] = tensor.shape;
    const summary = summaryOf(tensor);
    const range = kernelRange(frame, summary);
    const codes = codesFor(tensor, range);
    const mosaic = mosaicOf(n, width, height);
    const raster = new Raster(mosaic.width, mosaic.height);
    raster.putMosaic(codes, 0, n, width, height, this.#palettes.lookup(range.signed));
    raster.show(this.picture.canvas);
    const palette = this.#palettes.nameFor(range.signed);
    this.#legend.paint(range, palette);
    const numbers = n === 1 && tensor.dtype === "float32" ? tensor.data : new Float32Array();
    this.#paintNumbers(numbers, codes, width, height, palette);
    const kernels = { n, height, width };
    this.#kernels = kernels;
    const words = {
      title: n === 1 ? "kernel" : "kernels",
      which: ` · filter ${frame.filter}`,
      size: n === 1 ? `${height}×${width}` : `${n} of ${height}×${width}`,
      content: contentInWords(summary),
      notes: [n === 1 ? frame.notes.kernel : `${frame.notes.kernel}; click one to see it alone`],
      warning: warningInWords(range, summary, frame.scale),
    };
    this.picture.canvas.classList.toggle("fs-pickable", n > 1);
    this.picture.paint(words, (y, x) => {
      const place = placeIn(kernels, { row: y, column: x });
      if (!place) return null;
      const { channel, row, column } = place;
      return {
        where: n === 1 ? pixelInWords(row, column) : `channel ${channel} (${row}, ${column})`,
        value: valueInWords(tensor, (channel * height + row) * width + column, range),
      };
    });
  }

  clear(): void {
    this.#kernels = null;
    this.picture.clear("kernel");
    this.#legend.clear();
    this.#numbers.replaceChildren();
  }

  #paintNumbers(
    values: Float32Array,
    codes: Uint8Array,
    width: number,
    height: number,
    palette: PaletteName,
  ) {
    const fits = values.length > 0 && Math.max(width, height) <= NUMBERED_SIDE;
    this.#numbers.style.gridTemplateColumns = `repeat(${width}, 1fr)`;
    this.#numbers.style.fontSize = width <= 3 ? "14px" : "11px";
    const cells = fits ? aligned(values, 2) : [];
    this.#numbers.replaceChildren(
      ...cells.map((text, i) => {
        const [red, green, blue] = colourOf(codes[i]!, palette);
        const bright = 0.299 * red + 0.587 * green + 0.114 * blue > 115;
        return element(bright ? "span.fs-on-bright" : "span.fs-on-dark", text);
      }),
    );
  }
}
