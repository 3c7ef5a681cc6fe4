/** Codes become pixels of a canvas. */

import type { ByteTensor } from "../wire/tensor";
import { mosaicOf } from "./layout";
import type { Lookup } from "./palette";

/** A picture in memory, one 32-bit word a pixel; transparent where nothing is written. */
export class Raster {
  readonly words: Uint32Array;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.words = new Uint32Array(width * height);
  }

  /** Writes `height` rows of `width` codes, from `offset` on, with the top left corner at (x, y). */
  put(codes: Uint8Array, offset: number, width: number, height: number, lookup: Lookup, x = 0, y = 0): void {
    let from = offset;
    for (let row = 0; row < height; row++) {
      let to = (y + row) * this.width + x;
      for (let column = 0; column < width; column++) this.words[to++] = lookup[codes[from++]!]!;
    }
  }

  /** n tiles of codes as a mosaic: ceil(√n) columns, one transparent pixel between tiles. */
  putMosaic(
    codes: Uint8Array,
    offset: number,
    n: number,
    width: number,
    height: number,
    lookup: Lookup,
    x = 0,
    y = 0,
  ) {
    const { columns } = mosaicOf(n, width, height);
    for (let tile = 0; tile < n; tile++) {
      const left = x + (tile % columns) * (width + 1);
      const top = y + Math.floor(tile / columns) * (height + 1);
      this.put(codes, offset + tile * width * height, width, height, lookup, left, top);
    }
  }

  /** Makes the canvas exactly this large, one canvas pixel a value, and fills it. */
  show(canvas: HTMLCanvasElement): void {
    if (canvas.width !== this.width) canvas.width = this.width;
    if (canvas.height !== this.height) canvas.height = this.height;
    const context = canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(this.width, this.height);
    new Uint32Array(image.data.buffer).set(this.words);
    context.putImageData(image, 0, 0);
  }
}

/** The data set's image: plain 8-bit gray (H, W) or RGB (H, W, 3), no palette. */
export function rasterOfDisplay(display: ByteTensor): Raster {
  const [height = 1, width = 1, channels = 1] = display.shape;
  const raster = new Raster(width, height);
  const bytes = new Uint8Array(raster.words.buffer);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) bytes[i * 4 + c] = display.data[i * channels + (channels === 3 ? c : 0)]!;
    bytes[i * 4 + 3] = 255;
  }
  return raster;
}
