/**
 * The receptive field over the image, as two boxes: solid, the pixels that are seen; dashed, the unclipped formula's, which
 * may reach beyond the image. What of that lies in the padding is hatched; where it goes on beyond what is shown it stays open.
 */

import { element } from "../../dom/dom";
import type { LargePicture } from "../../view/host";
import { type Field, rowsAndColumns, type Span } from "./receptive_field";

export class FieldBoxes {
  readonly #inside = element("div.fs-field", { hidden: true });
  readonly #formula = element("div.fs-formula", { hidden: true });
  readonly #hatch = element("div.fs-hatch", { hidden: true });
  readonly #roots: readonly HTMLElement[];

  constructor({ mount }: LargePicture) {
    const window = (part: HTMLElement, kind: "over" | "under") =>
      element(`div.fs-beyond.fs-${kind}`, { "aria-hidden": "true" }, element("div.fs-image-area", part));
    this.#roots = [window(this.#hatch, "under"), window(this.#formula, "over"), window(this.#inside, "over")];
    mount.append(...this.#roots);
  }

  /** `size`: rows and columns of the whole image. Null takes the boxes away. */
  show(field: Field | null, size: readonly [number, number]): void {
    const nothing = !field || field.inside.some(([first, end]) => first >= end);
    for (const box of [this.#inside, this.#formula, this.#hatch]) box.hidden = nothing;
    if (!field || nothing) return;
    this.#formula.hidden = String(field.inside) === String(field.theoretical);
    place(this.#inside, rowsAndColumns(field.inside, size[0]), size);
    for (const box of [this.#formula, this.#hatch])
      place(box, rowsAndColumns(field.theoretical, size[0]), size);
  }

  dispose(): void {
    for (const root of this.#roots) root.remove();
  }
}

/** Over the part of a picture that reaches from row to row and from column to column, of as many as `size` says. */
export function place(
  box: HTMLElement,
  [rows, columns]: readonly [Span, Span],
  [height, width]: readonly [number, number],
) {
  const part = (length: number, of: number) => `${(100 * length) / of}%`;
  Object.assign(box.style, {
    top: part(rows[0], height),
    height: part(rows[1] - rows[0], height),
    left: part(columns[0], width),
    width: part(columns[1] - columns[0], width),
  });
}
