/** The line that begins a diagnosis, shows how far it is and ends it, and which filters the grid shows. */

import { attribute, element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Badge, Verdicts } from "../../wire/verdicts";
import { RunBar } from "../run_bar";
import { LETTERS, MEANINGS } from "./axes";
import { SHOWN } from "./order";
import { progressInWords, summaryInWords } from "./words";

export interface BarActions {
  start(images: number, onlyThisLayer: boolean): void;
  cancel(): void;
  arrange(): void;
  open(open: boolean): void;
}

/** What the letters mean, each in its own shape. */
function legend(): HTMLElement[] {
  return Object.entries(LETTERS).map(([structure, letter]) =>
    element("span.fs-badge", { "data-structure": structure }, element("b", letter), structure),
  );
}

const IDLE = "Useful, or random noise?"; // no longer: at 700 pixels it would be cut

export class VerdictBar {
  readonly #run: RunBar;
  readonly #toggle = element("button.fs-wide", { type: "button", "aria-expanded": "false" });
  readonly #show: Select;
  readonly #selects: HTMLElement;
  readonly #summary = element("p.fs-summary");
  /** What stands below the line: the layer in a sentence, and what the badges mean. */
  readonly below = element(
    "div",
    { hidden: true },
    this.#summary,
    element("p.fs-note.fs-badge-key", ...legend(), MEANINGS),
  );
  readonly root: HTMLElement;
  readonly #saved: boolean;
  #counts = "";
  #open = false;

  /** `saved`: nothing can be begun. */
  constructor(actions: BarActions, controls: string, saved: boolean) {
    this.#saved = saved;
    this.#show = new Select("grid-show", "show", [["", "all filters"]], "Which filters the grid shows", () =>
      actions.arrange(),
    );
    this.#run = new RunBar({
      name: "diagnose",
      words: "Diagnose",
      noun: "diagnosis",
      how: "div.fs-how",
      hint: "Which layers are judged",
      images: { value: 1000 },
      idle: IDLE,
      start: (images, only) => {
        const value = Math.round(images.valueAsNumber);
        if (!(value >= 1)) return "Type how many images are looked at, 1 or more.";
        actions.start(value, only);
        return "";
      },
      cancel: () => actions.cancel(),
    });
    this.#selects = element("div.fs-choices", { hidden: true }, this.#show.root, this.#toggle);
    this.root = element("div.fs-verdict-bar", saved ? "" : this.#run.begin, this.#run.how, this.#selects);
    attribute(this.#toggle, "aria-controls", controls);
    on(this.#toggle, "click", () => actions.open(!this.#open));
    this.opened(false);
  }

  get shown(): string {
    return this.#show.value;
  }

  opened(open: boolean): void {
    this.#open = open;
    attribute(this.#toggle, "aria-expanded", open);
    setText(this.#toggle, open ? "Hide evidence" : "Show evidence");
  }

  /** Badges of the layer on screen; none where nothing is known of it. */
  paint(verdicts: Verdicts, badges: readonly Badge[]): void {
    const { status, progress, earlier } = verdicts;
    this.#run.paint(status, progress, earlier, this.#words(verdicts));
    this.#selects.hidden = badges.length === 0;
    this.below.hidden = status === "none";
    setText(this.#summary, status === "none" ? "" : summaryInWords(verdicts) || this.#nothing(verdicts));
    this.#offer(badges);
  }

  /** An answer did not come, or could not be given. */
  fail(message: string): void {
    this.#run.say(message);
  }

  #words(verdicts: Verdicts): string {
    if (verdicts.status === "none") return IDLE;
    if (verdicts.error) return `It stopped: ${verdicts.error}`;
    if (verdicts.status === "running") return progressInWords(verdicts.progress);
    const seen = `${verdicts.images.toLocaleString("en")} images`;
    if (verdicts.earlier)
      return `${seen}, with earlier weights than the net has ${this.#saved ? "here" : "now"}`;
    return verdicts.status === "cancelled"
      ? `cancelled after ${seen}${this.#saved ? "" : "; Diagnose goes on from there"}`
      : `${seen} looked at`;
  }

  #nothing({ status }: Verdicts): string {
    return status === "running" ? "Nothing is known of this layer yet." : "Nothing is known of this layer.";
  }

  /** Counts beside each choice; made anew only where they differ, since an open list would close. */
  #offer(badges: readonly Badge[]): void {
    const counts = SHOWN.map(({ holds }) => badges.filter(holds).length);
    if (counts.join() === this.#counts) return;
    this.#counts = counts.join();
    const chosen = this.shown;
    this.#show.offer(SHOWN.map(({ value, words }, k) => [value, `${words} (${counts[k]})`] as const));
    this.#show.show(chosen);
  }
}
