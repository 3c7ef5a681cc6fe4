/** The data set's image with the net's prediction; its class in words stands beside the slider. */

import { element } from "../dom/dom";
import { Select } from "../dom/select";
import { rasterOfDisplay } from "../draw/raster";
import { className, number, percent } from "../text/format";
import type { Frame, Prediction, Sample } from "../wire/frame";
import { colourOf, OverlayView } from "./overlay";
import { PictureBox, pixelInWords } from "./picture";

/** So many have room beside a large picture; the style sheet shows fewer where they stand below it. */
const BARS = 10;

const NOTHING = {
  classes: "no class scores: the net's output is not one finite score a class",
  boxes: "no object is seen in this image",
  masks: "no class a pixel: the net's output is not one finite score a class and pixel",
  embedding: "an embedding: the net's output tells no classes",
};

export class ImageView {
  readonly #bars = element("ol.fs-bars", { "aria-label": "prediction" });
  readonly #prediction = element("div.fs-said", this.#bars);
  readonly #overlay: OverlayView;
  readonly #plane: Select;
  readonly picture: PictureBox;
  readonly root: HTMLElement;
  #painted: Sample | null = null;

  constructor(choose: (plane: number | null) => void) {
    this.#plane = new Select("plane", "drawn", [], "", (plane) =>
      choose(plane === "" ? null : Number(plane)),
    );
    this.#plane.root.hidden = true;
    this.picture = new PictureBox("image", [this.#plane.root, this.#prediction]);
    this.#overlay = new OverlayView(this.picture.mount);
    this.#prediction.prepend(this.#overlay.control);
    this.root = this.picture.root;
  }

  layout(box: number, ratio: number): void {
    this.picture.layout(box, ratio);
  }

  paint({ image, sample, plane }: Frame): void {
    if (this.#painted === sample) return; // another filter of the same frame: nothing here changes
    const before = this.#painted?.planes;
    this.#painted = sample;
    const { display, range, reduced, planes } = sample;
    rasterOfDisplay(display).show(this.picture.canvas);
    const [, width = 1, channels = 1] = display.shape;
    if (planes !== before) {
      const each = Array.from({ length: planes }, (_, c) => [String(c), `channel ${c}`] as const);
      this.#plane.offer([["", "kernel's channel"], ...each]);
    }
    this.#plane.show(plane === null ? "" : String(plane));
    this.#plane.root.hidden = planes === 0;
    const mean = reduced > 1 ? `, mean of ${reduced}×${reduced}` : "";
    const words = {
      title: "image",
      which: ` ${image}`,
      size: `${sample.size.join("×")}${channels === 3 ? " RGB" : ""}`,
      content: { where: "values", value: `${number(range.low)} … ${number(range.high)}` },
      notes: [sample.note],
      warning: "",
    };
    this.picture.paint(words, (row, column) => {
      const at = (row * width + column) * channels;
      const bytes = Array.from(display.data.subarray(at, at + channels));
      return {
        where: pixelInWords(row * reduced, column * reduced),
        value: `${bytes.join(", ")}/255${mean}`,
      };
    });
    // What is not known yet takes the room of what was shown before, so that nothing moves.
    this.#bars.style.visibility = sample.prediction ? "" : "hidden";
    if (!sample.prediction) return;
    this.#overlay.paint(sample);
    const { overlay, label } = sample;
    const bars = sample.prediction.slice(0, BARS).map((entry, k) => {
      const number = overlay?.numbers[k];
      const shown = overlay !== null && number !== undefined && (overlay.boxes !== null || number > 0);
      return this.#bar(entry, label, shown ? colourOf(number) : "");
    });
    const nothing = NOTHING[overlay?.tells ?? "classes"];
    this.#bars.replaceChildren(...(bars.length > 0 ? bars : [element("li.fs-none", nothing)]));
  }

  clear(): void {
    this.#painted = null;
    this.picture.clear("image");
    this.#bars.replaceChildren();
    this.#overlay.clear();
  }

  #bar([name, probability]: Prediction[number], label: Sample["label"], colour: string): HTMLElement {
    const fill = element("span.fs-fill");
    fill.style.background = colour;
    fill.style.width = `${Math.max(0, Math.min(1, probability)) * 100}%`;
    const words = element("span.fs-class", { title: className(name) }, className(name));
    const share = element("span.fs-share", percent(probability));
    return element(name === label ? "li.fs-true" : "li", fill, words, share);
  }
}
