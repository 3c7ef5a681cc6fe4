/** Where in the image a filter fires: the mean of its maps over the images, as one small picture. */

import { attribute, element, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import { fitPicture } from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { number } from "../../text/format";
import { Legend } from "../../view/legend";
import { type Picture, rangeFor } from "../../wire/frame";
import { sides } from "../../wire/tensor";

const SIDE = 132;

export class MeanMap {
  readonly #canvas = element("canvas", { "data-view": "mean-map", role: "img" });
  readonly #box = element("div.fs-mean-map", this.#canvas);
  readonly #legend = new Legend();
  readonly #note = element("p.fs-note");
  readonly root = element(
    "div.fs-where",
    element("h4.fs-title", "Where it fires"),
    this.#box,
    this.#legend.root,
    this.#note,
  );
  readonly #palettes: Palettes;

  constructor(palettes: Palettes) {
    this.#palettes = palettes;
  }

  paint(picture: Picture | null, why: string, ratio: number): void {
    this.#box.hidden = this.#legend.root.hidden = picture === null;
    setText(this.#note, picture === null ? `${why}.` : "mean of its map over all images");
    if (!picture) return;
    const range = rangeFor(picture, 0);
    const { width, height } = sides(picture.tensor);
    const raster = new Raster(width, height);
    raster.put(codesFor(picture.tensor, range), 0, width, height, this.#palettes.lookup(range.signed));
    raster.show(this.#canvas);
    const size = fitPicture(width, height, SIDE, ratio);
    Object.assign(this.#canvas.style, {
      width: `${size.width}px`,
      height: `${size.height}px`,
      imageRendering: size.crisp ? "" : "auto",
    });
    this.#legend.paint(range, this.#palettes.nameFor(range.signed));
    const ends =
      range.minimum === null ? "no finite value" : `${number(range.minimum)} … ${number(range.maximum!)}`;
    attribute(this.#canvas, "aria-label", `mean map, ${height}×${width} positions, values ${ends}`);
  }
}
