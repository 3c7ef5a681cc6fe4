/** Which frequencies the kernel lets pass, and which the image has before and after. */

import { element, on, setText } from "../../dom/dom";
import { RESTS_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import type { Spectra } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { Curves } from "./curves";
import type { Bench, Part } from "./part";
import { SmallPicture } from "./picture";

const SIDE = 168;

export class SpectrumPart implements Part {
  readonly name = "spectrum";
  readonly title = "Spectrum";
  readonly #bench: Bench;
  readonly #pictures = element("div.fs-stages");
  readonly #curves = new Curves();
  readonly #rate = element("input", {
    type: "number",
    name: "lab-rate",
    min: 0,
    step: "any",
    placeholder: "not known",
    title: "Samples a second: then frequencies are in Hz",
  });
  readonly #rateRow = element(
    "label.fs-choice",
    element("span.fs-name", "sampling rate"),
    this.#rate,
    element("span.fs-name", "Hz"),
  );
  readonly #says = element("p.fs-note");
  readonly root = element("div", this.#rateRow, this.#pictures, this.#curves.root, this.#says);
  #asked = "";

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#rateRow.hidden = true;
    on(this.#rate, "change", () => {
      this.#asked = "";
      const frame = bench.frame();
      if (frame) this.follow(frame);
    });
  }

  follow(frame: Frame): void {
    const { image, layer, filter, channel, source, revision } = frame;
    const key = [image, layer, filter, channel, source, revision, this.#bench.host.palettes.choice].join();
    if (key === this.#asked) return;
    this.#asked = key;
    const { scale, plane, slice, kernel_slice } = frame;
    const rate = this.#rate.value === "" ? null : this.#rate.valueAsNumber;
    const args = { image, layer, filter, channel, source, scale, plane, slice, kernel_slice, rate };
    this.#bench.after("spectrum", RESTS_AFTER.lab, () => this.#bench.ask("lab_spectrum", args));
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab_spectrum") return false;
    if (!newest) return true;
    if (reply.error) setText(this.#says, reply.error.message);
    else this.#paint(decode(reply));
    return true;
  }

  #paint({ pictures, curves, frequencies, unit }: Spectra): void {
    const nodes = pictures.map((picture) => {
      const small = new SmallPicture(this.#bench.host);
      small.paint(picture.name, picture, null, SIDE);
      return small.root;
    });
    this.#pictures.replaceChildren(...nodes);
    this.#rateRow.hidden = curves.length === 0;
    this.#curves.root.hidden = curves.length === 0;
    if (curves.length) this.#curves.paint(frequencies.data, curves, unit);
    setText(
      this.#says,
      curves.length
        ? `The size of each frequency's response, in dB: 0 dB leaves a wave as high as it is, −20 dB a tenth of it. Frequencies in ${unit}.`
        : `Frequency 0, plain brightness, stands in the middle; half a cycle a pixel, the finest stripes, at the edges. Gain is how many times higher a wave comes out; amplitudes are log10(1 + |F|) of what the kernel runs over, and of its response. One kernel, ${this.#bench.frame()?.channel === null ? "the first" : "the selected one"}.`,
    );
  }
}
