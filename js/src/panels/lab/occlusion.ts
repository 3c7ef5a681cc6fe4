/** A heat map of occlusion: what falls when a box covers a place, for the filter and for the class. */

import { element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { className } from "../../text/format";
import type { Frame } from "../../wire/frame";
import type { Occlusion } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { Bench } from "./part";
import { SmallPicture } from "./picture";

const SIDE = 168;

export class OcclusionView {
  readonly #bench: Bench;
  readonly #button = element(
    "button.fs-wide",
    {
      type: "button",
      name: "lab-occlude",
      title: "Covers one place after the other with a gray box, and measures what falls",
    },
    "Heat map of occlusion",
  );
  readonly #box = element("input", {
    type: "number",
    name: "lab-box",
    min: 1,
    step: 1,
    placeholder: "auto",
    title: "The box's side in pixels; empty: a seventh of the image",
  });
  readonly #progress = element("span.fs-surveyed");
  readonly #maps = element("div.fs-stages");
  readonly root = element(
    "div.fs-outcome",
    element("h4.fs-title", "Where it matters"),
    element(
      "div.fs-ask",
      this.#button,
      element("label.fs-choice", element("span.fs-name", "box"), this.#box),
      this.#progress,
    ),
    this.#maps,
  );
  #place = "";
  #revision = -1;
  #running = false;

  constructor(bench: Bench) {
    this.#bench = bench;
    on(this.#button, "click", () => (this.#running ? this.leave() : this.#begin()));
  }

  follow({ image, layer, filter, revision }: Frame): void {
    const place = [image, layer, filter].join();
    if (place === this.#place && revision === this.#revision) return;
    // A click may come before the frame of what was changed just now: it is meant for that.
    const again = this.#running && place === this.#place;
    this.#place = place;
    this.#revision = revision;
    this.leave();
    this.#maps.replaceChildren();
    setText(this.#progress, "");
    if (again) this.#begin();
  }

  leave(): void {
    if (!this.#running) return;
    this.#ask(true);
    this.#finish();
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab_occlusion") return false;
    if (!newest || !this.#running) return true;
    if (reply.error) {
      this.#finish();
      setText(this.#progress, reply.error.message);
      return true;
    }
    const answer = decode(reply);
    if (answer.status === "running") {
      setText(this.#progress, answer.total ? `${answer.done} of ${answer.total} places …` : "…");
      this.#bench.after("occlusion", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
    } else {
      this.#finish();
      setText(this.#progress, "");
      this.#paint(answer);
    }
    return true;
  }

  #begin(): void {
    this.#running = true;
    setText(this.#button, "Cancel");
    this.#ask();
  }

  #finish(): void {
    this.#running = false;
    setText(this.#button, "Heat map of occlusion");
  }

  #ask(cancel = false): void {
    const frame = this.#bench.frame();
    if (!frame) return;
    const { image, layer, filter } = frame;
    const box = this.#box.value === "" ? null : this.#box.valueAsNumber;
    this.#bench.ask("lab_occlusion", { image, layer, filter, box, ...(cancel ? { cancel } : {}) });
  }

  #paint({ maps = [], box = 0, predicted = null }: Occlusion): void {
    const nodes = maps.map((map) => {
      const picture = new SmallPicture(this.#bench.host);
      const what =
        map.of === "filter" ? "fall of the filter's total" : `fall of log p(${className(predicted ?? "")})`;
      picture.paint(what, map, null, SIDE);
      picture.root.dataset.occlusion = map.of;
      return picture.root;
    });
    const note =
      `A gray box of ${box}×${box}, at places half a box apart; the filter's total is the sum of its activation. ` +
      "Above 0 the place speaks for it; what falls is of this image alone.";
    this.#maps.replaceChildren(...nodes, element("p.fs-note", note));
  }
}
