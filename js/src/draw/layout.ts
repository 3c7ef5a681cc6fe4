/** Where things go: sizes in CSS pixels that come out whole in device pixels. */

export interface Fit {
  readonly width: number;
  readonly height: number;
  /** Values are drawn as blocks with sharp edges; else there are more values than pixels. */
  readonly crisp: boolean;
}

/** A picture that fills less of its box than this is too small to read. */
const LEAST_FILLED = 0.8;

/** The size at which a picture of columns × rows values fills a square box: by whole device pixels a value. */
export function fitPicture(columns: number, rows: number, box: number, ratio: number): Fit {
  const room = Math.floor(box * ratio);
  const longest = Math.max(columns, rows);
  const scale = Math.floor(room / longest);
  // A 1-D net's slice is one row: stretched across, so that it can be seen.
  const least = Math.floor(room / 8);
  // Where one device pixel a value is too small and two are too many, some values get one and some get two.
  if (scale < 1 || (scale === 1 && longest < LEAST_FILLED * room)) {
    const side = (values: number) => Math.max((values / longest) * room, least) / ratio;
    return { width: side(columns), height: side(rows), crisp: scale === 1 };
  }
  const stretch = (values: number) => Math.max(scale, Math.floor(least / values));
  return { width: (columns * stretch(columns)) / ratio, height: (rows * stretch(rows)) / ratio, crisp: true };
}

/** n tiles side by side, with one empty pixel between them. */
export interface Mosaic {
  readonly columns: number;
  readonly rows: number;
  readonly width: number;
  readonly height: number;
}

export function mosaicOf(n: number, tileWidth: number, tileHeight: number): Mosaic {
  // About as wide as high: strips go side by side in fewer columns than squares.
  const square = Math.ceil(Math.sqrt((n * (tileHeight + 1)) / (tileWidth + 1)));
  const columns = Math.max(1, Math.min(n, square));
  const rows = Math.max(1, Math.ceil(n / columns));
  return { columns, rows, width: columns * (tileWidth + 1) - 1, height: rows * (tileHeight + 1) - 1 };
}

export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A grid of cells, one a filter: its number on top, below it kernel and map side by side. */
export interface GridGeometry {
  readonly columns: number;
  readonly rows: number;
  /** From one cell to the next. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** What a cell holds is this wide; the rest is space between two. */
  readonly filled: number;
  /** Within a cell. */
  readonly kernel: Rect;
  readonly map: Rect;
}

export interface GridContent {
  readonly filters: number;
  readonly kernel: { readonly width: number; readonly height: number };
  readonly map: { readonly width: number; readonly height: number };
}

/** Between a tile and the outline of a selected cell. */
export const PAD = 6;
const GAP = 4;
export const NUMBER_HEIGHT = 16;
/** Where a layer needs more, the grid scrolls. */
export const GRID_HEIGHT = 500;
const LARGEST_TILE = 112;
/** Sides of a tile, tried from the largest down. */
const SIDES = [112, 104, 96, 88, 80, 72, 64, 56];
/** How far cells move apart, as a part of their width, for the rows to end where the view does. */
const MOST_SPREAD = 1.5;

/** The largest tiles at which the whole layer is in sight; where none are small enough, the smallest. */
export function gridGeometry(content: GridContent, width: number, ratio: number): GridGeometry {
  const tried = SIDES.map((side) => gridOf(content, side, width, ratio));
  return tried.find(({ rows, cellHeight }) => rows * cellHeight <= GRID_HEIGHT) ?? tried.at(-1)!;
}

function gridOf(content: GridContent, side: number, width: number, ratio: number): GridGeometry {
  const map = tileSize(content.map, side, ratio);
  const kernel = tileSize(content.kernel, Math.max(map.height, 0.7 * side), ratio); // as high as the map beside it
  const inner = Math.max(kernel.height, map.height);
  const filled = Math.ceil(PAD + kernel.width + GAP + map.width + PAD);
  const cellHeight = Math.ceil(NUMBER_HEIGHT + inner + PAD);
  const most = Math.max(1, Math.floor(width / filled));
  const rows = Math.ceil(content.filters / most);
  const snap = (value: number) => Math.round(value * ratio) / ratio;
  const centred = (size: number) => NUMBER_HEIGHT + snap((inner - size) / 2);
  const columns = Math.ceil(content.filters / rows); // no more than these rows need, so that the last one is full
  const spread = columns > 1 ? Math.floor((width - filled) / (columns - 1)) : filled;
  return {
    columns,
    rows,
    cellWidth: Math.min(spread, Math.floor(MOST_SPREAD * filled)),
    cellHeight,
    filled,
    kernel: { x: PAD, y: centred(kernel.height), ...kernel },
    map: { x: snap(PAD + kernel.width + GAP), y: centred(map.height), ...map },
  };
}

/** Small maps grow to the tile's side by whole factors; larger ones stay at one device pixel a value while they may. */
function tileSize(size: { width: number; height: number }, side: number, ratio: number) {
  const longest = Math.max(size.width, size.height);
  const scale = Math.floor((side * ratio) / longest);
  const factor =
    scale >= 1 ? scale / ratio : longest <= LARGEST_TILE * ratio ? 1 / ratio : LARGEST_TILE / longest;
  // A 1-D net's map is one row: a strip as high as a fifth of a tile, so that it can be seen.
  const least = Math.floor((side * ratio) / 5) / ratio;
  return { width: Math.max(size.width * factor, least), height: Math.max(size.height * factor, least) };
}
