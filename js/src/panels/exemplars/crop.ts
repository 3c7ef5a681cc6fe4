/** One exemplar on the wall: what its maximum sees of the image, with its value, class and prediction. */

import { attribute, element } from "../../dom/dom";
import { fitPicture } from "../../draw/layout";
import { rasterOfDisplay } from "../../draw/raster";
import { className, number } from "../../text/format";
import type { Crop } from "../../wire/scans";
import type { ByteTensor } from "../../wire/tensor";
import { cropInWords, isWrong } from "./words";

/** Of the box that a crop stands in, in CSS pixels. */
export const CROP_SIDE = 64;

/** The crop itself, one canvas pixel a pixel of it, as large as fits into a box; where all is seen the place is marked. */
export function cropPicture(crop: Crop, pixels: ByteTensor, side: number, ratio: number): HTMLElement {
  const [rows, columns] = crop.shape;
  const canvas = element("canvas");
  rasterOfDisplay(pixels).show(canvas);
  const { width, height, crisp } = fitPicture(columns, rows, side, ratio);
  Object.assign(canvas.style, {
    width: `${width}px`,
    height: `${height}px`,
    imageRendering: crisp ? "" : "auto",
  });
  const mount = element("span.fs-cut", canvas);
  const spot = crop.whole ? placeOf(crop) : null;
  if (spot) {
    const mark = element("i.fs-spot");
    Object.assign(mark.style, { left: `${100 * spot.left}%`, top: `${100 * spot.top}%` });
    mount.append(mark);
  }
  return mount;
}

/** In parts of the crop; null where the position has no place in the image. */
function placeOf({ centre, box }: Crop): { top: number; left: number } | null {
  const [top, left, bottom, right] = box;
  const column = centre.at(-1) ?? null;
  const row = centre.length < 2 ? (top + bottom) / 2 : (centre.at(-2) ?? null);
  if (row === null || column === null) return null;
  return { top: (row - top) / (bottom - top), left: (column - left) / (right - left) };
}

/** `id`: unique on the page. */
export function cropItem(
  crop: Crop,
  pixels: ByteTensor,
  value: number,
  id: string,
  ratio: number,
): HTMLElement {
  const { image, label, predicted, copies, error, position } = crop;
  const words = cropInWords(crop, value);
  const box = element("span.fs-crop-box", error ? "unreadable" : cropPicture(crop, pixels, CROP_SIDE, ratio));
  if (copies > 1) box.append(element("b.fs-copies", `×${copies}`));
  const wrong = isWrong(crop);
  return element(
    "div.fs-crop",
    {
      id,
      role: "option",
      "aria-selected": false,
      title: words,
      "data-image": image,
      "data-position": position.join(" "),
    },
    element("span.fs-live", words),
    seen(box),
    seen(element("span.fs-crop-value", number(value))),
    seen(element("span.fs-label", label === null ? `image ${image}` : className(label))),
    seen(
      element(wrong ? "span.fs-mark.fs-wrong" : "span.fs-mark", wrong ? `✗ ${className(predicted!)}` : ""),
    ),
  );
}

/** What stands in the item's words, too. */
function seen(part: HTMLElement): HTMLElement {
  attribute(part, "aria-hidden", true);
  return part;
}
