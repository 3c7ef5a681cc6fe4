/** How the pinned value comes about: the layer's input with the patch, patch × kernel, the sums, and the steps behind. */

import { attribute, element, on, setText } from "../../dom/dom";
import type { Palettes } from "../../draw/palette";
import { aligned, exact, number } from "../../text/format";
import type { Pixel } from "../../view/host";
import type { Arithmetic, SidePicture } from "../../wire/positions";
import { ChannelSums } from "./channel_sums";
import { InputPatch } from "./input_patch";
import { Products } from "./products";

/** In CSS pixels: below that the pictures are smaller. */
const NARROW = 560;

export interface ArithmeticActions {
  close(): void;
  /** One channel of the layer's input, of a volume this slice. */
  input(channel: number, slice: number | null): void;
}

export class ArithmeticPanel {
  readonly #actions: ArithmeticActions;
  readonly #title = element("h3.fs-title");
  readonly #value = element("b.fs-pinned-value");
  readonly #field = element("p.fs-note");
  readonly #message = element("p.fs-note");
  readonly #input: InputPatch;
  readonly #products: Products;
  readonly #sums: ChannelSums;
  readonly #steps = element("table.fs-steps");
  readonly #body: HTMLElement;
  readonly root: HTMLElement;
  #shown: Arithmetic | null = null;
  #size = "";
  /** Which of the patch's channels is looked at; by default the one that adds most. */
  #channel: number | null = null;
  /** What the channel was chosen for. */
  #of = "";

