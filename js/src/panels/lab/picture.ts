/** A small picture of the lab: codes in a range of their own, and what is said of it. */

import { element, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import { fitPicture } from "../../draw/layout";
import { Raster } from "../../draw/raster";
import { number } from "../../text/format";
import type { Host } from "../../view/host";
import type { Picture } from "../../wire/frame";
import { sides } from "../../wire/tensor";

export class SmallPicture {
  readonly #host: Host;
  readonly canvas = element("canvas", {
    role: "img",
    "aria-label": "not drawn yet",
    width: 1,
    height: 1,
  });
  readonly #title = element("span.fs-title");
  readonly #shape = element("span.fs-fact");
  readonly #range = element("span.fs-fact");
  readonly #box = element("div.fs-lab-box", this.canvas);
  readonly root = element(
    "figure.fs-lab-picture",
    element("figcaption", this.#title),
    this.#box,
    this.#shape,
    this.#range,
  );

  constructor(host: Host) {
    this.#host = host;
  }

  paint(title: string, picture: Picture, shape: readonly number[] | null, side: number): void {
    const range = picture.ranges[0]!;
    const { width, height } = sides(picture.tensor);
    const raster = new Raster(width, height);
    raster.put(codesFor(picture.tensor, range), 0, width, height, this.#host.palettes.lookup(range.signed));
    raster.show(this.canvas);
    const fit = fitPicture(width, height, side, window.devicePixelRatio || 1);
    this.canvas.style.width = `${fit.width}px`;
    this.canvas.style.height = `${fit.height}px`;
    this.canvas.style.imageRendering = fit.crisp ? "pixelated" : "auto";
    this.#box.style.minHeight = `${Math.min(side, fit.height)}px`;
    setText(this.#title, title);
    setText(this.#shape, shape ? shape.join("×") : "");
    const ends =
      range.minimum === null ? "no finite value" : `${number(range.minimum)} … ${number(range.maximum!)}`;
    const bad = range.nan + range.infinite;
    setText(this.#range, bad ? `${ends}, ${bad} not finite` : ends);
    this.canvas.setAttribute("aria-label", `${title}, ${shape?.join("×") ?? ""} ${ends}`);
  }
}
