/** Kernel and map of a filter in both nets and their difference, each three on one scale. */

import { element, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import { mosaicOf } from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { number } from "../../text/format";
import type { FilterPair, Triple } from "../../wire/comparison";
import { type FloatTensor, sides } from "../../wire/tensor";
import { rangeOver } from "../range_over";

const SIDE = 112;
const COLUMNS = ["a", "b", "b − a"] as const;

class Row {
  readonly #canvases = COLUMNS.map(() => element("canvas"));
  readonly #scale = element("span.fs-words");
  readonly cells: HTMLElement[];

  constructor(
    readonly name: "kernel" | "map",
    words: string,
  ) {
    for (const [at, canvas] of this.#canvases.entries())
      canvas.dataset.view = `compared-${name}-${["a", "b", "difference"][at]}`;
    const title = element("span.fs-compared-name", element("span", words), this.#scale);
    this.cells = [title, ...this.#canvases.map((canvas) => element("span.fs-compared-picture", canvas))];
  }

  paint(tensors: Triple, palettes: Palettes): void {
    const range = rangeOver(tensors);
    const { low, high, signed } = range;
    setText(this.#scale, signed ? `±${number(high)}` : `${number(low)} … ${number(high)}`);
    for (const [at, canvas] of this.#canvases.entries()) {
      const tensor = tensors[at] ?? null;
      canvas.hidden = tensor === null;
      if (tensor) draw(canvas, tensor, codesFor(tensor, range), palettes.lookup(signed));
    }
  }
}

export class PairPictures {
  readonly #palettes: Palettes;
  readonly #kernels = new Row("kernel", "kernel");
  readonly #maps = new Row("map", "activation");
  readonly #heads = COLUMNS.map((words) => element("span.fs-compared-head", words));
  readonly root = element(
    "div.fs-compared-pictures",
    element("span"),
    ...this.#heads,
    ...this.#kernels.cells,
    ...this.#maps.cells,
  );

  constructor(palettes: Palettes) {
    this.#palettes = palettes;
  }

  paint(pair: FilterPair): void {
    setText(this.#heads[0]!, `a, filter ${pair.filter}`);
    setText(this.#heads[1]!, pair.filter_b === null ? "b" : `b, filter ${pair.filter_b}`);
    this.#kernels.paint(pair.kernels, this.#palettes);
    this.#maps.paint(pair.activations, this.#palettes);
  }
}

/** Several kernels as a mosaic. */
function draw(canvas: HTMLCanvasElement, tensor: FloatTensor, codes: Uint8Array, lookup: Uint32Array): void {
  const { width, height } = sides(tensor);
  const n = tensor.shape.length > 2 ? (tensor.shape[0] ?? 1) : 1;
  const mosaic = mosaicOf(n, width, height);
  const raster = n > 1 ? new Raster(mosaic.width, mosaic.height) : new Raster(width, height);
  if (n > 1) raster.putMosaic(codes, 0, n, width, height, lookup);
  else raster.put(codes, 0, width, height, lookup);
  raster.show(canvas);
  const scale = SIDE / Math.max(canvas.width, canvas.height);
  canvas.style.width = `${Math.round(canvas.width * scale)}px`;
  canvas.style.height = `${Math.round(canvas.height * scale)}px`;
}
