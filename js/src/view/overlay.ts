/** What the net says of parts of the image, laid over it: objects in boxes, or the class of each pixel. */

import { element } from "../dom/dom";
import palette from "../draw/palette.json";
import type { Overlay, Sample } from "../wire/frame";

/** Okabe and Ito's, which people tell apart however they see them; the first class of masks is left clear. */
const COLOURS = palette.classes;
const OPACITY = 0x90;
const SVG = "http://www.w3.org/2000/svg";

export function colourOf(classNumber: number): string {
  return COLOURS[((classNumber % COLOURS.length) + COLOURS.length) % COLOURS.length]!;
}

export class OverlayView {
  readonly #mask = element("canvas", { "aria-hidden": "true", width: 1, height: 1 });
  readonly #boxes = document.createElementNS(SVG, "svg");
  readonly #layer = element("div.fs-overlay", this.#mask);
  readonly #switch = element("input", {
    type: "checkbox",
    name: "overlay",
    "data-lm-suppress-shortcuts": "true",
  });
  readonly #words = document.createTextNode("");
  /** The switch that takes it away, to be placed below the picture. */
  readonly control = element("label.fs-overlaid", this.#switch, this.#words);

  /** `mount` has the canvas of the picture that it is laid over. */
  constructor(mount: HTMLElement) {
    this.#boxes.setAttribute("aria-hidden", "true");
    this.#boxes.setAttribute("preserveAspectRatio", "none");
    this.#layer.append(this.#boxes);
    this.#switch.checked = true;
    this.#switch.addEventListener("change", () => {
      this.#layer.hidden = !this.#switch.checked;
    });
    this.control.hidden = true;
    mount.append(this.#layer);
  }

  paint({ overlay, size }: Sample): void {
    const { boxes, mask } = overlay ?? { boxes: null, mask: null };
    this.control.hidden = !boxes?.shape[0] && !mask;
    this.#words.data = mask ? "classes laid over it" : "boxes";
    this.#paintBoxes(overlay, size);
    this.#paintMask(overlay);
  }

  clear(): void {
    this.control.hidden = true;
    this.#boxes.replaceChildren();
    this.#mask.hidden = true;
  }

  #paintBoxes(overlay: Overlay | null, [height, width]: Sample["size"]): void {
    this.#boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const places = overlay?.boxes?.data ?? [];
    const rectangles = (overlay?.boxes ? overlay.numbers : []).map((number, k) => {
      const [left, top, right, bottom] = [0, 1, 2, 3].map((edge) => Number(places[4 * k + edge]));
      const rectangle = document.createElementNS(SVG, "rect");
      const edges = {
        x: left,
        y: top,
        width: right! - left!,
        height: bottom! - top!,
        stroke: colourOf(number),
      };
      for (const [name, value] of Object.entries(edges)) rectangle.setAttribute(name, String(value));
      return rectangle;
    });
    this.#boxes.replaceChildren(...rectangles);
  }

  #paintMask(overlay: Overlay | null): void {
    const mask = overlay?.mask ?? null;
    this.#mask.hidden = !mask;
    if (!mask) return;
    const [height = 1, width = 1] = mask.shape;
    this.#mask.width = width;
    this.#mask.height = height;
    const context = this.#mask.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    const colours = Array.from({ length: 256 }, (_, number) =>
      Number.parseInt(colourOf(number).slice(1), 16),
    );
    mask.data.forEach((number, pixel) => {
      const colour = colours[number]!;
      image.data.set(
        [colour >> 16, (colour >> 8) & 255, colour & 255, number === 0 ? 0 : OPACITY],
        4 * pixel,
      );
    });
    context.putImageData(image, 0, 0);
  }
}
