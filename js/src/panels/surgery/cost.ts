/** What it costs: for the image on screen at once, over many images on demand. */

import { element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { minus, number } from "../../text/format";
import { decode, type ReplyTo } from "../../wire/requests";
import type { FilterOf, Size, Tray } from "../../wire/surgery";
import type { Effect, Estimate } from "../../wire/verdicts";
import { predictionBars } from "../before_after";
import type { Bench } from "./bench";

const MEASURE = "Make the smaller net, and measure it";

export class Cost {
  readonly #bench: Bench;
  readonly #filters: () => readonly FilterOf[];
  readonly #prediction = element("div.fs-outcome-classes");
  readonly #measure = element("button.fs-wide", {
    type: "button",
    name: "tray-measure",
    title: "Accuracy and loss with and without these filters, on images that were not used to choose",
  });
  readonly #progress = element("span.fs-surveyed");
  readonly #result = element("div.fs-tray-result");
  readonly root = element(
    "div",
    element("h4.fs-title", "This image's prediction"),
    this.#prediction,
    element("div.fs-ask", this.#measure, this.#progress),
    this.#result,
  );
  #running = false;
  /** What was measured. */
  #measured = "";

  constructor(bench: Bench, filters: () => readonly FilterOf[]) {
    this.#bench = bench;
    this.#filters = filters;
    on(this.#measure, "click", () => (this.#running ? this.stop("cancelled") : this.#ask()));
    this.#finish();
  }

  paint({ before, after, layers }: Tray): void {
    const any = layers.length > 0;
    const none = element(
      "p.fs-note",
      "The net's output is not one score a class: there is nothing to compare.",
    );
    this.#prediction.replaceChildren(...(before.length > 0 ? predictionBars(before, after, any) : [none]));
    const now = JSON.stringify(this.#filters());
    if (now !== this.#measured) this.forget(); // what was measured is of other filters
    this.#measured = now;
    this.#measure.disabled = !any;
  }

  reply(reply: ReplyTo<"tray_plan">): void {
    if (!this.#running) return;
    if (reply.error) {
      this.#finish();
      setText(this.#progress, reply.error.message);
      return;
    }
    const { status, done = 0, total = 0, before, after, effect = null, notes = [] } = decode(reply);
    if (status === "running") {
      const words = total
        ? `${done.toLocaleString("en")} of ${total.toLocaleString("en")} images …`
        : "The net is made …";
      setText(this.#progress, words);
      this.#bench.after("plan", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
      return;
    }
    this.#finish();
    setText(this.#progress, "");
    if (!before || !after) return;
    const lines = [...(effect ? effectInWords(effect) : []), ...sizesInWords(before, after)];
    this.#result.replaceChildren(
      ...lines.map((line) => element("p", line)),
      ...[...(effect?.notes ?? []), ...notes].map((note) => element("p.fs-note", note)),
    );
    this.root.dataset.measured = "true";
  }

  forget(): void {
    this.stop();
    this.#result.replaceChildren();
    this.root.dataset.measured = "false";
  }

  stop(why = ""): void {
    if (this.#running) this.#bench.ask("tray_plan", { filters: [], cancel: true });
    this.#finish();
    setText(this.#progress, why);
  }

  #ask(): void {
    this.#running = true;
    setText(this.#measure, "Cancel");
    this.#bench.ask("tray_plan", { filters: this.#filters() });
  }

  #finish(): void {
    this.#running = false;
    setText(this.#measure, MEASURE);
  }
}

function effectInWords(effect: Effect): string[] {
  const { images, labelled, accuracy_before, accuracy_after, accuracy_change, loss_before, loss_after } =
    effect;
  const right = labelled ? "right" : "as the net itself says";
  const points = estimateInWords(accuracy_change, (x) => signedPoints(100 * x));
  const nats = estimateInWords(effect.loss_change, (x) => `${x > 0 ? "+" : ""}${number(x)}`);
  return [
    `${images.toLocaleString("en")} images that were not used to choose: ${share(accuracy_before)} → ${share(accuracy_after)} ${right}, ${points} points`,
    `loss ${number(loss_before)} → ${number(loss_after)}, ${nats} nats`,
  ];
}

function estimateInWords({ value, low, high }: Estimate, words: (x: number) => string): string {
  const interval = low === null || high === null ? "" : ` (95 %: ${words(low)} … ${words(high)})`;
  return `${words(value)}${interval}`;
}

function sizesInWords(before: Size, after: Size): string[] {
  const of = (now: number, was: number) => `${((100 * now) / Math.max(was, 1e-12)).toFixed(0)} %`;
  const count = (x: number) => x.toLocaleString("en");
  const ms = (seconds: number) => number(1000 * seconds);
  return [
    `${count(before.parameters)} parameters → ${count(after.parameters)} (${of(after.parameters, before.parameters)}); ` +
      `${count(before.multiply_adds)} multiply-adds → ${count(after.multiply_adds)} (${of(after.multiply_adds, before.multiply_adds)}); ` +
      `${ms(before.seconds)} → ${ms(after.seconds)} ms an image on this machine`,
  ];
}

function signedPoints(points: number): string {
  return `${points > 0 ? "+" : ""}${minus(points.toFixed(1))}`;
}

function share(value: number): string {
  return `${(100 * value).toFixed(1)} %`;
}
