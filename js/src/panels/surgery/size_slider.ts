/** How much smaller the net gets: the filters in the order in which they cost least together, found when asked for. */

import { attribute, element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { decode, type ReplyTo } from "../../wire/requests";
import type { FilterOf } from "../../wire/surgery";
import type { Bench } from "./bench";

const FIND = "Order all filters by what they cost together";

export class SizeSlider {
  readonly #bench: Bench;
  readonly #find = element("button.fs-wide", { type: "button", name: "tray-order" }, FIND);
  readonly #range = element("input", { type: "range", name: "tray-size", min: 0, value: 0 });
  readonly #words = element("span.fs-surveyed");
  readonly #slider = element(
    "label.fs-tray-slider",
    { hidden: true },
    element("span.fs-name", "how much smaller"),
    this.#range,
  );
  readonly root = element("div.fs-ask", this.#find, this.#slider, this.#words);
  #groups: readonly (readonly FilterOf[])[] = [];
  #left: ArrayLike<number> = [];
  #running = false;

  /** `choose`: these filters are to go. */
  constructor(bench: Bench, choose: (filters: readonly FilterOf[]) => void) {
    this.#bench = bench;
    on(this.#find, "click", () => (this.#running ? this.stop("cancelled") : this.#ask()));
    on(this.#range, "input", () => {
      this.#say();
      choose(this.#groups.slice(0, this.#range.valueAsNumber).flat());
    });
  }

  reply(reply: ReplyTo<"tray_order">): void {
    if (!this.#running) return;
    if (reply.error) {
      this.stop(reply.error.message);
      return;
    }
    const { status, done = 0, total = 0, groups, left } = decode(reply);
    if (status === "running") {
      setText(this.#words, total ? `round ${done + 1} of ${total} …` : "begins …");
      this.#bench.after("order", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
      return;
    }
    this.#finish();
    if (!groups || !left) return;
    this.#groups = groups;
    this.#left = left.data;
    this.#range.max = `${groups.length}`;
    const focused = (this.root.getRootNode() as Document | ShadowRoot).activeElement === this.#find;
    this.#find.hidden = true;
    this.#slider.hidden = false;
    if (focused) this.#range.focus();
    this.#say();
  }

  /** What is in the tray by now: the slider stands where it begins with just these. */
  holds(filters: readonly FilterOf[], [had, left]: readonly [number, number]): void {
    if (this.#groups.length === 0) return;
    const share = left / had;
    let place = 0;
    let count = 0;
    while (place < this.#groups.length && count < filters.length) count += this.#groups[place++]!.length;
    const same = count === filters.length && Math.abs((this.#left[place] ?? 1) - share) < 1e-4;
    if (same) this.#range.value = `${place}`;
    this.#say(same ? "" : "The tray holds a choice of your own; move the slider to replace it.");
  }

  forget(): void {
    this.stop();
    this.#groups = [];
    this.#find.hidden = false;
    this.#slider.hidden = true;
    setText(this.#words, "");
  }

  stop(why = ""): void {
    if (this.#running) this.#bench.ask("tray_order", { cancel: true });
    this.#finish();
    setText(this.#words, why);
  }

  #ask(): void {
    this.#running = true;
    setText(this.#find, "Cancel");
    this.#bench.ask("tray_order", {});
  }

  #finish(): void {
    this.#running = false;
    setText(this.#find, FIND);
  }

  #say(instead = ""): void {
    const place = this.#range.valueAsNumber;
    const share = (100 * (this.#left[place] ?? 1)).toFixed(0);
    const words = `${place} of ${this.#groups.length} out, ${share} % of the parameters left`;
    attribute(this.#range, "aria-valuetext", words);
    setText(this.#words, instead || words);
  }
}
