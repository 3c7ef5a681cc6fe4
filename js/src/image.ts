/** The data set's image with its class and the net's prediction. */

import { Choice } from "./choices";
import { element } from "./dom";
import { className, number, percent, verdictParts } from "./format";
import { PictureBox, pixelInWords } from "./picture";
import type { Frame, Sample } from "./protocol";
import { rasterOfDisplay } from "./raster";

/** As many as there is room for beside a large picture; style.css shows fewer where they stand below it. */
const BARS = 10;

export class ImageView {
  readonly #verdict = element("p", { class: "fs-verdict" });
  readonly #bars = element("ol", { class: "fs-bars", "aria-label": "prediction" });
  readonly #said = element("div", { class: "fs-said" }, this.#verdict, this.#bars);
  readonly #plane: Choice;
  readonly #picture: PictureBox;
  readonly root: HTMLElement;
  #painted: Sample | null = null;

  constructor(choose: (plane: number | null) => void) {
    this.#plane = new Choice("plane", "drawn", [], "", (plane) =>
      choose(plane === "" ? null : Number(plane)),
    );
    this.#plane.root.hidden = true;
    this.#picture = new PictureBox("image", [this.#plane.root, this.#said]);
    this.root = this.#picture.root;
  }

  layout(box: number, ratio: number): void {
    this.#picture.layout(box, ratio);
  }

  paint({ image, sample, plane }: Frame): void {
    if (this.#painted === sample) return; // another filter of the same frame: nothing here changes
    const before = this.#painted?.planes;
    this.#painted = sample;
    const { display, range, reduced, planes } = sample;
    rasterOfDisplay(display).show(this.#picture.canvas);
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
    this.#picture.shown(words, (row, column) => {
      const at = (row * width + column) * channels;
      const bytes = Array.from(display.data.subarray(at, at + channels));
      return {
        where: pixelInWords(row * reduced, column * reduced),
        value: `${bytes.join(", ")}/255${mean}`,
      };
    });
    this.#verdict.replaceChildren(...verdictLines(sample));
    this.#bars.replaceChildren(
      ...sample.prediction.slice(0, BARS).map((entry) => this.#bar(entry, sample.label)),
    );
  }

  clear(): void {
    this.#painted = null;
    this.#picture.clear("image");
    this.#verdict.replaceChildren();
    this.#bars.replaceChildren();
  }

  #bar([name, probability]: Sample["prediction"][number], label: Sample["label"]): HTMLElement {
    const fill = element("span", { class: "fs-fill" });
    fill.style.width = `${Math.max(0, Math.min(1, probability)) * 100}%`;
    const words = element("span", { class: "fs-class", title: className(name) }, className(name));
    const share = element("span", { class: "fs-share" }, percent(probability));
    return element("li", name === label ? { class: "fs-true" } : {}, fill, words, share);
  }
}

/** One line for each part; read as text, they are the sentence that stands beside the slider. */
function verdictLines(sample: Sample): Node[] {
  return verdictParts(sample).map((part, k) => {
    const separator = element("span", { class: "fs-separator" }, k === 0 ? "" : " · ");
    return element("span", { title: part }, separator, part);
  });
}
