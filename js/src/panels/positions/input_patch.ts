/** One channel of what the layer is given, with a box around the patch that the kernels lie on. */

import { element, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import { fitPicture } from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { Legend } from "../../view/legend";
import type { Arithmetic, SidePicture } from "../../wire/positions";
import { sides } from "../../wire/tensor";
import { place } from "./field_boxes";
import type { Span } from "./receptive_field";

export class InputPatch {
  readonly #palettes: Palettes;
  readonly #title = element("h4");
  readonly #canvas = element("canvas", { "data-view": "input", role: "img", width: 1, height: 1 });
  readonly #box = element("div.fs-field", { "aria-hidden": "true" });
  readonly #mount = element("div.fs-mount", this.#canvas, this.#box);
  readonly #legend = new Legend();
  readonly root = element(
    "div.fs-input",
    this.#title,
    element("div.fs-input-box", this.#mount),
    this.#legend.root,
  );
  #side = 160;
  #ratio = 1;

  constructor(palettes: Palettes) {
    this.#palettes = palettes;
  }

  layout(narrow: boolean, ratio: number): void {
    this.#side = narrow ? 120 : 160;
    this.#ratio = ratio;
    this.root.style.setProperty("--fs-side", `${this.#side}px`);
  }

  /** The picture of a channel is on its way; that of another one is taken away. */
  wait(channel: number): void {
    const words = `input channel ${channel}`;
    if (this.#title.textContent !== words) this.hide();
    setText(this.#title, words);
  }

  hide(): void {
    this.#canvas.style.visibility = this.#box.style.visibility = "hidden";
  }

  paint(picture: SidePicture, { sources }: Arithmetic): void {
    const range = picture.ranges[0]!;
    const { width, height } = sides(picture.tensor);
    const raster = new Raster(width, height);
    raster.put(codesFor(picture.tensor, range), 0, width, height, this.#palettes.lookup(range.signed));
    raster.show(this.#canvas);
    this.#legend.paint(range, this.#palettes.nameFor(range.signed));
    const fit = fitPicture(width, height, this.#side, this.#ratio);
    Object.assign(this.#mount.style, { width: `${fit.width}px`, height: `${fit.height}px` });
    this.#canvas.style.visibility = this.#box.style.visibility = "";
    const [rows = 1, columns = 1] = picture.size ?? [height, width];
    const [down, right] = sources.length === 1 ? [[0], sources[0]!] : sources.slice(-2);
    const spans = [spanOf(down!), spanOf(right!)] as const;
    this.#box.hidden = spans.includes(null);
    if (spans[0] && spans[1]) place(this.#box, [spans[0], spans[1]], [rows, columns]);
    const words = `${this.#title.textContent}, ${rows}×${columns}, with the patch marked`;
    this.#canvas.setAttribute("aria-label", words);
  }
}

/** From the first to the last pixel that a cell lies on; null where all lie outside. */
function spanOf(sources: readonly number[]): Span | null {
  const inside = sources.filter((source) => source >= 0);
  return inside.length > 0 ? [Math.min(...inside), Math.max(...inside) + 1] : null;
}
