/** The room's panel in a saved page, and what of the checkpoint slider was saved. */

import { element, setText } from "../../dom/dom";
import type { Host, Panels } from "../../view/host";
import { together } from "../../view/together";
import type { Frame } from "../../wire/frame";
import type { KeptTimeline } from "../../wire/timeline";
import { timelinePanels } from "./panels";
import { netInWords, notKeptInWords } from "./words";

export function savedTimelinePanels(host: Host, kept: KeptTimeline): Panels {
  return together([timelinePanels(host, kept), new SavedSlider(host, kept)]);
}

/** The slider rests, and says why, where the page has one checkpoint alone. */
class SavedSlider implements Partial<Panels> {
  readonly #host: Host;
  readonly #kept: KeptTimeline;
  readonly #slider: HTMLElement;
  readonly #note = element("p.fs-note", { hidden: true });

  constructor(host: Host, kept: KeptTimeline) {
    this.#host = host;
    this.#kept = kept;
    this.#slider = host.root.querySelector<HTMLElement>(".fs-checkpoint")!;
    this.#slider.after(this.#note);
    // A page of one checkpoint has that one in the place of the net itself.
    this.#slider.querySelector<HTMLElement>("[name=net-itself]")!.hidden = kept.shown !== null;
  }

  painted({ image, layer, checkpoint }: Frame, layerName: string): void {
    const { images, shown } = this.#kept;
    const sentence = images.length > 0 ? notKeptInWords(this.#kept, image, layer, layerName) : null;
    for (const control of this.#slider.querySelectorAll<HTMLInputElement | HTMLButtonElement>(
      "input, button",
    ))
      control.disabled = sentence !== null;
    // The lab has the kernels of the checkpoint that the page is of, and what the layer is given there.
    const elsewhere = images.length > 0 && checkpoint !== shown;
    const { root } = this.#host;
    root.classList.toggle("fs-elsewhere", elsewhere);
    const noLab = elsewhere && root.querySelector(".fs-door [name=lab]") !== null;
    const words =
      sentence ?? (noLab ? `The lab is there at one checkpoint alone: ${netInWords(this.#kept)}.` : "");
    this.#note.hidden = words === "";
    setText(this.#note, words);
  }
}
