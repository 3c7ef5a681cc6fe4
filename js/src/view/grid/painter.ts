/** Draws the part of the grid that is in view: tiles, numbers, the selection and the cursor. */

import { element } from "../../dom/dom";
import { codesOf } from "../../draw/codes";
import { type GridGeometry, mosaicOf, NUMBER_HEIGHT, PAD, type Rect } from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { type Picture, rangeFor } from "../../wire/frame";
import { sides, sliceOf } from "../../wire/tensor";

const FONT = "11px system-ui, sans-serif";

export interface GridScene {
  readonly kernels: Picture;
  /** Null: something else stands in their place. */
  readonly maps: Picture | null;
  /** Which filter stands at each place. */
  readonly order: readonly number[];
  readonly selected: number;
  /** By filter, what stands at the right of its number; null: nothing. */
  readonly labels: readonly string[] | null;
  /** Null while the grid has no focus. */
  readonly cursor: number | null;
}

export interface GridWindow {
  readonly geometry: GridGeometry;
  /** How far the grid is scrolled, in CSS pixels. */
  readonly top: number;
  /** Device pixels per CSS pixel. */
  readonly ratio: number;
}

/** The places of the rows in view: from first up to, but not with, end. */
interface Rows {
  readonly first: number;
  readonly end: number;
}

export class GridPainter {
  readonly #canvas: HTMLCanvasElement;
  readonly #palettes: Palettes;
  readonly #tiles = element("canvas");
  readonly #codes = new WeakMap<Picture, Uint8Array>();

  constructor(canvas: HTMLCanvasElement, palettes: Palettes) {
    this.#canvas = canvas;
    this.#palettes = palettes;
  }

  draw(scene: GridScene, window: GridWindow): void {
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const { geometry, top, ratio } = window;
    const { columns, cellHeight } = geometry;
    const bottom = top + this.#canvas.height / ratio;
    const rows = {
      first: Math.floor(top / cellHeight) * columns,
      end: Math.min(scene.order.length, Math.ceil(bottom / cellHeight) * columns),
    };
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.#drawTiles(context, scene.kernels, scene.order, geometry.kernel, rows, window);
    if (scene.maps) this.#drawTiles(context, scene.maps, scene.order, geometry.map, rows, window);
    this.#drawMarks(context, scene, rows, window);
  }

  /** Codes of the whole layer, kept with the picture: scrolling and selecting repaint from them. */
  #codesFor(picture: Picture): Uint8Array {
    if (picture.tensor.dtype === "uint8") return picture.tensor.data;
    const kept = this.#codes.get(picture);
    if (kept) return kept;
    const codes = new Uint8Array(picture.tensor.data.length);
    const filters = picture.tensor.shape[0] ?? 0;
    for (let filter = 0; filter < filters; filter++) {
      const { data } = sliceOf(picture.tensor, filter);
      const { low, high } = rangeFor(picture, filter);
      codes.set(codesOf(data, low, high), filter * data.length);
    }
    this.#codes.set(picture, codes);
    return codes;
  }

  /** All tiles in view go to a canvas that nobody sees at one pixel a value, and from there enlarged to their places. */
  #drawTiles(
    context: CanvasRenderingContext2D,
    picture: Picture,
    order: readonly number[],
    rect: Rect,
    { first, end }: Rows,
    window: GridWindow,
  ): void {
    const { geometry, ratio } = window;
    const { columns } = geometry;
    const shape = picture.tensor.shape;
    const { width, height } = sides(picture.tensor);
    const n = shape.length === 4 ? shape[1]! : 1;
    const tile = mosaicOf(n, width, height);
    const raster = new Raster(columns * tile.width, Math.ceil((end - first) / columns) * tile.height);
    const at = (place: number) => [
      ((place - first) % columns) * tile.width,
      Math.floor((place - first) / columns) * tile.height,
    ];
    const codes = this.#codesFor(picture);
    for (let place = first; place < end; place++) {
      const filter = order[place]!;
      const lookup = this.#palettes.lookup(rangeFor(picture, filter).signed);
      const [x, y] = at(place);
      raster.putMosaic(codes, filter * n * width * height, n, width, height, lookup, x, y);
    }
    raster.show(this.#tiles);
    const size = { width: Math.round(rect.width * ratio), height: Math.round(rect.height * ratio) };
    context.imageSmoothingEnabled = size.width < tile.width; // crisp, unless there are more values than pixels
    for (let place = first; place < end; place++) {
      const [x, y] = at(place);
      const cell = cellOf(place, window);
      const left = Math.round((cell.x + rect.x) * ratio);
      const upper = Math.round((cell.y + rect.y) * ratio);
      context.drawImage(this.#tiles, x!, y!, tile.width, tile.height, left, upper, size.width, size.height);
    }
  }

  #drawMarks(
    context: CanvasRenderingContext2D,
    scene: GridScene,
    { first, end }: Rows,
    window: GridWindow,
  ): void {
    const style = getComputedStyle(this.#canvas);
    const accent = style.outlineColor; // by our style sheet the accent; in a variable it may be what no canvas knows
    const { selected, cursor, labels } = scene;
    const { geometry, ratio } = window;
    context.scale(ratio, ratio);
    for (let place = first; place < end; place++) {
      const filter = scene.order[place]!;
      const { x, y } = cellOf(place, window);
      context.font = filter === selected ? `bold ${FONT}` : FONT;
      context.fillStyle = filter === selected ? accent : style.color;
      context.fillText(String(filter), x + geometry.kernel.x, y + NUMBER_HEIGHT - 4);
      if (labels) {
        context.font = FONT;
        context.fillStyle = style.color;
        context.textAlign = "right";
        context.fillText(labels[filter] ?? "", x + geometry.filled - PAD, y + NUMBER_HEIGHT - 4);
        context.textAlign = "left";
      }
      if (filter === selected) outline(context, geometry, x, y, accent, []);
      if (filter === cursor) outline(context, geometry, x, y, style.color, [4, 3]);
    }
  }
}

function outline(
  context: CanvasRenderingContext2D,
  { filled, cellHeight }: GridGeometry,
  x: number,
  y: number,
  colour: string,
  dash: number[],
): void {
  const inset = dash.length === 0 ? 1 : 3;
  context.strokeStyle = colour;
  context.lineWidth = dash.length === 0 ? 2 : 1;
  context.setLineDash(dash);
  context.strokeRect(x + inset, y + inset, filled - 2 * inset, cellHeight - 2 * inset);
}

/** The top left corner of a place's cell on the canvas. */
function cellOf(place: number, { geometry, top }: GridWindow): { x: number; y: number } {
  const { columns, cellWidth, cellHeight } = geometry;
  return { x: (place % columns) * cellWidth, y: Math.floor(place / columns) * cellHeight - top };
}
