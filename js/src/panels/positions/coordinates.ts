/** Which position of the net's maps a pixel of a large picture is, and where it stands in the other pictures. */

import type { LargePicture, Pixel } from "../../view/host";
import type { Frame, LayerInfo } from "../../wire/messages";
import type { MapFields } from "../../wire/positions";

/** Before or behind the way to the activation; a position before has arithmetic. */
export type MapName = "pre_activation" | "activation";

/** Rows and columns of the convolution's output as it is drawn. */
function drawnSize(layer: LayerInfo): readonly [number, number] {
  const shape = layer.out_shape.slice(1);
  return [shape.at(-2) ?? 1, shape.at(-1)!];
}

/** Whose position a pixel of this picture is; null where it is none of the net's. */
export function mapOf(
  { view, shown }: LargePicture,
  frame: Frame,
  layer: LayerInfo,
  response: LargePicture,
): MapName | null {
  if (view === "response") return frame.source === "input" ? "pre_activation" : null;
  if (view !== "activation") return null;
  const [rows, columns] =
    frame.source === "input" ? [response.shown.rows, response.shown.columns] : drawnSize(layer);
  return rows === shown.rows && columns === shown.columns ? "pre_activation" : "activation";
}

/** All indices of a drawn pixel: of a signal's map one, of a volume's the slice that is drawn comes first. */
export function positionOf(
  { row, column }: Pixel,
  { shape }: MapFields,
  { slice }: Frame,
  layer: LayerInfo,
): number[] {
  if (shape.length === 1) return [column];
  if (shape.length === 2) return [row, column];
  const depth = shape[0]!;
  // As `slice_of` in frame.py.
  const drawn =
    slice === null
      ? Math.floor(depth / 2)
      : Math.floor(((2 * slice + 1) * depth) / (2 * layer.out_shape[1]!));
  return [drawn, row, column];
}

/** The same place in another picture of the same grid; null where it has another one. */
export function counterpart(
  pixel: Pixel,
  from: LargePicture,
  to: LargePicture,
  frame: Frame,
  fields: MapFields | null,
): Pixel | null {
  const views = [from.view, to.view];
  if (!views.includes("image")) return sameSize(from, to) ? pixel : null;
  const { reduced, size } = frame.sample;
  const map = from.view === "image" ? to : from;
  if (map.shown.rows !== size[0] || map.shown.columns !== size[1]) return null;
  const across = (scale: (index: number) => number) => ({
    row: scale(pixel.row),
    column: scale(pixel.column),
  });
  const found =
    from.view === "image"
      ? across((index) => index * reduced)
      : across((index) => Math.floor(index / reduced));
  if (map.view === "response" && frame.source === "image") return found;
  const at = from.view === "image" ? found : pixel;
  return fields && standsOnItsPixel(fields, at) ? found : null;
}

function sameSize(one: LargePicture, two: LargePicture): boolean {
  return one.shown.rows === two.shown.rows && one.shown.columns === two.shown.columns;
}

/** Whether a position's place in the image is the pixel with the same indices. */
function standsOnItsPixel({ axes }: MapFields, { row, column }: Pixel): boolean {
  const at = axes.length === 1 ? [column] : [row, column];
  return axes.slice(-2).every(({ centres, along }, k) => {
    const axis = axes.length - Math.min(2, axes.length) + k;
    return centres !== null && along === axis && centres.data[at[k]!] === at[k]! + 0.5;
  });
}