  constructor(palettes: Palettes, actions: ArithmeticActions) {
    this.#actions = actions;
    this.#input = new InputPatch(palettes);
    this.#products = new Products(palettes);
    this.#sums = new ChannelSums((channel) => this.#look(channel));
    const close = element(
      "button.fs-close",
      { type: "button", "aria-label": "let go of the position", title: "Escape" },
      "×",
    );
    on(close, "click", () => actions.close());
    const sums = element("div.fs-column", this.#sums.root);
    const steps = element("div.fs-column", element("h4", "to the activation"), this.#steps);
    const look = element("div.fs-look", this.#input.root, this.#products.root);
    this.#body = element("div.fs-body", look, element("div.fs-sums", sums, steps));
    const head = element("div.fs-arithmetic-head", this.#title, this.#value, close);
    this.root = element("section.fs-arithmetic", {
      "aria-label": "how the pinned value comes about",
      hidden: true,
    });
    this.root.append(head, this.#field, this.#message, this.#body);
    on(this.root, "keydown", (event) => {
      if (event.key === "Escape") actions.close();
    });
  }

  hide(): void {
    this.root.hidden = true;
    this.#shown = null;
  }

  /** What is shown is drawn anew where its pictures have another size now. */
  layout(width: number, ratio: number): void {
    const narrow = width < NARROW;
    const size = `${narrow} ${ratio}`;
    if (size === this.#size) return;
    this.#size = size;
    this.#input.layout(narrow, ratio);
    this.#products.layout(narrow, ratio);
    this.redraw();
  }

  sayField(sentence: string): void {
    setText(this.#field, sentence);
  }

  /** What was shown stays, faint, under its own title, until the new numbers have come. */
  wait(layer: string, filter: number, pixel: Pixel): void {
    if (this.root.hidden || !this.#shown) {
      this.#head(layer, filter, [pixel.row, pixel.column], "computing …");
      this.#body.hidden = true;
    }
    this.root.hidden = false;
    setText(this.#message, "");
    attribute(this.root, "aria-busy", true);
  }

  /** A pinned pixel of which there is no arithmetic. */
  none({ row, column }: Pixel, sentence: string): void {
    this.root.hidden = false;
    this.#shown = null;
    this.#body.hidden = true;
    setText(this.#title, `row ${row}, col ${column}`);
    setText(this.#value, "");
    this.say(sentence);
  }

  say(sentence: string): void {
    attribute(this.root, "aria-busy", false);
    setText(this.#message, sentence);
  }

  show(arithmetic: Arithmetic, layer: string, selected: number | null): void {
    this.#shown = arithmetic;
    this.#body.hidden = false;
    attribute(this.root, "aria-busy", false);
    setText(this.#message, "");
    const { filter, order } = arithmetic;
    this.#head(layer, filter, arithmetic.position, valueInWords(arithmetic));
    const of = `${arithmetic.layer} ${arithmetic.filter} ${selected}`;
    if (of !== this.#of) this.#channel = selected;
    this.#of = of;
    const channel = this.#channel ?? order[0]!;
    this.#sums.show(arithmetic, channel);
    this.#tell(arithmetic);
    this.#look(channel, false);
    Object.assign(this.root.dataset, { image: arithmetic.image, position: arithmetic.position.join() });
  }

  showInput(picture: SidePicture): void {
    if (this.#shown) this.#input.paint(picture, this.#shown);
  }

  refuseInput(sentence: string): void {
    this.#input.hide();
    this.say(sentence);
  }

  /** The palettes are others, or the sizes. */
  redraw(): void {
    if (this.#shown) this.#look(this.#channel ?? this.#shown.order[0]!, false);
  }

  /** For a screen reader; empty while the numbers are on their way. */
  words(): string {
    if (!this.#shown || this.root.getAttribute("aria-busy") === "true") return "";
    const { numbers, agrees } = this.#shown;
    const difference = number(numbers.difference.data[0]!);
    const proof = agrees
      ? `recomputed to rounding (${difference})`
      : `the recomputed value differs by ${difference}`;
    return `Pinned ${this.#title.textContent} ${this.#value.textContent}, ${proof}. ${this.#field.textContent}`;
  }

  #head(layer: string, filter: number, position: readonly number[], value: string): void {
    const names = [["col"], ["row", "col"], ["slice", "row", "col"]][position.length - 1]!;
    const where = position.map((index, axis) => `${names[axis]} ${index}`).join(", ");
    setText(this.#title, `${layer} · filter ${filter} · ${where}`);
    setText(this.#value, value);
  }

  #look(channel: number, chosen = true): void {
    const shown = this.#shown!;
    if (chosen) this.#channel = channel;
    this.#sums.mark(channel);
    this.#products.show(shown, channel);
    const sources = shown.sources[0]!;
    const slice = shown.sources.length === 3 ? (sources[Math.floor(sources.length / 2)] ?? null) : null;
    this.#input.wait(shown.first_channel + channel);
    this.#actions.input(shown.first_channel + channel, slice);
  }

  /** From the sums to the activation, each number under the other. */
  #tell({ numbers, channel_sums, steps, agrees, activation_name }: Arithmetic): void {
    const of = (name: keyof Arithmetic["numbers"]) => numbers[name].data[0]!;
    const sum = channel_sums.data.reduce((total, value) => total + value, 0);
    const proof = `differs by ${number(of("difference"))}: ${agrees ? "rounding" : `more than rounding, ${number(of("rounding"))}`}`;
    const rows: [name: string, value: number, note: string][] = [
      ["sum over the channels", sum, ""],
      ["+ bias", of("bias"), ""],
      ["= recomputed here", of("recomputed"), ""],
      ["the net's pre-activation", of("pre_activation"), proof],
      ...steps.map(({ name, value, note }): [string, number, string] => [`→ ${name}`, value.data[0]!, note]),
      ["activation", of("activation"), activation_name],
    ];
    const texts = aligned(
      rows.map(([, value]) => value),
      6,
    );
    this.#steps.replaceChildren(
      ...rows.map(([name, value, note], k) =>
        element(
          k === 3 && !agrees ? "tr.fs-disagrees" : "tr",
          element("th", { scope: "row" }, name),
          element("td.fs-number", { title: exact(Math.fround(value)) }, texts[k]!),
          element("td.fs-note", note),
        ),
      ),
    );
  }
}

function valueInWords({ numbers }: Arithmetic): string {
  const [before, behind] = [numbers.pre_activation, numbers.activation].map(({ data }) => exact(data[0]!));
  return `pre-activation ${before} → activation ${behind}`;
}
