/** What an edit does: to the prediction, to the layers behind, and over many images. */

import { element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { number, percent } from "../../text/format";
import type { Changes, EditEffect, LabFilter } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { FloatTensor } from "../../wire/tensor";
import { barRow, predictionBars } from "../before_after";
import type { Consequences } from "./kernel_part";
import type { Bench } from "./part";

const IMAGES = 1000;

export class Outcome implements Consequences {
  readonly trial =
    "All pictures and predictions are of this trial, on a copy; your net is as it was. Verdicts, scans and ablations are of your net.";
  readonly #bench: Bench;
  readonly #prediction = element("div.fs-outcome-classes");
  readonly #layers = element("div.fs-outcome-layers");
  readonly #measure = element(
    "button.fs-wide",
    { type: "button", name: "lab-measure", title: "Accuracy and loss with and without the edit" },
    `Measure on ${IMAGES.toLocaleString("en")} images`,
  );
  readonly #progress = element("span.fs-surveyed");
  readonly #effect = element("div.fs-outcome-effect");
  readonly root = element(
    "div.fs-outcome",
    element("h4.fs-title", "This image's prediction"),
    this.#prediction,
    element("h4.fs-title", "How far it reaches"),
    this.#layers,
    element("div.fs-ask", this.#measure, this.#progress),
    this.#effect,
  );
  #asked = "";
  #revision = -1;
  #edited = false;
  #running = false;

  constructor(bench: Bench) {
    this.#bench = bench;
    on(this.#measure, "click", () => {
      if (this.#running) this.#bench.ask("lab_effect", { images: IMAGES, cancel: true });
      else this.#ask();
    });
  }

  follow({ image, revision, edits }: LabFilter): void {
    const key = `${image} ${revision}`;
    this.#edited = edits.length > 0;
    this.#measure.disabled = !this.#edited;
    const other = this.#revision !== revision;
    this.#revision = revision;
    if (other) {
      this.#effect.replaceChildren();
      setText(this.#progress, "");
      // A click may come before the answer to what was changed just now: it is meant for that.
      if (this.#running) this.#edited ? this.#ask() : this.#finish();
    }
    if (key === this.#asked) return;
    this.#asked = key;
    this.#bench.ask("lab_changes", { image });
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name === "lab_changes") {
      if (newest && !reply.error) this.#paint(decode(reply));
      else if (newest) this.#say(reply.error?.message ?? "");
      return true;
    }
    if (reply.name !== "lab_effect") return false;
    if (!newest) return true;
    if (reply.error) {
      this.#finish();
      setText(this.#progress, reply.error.message);
      return true;
    }
    const { status, done = 0, total = 0, effect } = decode(reply);
    if (status === "running" && this.#running) {
      setText(this.#progress, total ? `${done} of ${total} images …` : "The net is copied …");
      this.#bench.after("effect", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
    } else {
      this.#finish();
      setText(this.#progress, "");
      if (effect) this.#paintEffect(effect);
    }
    return true;
  }

  #ask(): void {
    this.#running = true;
    setText(this.#measure, "Cancel");
    this.#bench.ask("lab_effect", { images: IMAGES });
  }

  #finish(): void {
    this.#running = false;
    setText(this.#measure, `Measure on ${IMAGES.toLocaleString("en")} images`);
  }

  #say(sentence: string): void {
    this.#prediction.replaceChildren(element("p.fs-note", sentence));
  }

  #paint({ before, after, layers, changes }: Changes): void {
    if (before.length === 0) this.#say("The net's output is not one score a class.");
    else this.#prediction.replaceChildren(...predictionBars(before, after, this.#edited));
    const rows = layers.map((name, k) => bar(name, changes.data[k]!));
    const none = element("p.fs-note", "Nothing is edited yet: change a number, and see how far it reaches.");
    this.#layers.replaceChildren(...(rows.length ? rows : [none]));
    this.root.dataset.revision = String(this.#revision);
  }

  #paintEffect({ images, labelled, accuracy, accuracy_change, loss, loss_change, notes }: EditEffect): void {
    const [before = 0, after = 0] = accuracy.data;
    const [lossBefore = 0, lossAfter = 0] = loss.data;
    const right = labelled ? "right" : "as the net without the edit says";
    this.#effect.replaceChildren(
      element(
        "p",
        `${images.toLocaleString("en")} images: ${share(before)} → ${share(after)} ${right}, ${interval(accuracy_change, 100)} points`,
      ),
      element("p", `loss ${number(lossBefore)} → ${number(lossAfter)}, ${interval(loss_change, 1)} nats`),
      ...notes.map((note) => element("p.fs-note", note)),
    );
  }
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}

function interval({ data }: FloatTensor, times: number): string {
  const [value = 0, low = 0, high = 0] = data;
  const words = (x: number) => `${x > 0 ? "+" : ""}${number(x * times)}`;
  return `${words(value)} (95 %: ${words(low)} … ${words(high)})`;
}

function bar(name: string, change: number): HTMLElement {
  const words = Number.isNaN(change) ? "was 0" : percent(change);
  return barRow(name, Math.min(1, Number.isNaN(change) ? 0 : change), null, words);
}
