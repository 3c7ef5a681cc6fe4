/** Which position of the net's maps a pixel of a large picture is, and where it stands in the other pictures. */

import { drawnSlice } from "../../state/selection";
import type { LargePicture, Pixel } from "../../view/host";
import type { LayerInfo } from "../../wire/description";
import type { Frame } from "../../wire/frame";
import type { MapFields } from "../../wire/positions";

/** Of which of the net's maps a position is: before or behind the way to the activation. One before has arithmetic. */
export type NetMap = "pre_activation" | "activation";

/** Rows and columns of the convolution's output as it is drawn. */
function drawnSize(layer: LayerInfo): readonly [number, number] {
  const shape = layer.out_shape.slice(1);
  return [shape.at(-2) ?? 1, shape.at(-1)!];
}

/** Whose position a pixel of this picture is; null where it is none of the net's. */
export function netMapOf(
  { view, shown }: LargePicture,
  frame: Frame,
  layer: LayerInfo,
  response: LargePicture,
): NetMap | null {
  if (view === "image" || view === "kernel") return null;
  if (view === "response") return frame.source === "input" ? "pre_activation" : null;
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
  return [drawnSlice(slice, shape[0]!, layer.out_shape[1]!), row, column];
}

/** The pixel of another picture that has the same place; null where the two do not share a grid. */
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
  const pixelThere =
    from.view === "image"
      ? across((index) => index * reduced)
      : across((index) => Math.floor(index / reduced));
  if (map.view === "response" && frame.source === "image") return pixelThere;
  const at = from.view === "image" ? pixelThere : pixel;
  return fields && standsOnItsPixel(fields, at) ? pixelThere : null;
}

function sameSize(a: LargePicture, b: LargePicture): boolean {
  return a.shown.rows === b.shown.rows && a.shown.columns === b.shown.columns;
}

/** Whether a position's place in the image is the pixel with the same indices. */
function standsOnItsPixel({ axes }: MapFields, { row, column }: Pixel): boolean {
  const at = axes.length === 1 ? [column] : [row, column];
  return axes.slice(-2).every(({ centres, along }, k) => {
    const axis = axes.length - Math.min(2, axes.length) + k;
    return centres !== null && along === axis && centres.data[at[k]!] === at[k]! + 0.5;
  });
}
