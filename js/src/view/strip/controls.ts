/** What stands above the strip's images: paging, a number to jump to, and the filters. */

import { attribute, element, on, sameItems, setText } from "../../dom/dom";
import { type Entries, Select } from "../../dom/select";
import { asChoice, className } from "../../text/format";
import type { ClassName } from "../../wire/frame";
import type { Outcome, Strip } from "../../wire/strip";
import { type Filter, filters, NO_FILTER, placeInWords, progressInWords } from "./sheets";

export interface StripActions {
  /** By so many sheets. */
  turn(sheets: -1 | 1): void;
  /** To this place in the list. */
  jump(place: number): void;
  choose(filter: Filter): void;
}

const OUTCOMES: Entries = [
  ["", "right or wrong"],
  ["right", "right only"],
  ["wrong", "wrong only"],
];

export class StripControls {
  readonly #previous = element("button", { type: "button", "aria-label": "previous page" }, "‹");
  readonly #next = element("button", { type: "button", "aria-label": "next page" }, "›");
  readonly #place = element("span.fs-place", { role: "status" });
  readonly #surveyed = element("span.fs-surveyed");
  readonly #jumpLabel = element("span.fs-name", "go to image");
  readonly #typed = element("input", {
    type: "number",
    name: "strip-number",
    min: 0,
    step: 1,
  });
  readonly #classSelect: Select;
  readonly #outcomeSelect: Select;
  readonly bar = element("progress", { "aria-label": "images looked at", hidden: true });
  readonly root: HTMLElement;
  #classes: readonly ClassName[] = [];
  readonly #actions: StripActions;
  #filter = NO_FILTER;

  constructor(actions: StripActions) {
    this.#actions = actions;
    this.#classSelect = new Select("class", "class", [["", "all classes"]], "Show only this class", (value) =>
      this.#choose({ class: value === "" ? null : (this.#classes[Number(value)] ?? null) }),
    );
    const hint = "Show only images the net classifies rightly, or wrongly";
    this.#outcomeSelect = new Select("outcome", "prediction", OUTCOMES, hint, (value) =>
      this.#choose({ outcome: value === "" ? null : (value as Outcome) }),
    );
    const words = element("div", this.#place, this.#surveyed);
    const pager = element("div.fs-pager", this.#previous, this.#next, words);
    const jump = element("label.fs-choice", this.#jumpLabel, this.#typed);
    const selects = element("div.fs-choices", jump, this.#classSelect.root, this.#outcomeSelect.root);
    this.root = element("div.fs-strip-head", pager, selects);
    on(this.#previous, "click", () => actions.turn(-1));
    on(this.#next, "click", () => actions.turn(1));
    on(this.#typed, "change", () => this.#jump());
  }

  /** `strip` is what is painted; `start` may already be beyond it, `length` infinite is not known. */
  show(
    strip: Strip | null,
    painted: Filter,
    { start, size, length }: { start: number; size: number; length: number },
  ): void {
    attribute(this.#previous, "aria-disabled", start <= 0);
    attribute(this.#next, "aria-disabled", start + size >= length);
    // A survey's counts change all the time: nobody wants to hear each of them.
    this.#place.role = strip?.survey.running ? null : "status";
    setText(this.#place, strip ? placeInWords(strip, painted) : "");
    setText(this.#jumpLabel, filters(this.#filter) ? "go to match" : "go to image");
    const words = strip ? progressInWords(strip, painted) : "";
    setText(this.#surveyed, words);
    this.bar.hidden = words === "";
    if (!strip) return;
    this.#offer(strip.classes);
    this.bar.max = strip.survey.total;
    this.bar.value = strip.survey.done;
  }

  #choose(change: Partial<Filter>): void {
    this.#filter = { ...this.#filter, ...change };
    this.#actions.choose(this.#filter);
  }

  #jump(): void {
    const value = this.#typed.valueAsNumber;
    this.#typed.value = ""; // what is shown now is said in words; the same number may be typed again
    if (!Number.isNaN(value)) this.#actions.jump(Math.round(value) - (filters(this.#filter) ? 1 : 0));
  }

  /** Only where they differ: an open list of choices would close. */
  #offer(classes: readonly ClassName[]): void {
    if (sameItems(classes, this.#classes)) return;
    this.#classes = classes;
    const each = classes.map((name, k) => [String(k), asChoice(className(name))] as const);
    this.#classSelect.offer([["", "all classes"], ...each]);
    const chosen = this.#filter.class === null ? -1 : classes.indexOf(this.#filter.class);
    this.#classSelect.show(chosen < 0 ? "" : String(chosen));
  }
}
