/** The line that begins a diagnosis, shows how far it is and ends it, and which filters the grid shows. */

import { attribute, element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Badge, Verdicts } from "../../wire/verdicts";
import { LETTERS, MEANINGS } from "./axes";
import { SHOWN } from "./order";
import { progressInWords, summaryInWords } from "./words";

export interface BarActions {
  start(images: number, onlyThisLayer: boolean): void;
  cancel(): void;
  arrange(): void;
  open(open: boolean): void;
}

const LAYERS = [
  ["all", "all layers"],
  ["one", "this layer"],
] as const;

/** What the letters mean, each in its own shape. */
function legend(): HTMLElement[] {
  return Object.entries(LETTERS).map(([structure, letter]) =>
    element("span.fs-badge", { "data-structure": structure }, element("b", letter), structure),
  );
}

const IDLE = "Useful, or random noise?"; // no longer: at 700 pixels it would be cut

export class VerdictBar {
  readonly #button = element("button.fs-wide", { type: "button", name: "diagnose" }, "Diagnose");
  readonly #cancel = element(
    "button.fs-wide",
    { type: "button", name: "cancel-diagnosis", hidden: true },
    "Cancel",
  );
  readonly #images = element("input", {
    type: "number",
    name: "diagnose-images",
    min: 1,
    step: 1,
    value: 1000,
  });
  readonly #bar = element("progress", { "aria-label": "diagnosis", hidden: true, max: 1 });
  readonly #progress = element("span.fs-surveyed");
  readonly #toggle = element("button.fs-wide", { type: "button", "aria-expanded": "false" });
  readonly #layers: Select;
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
  readonly #actions: BarActions;
  readonly #saved: boolean;
  #counts = "";
  #open = false;
  /** What was typed wrongly: it stands until it is put right, whatever answers come meanwhile. */
  #mistake = "";

  /** `saved`: nothing can be begun. */
  constructor(actions: BarActions, controls: string, saved: boolean) {
    this.#actions = actions;
    this.#saved = saved;
    this.#show = new Select("grid-show", "show", [["", "all filters"]], "Which filters the grid shows", () =>
      actions.arrange(),
    );
    this.#layers = new Select("diagnose-layers", "of", LAYERS, "Which layers are judged", () => {});
    const many = element("label.fs-choice", this.#images, element("span.fs-name", "images"));
    const begin = element("div.fs-ask", this.#button, this.#cancel, many, this.#layers.root);
    const how = element("div.fs-how", this.#progress, this.#bar);
    this.#selects = element("div.fs-choices", { hidden: true }, this.#show.root, this.#toggle);
    this.root = element("div.fs-verdict-bar", saved ? "" : begin, how, this.#selects);
    attribute(this.#toggle, "aria-controls", controls);
    on(this.#button, "click", () => this.#start());
    on(this.#images, "keydown", (event) => {
      if (event.key === "Enter") this.#start();
    });
    on(this.#cancel, "click", () => actions.cancel());
    on(this.#toggle, "click", () => actions.open(!this.#open));
    setText(this.#progress, IDLE);
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
    const { status, progress, error, earlier } = verdicts;
    const running = status === "running";
    const focused = (this.root.getRootNode() as Document | ShadowRoot).activeElement;
    this.#cancel.hidden = !running;
    this.#button.hidden = running;
    if (running && focused === this.#button) this.#cancel.focus();
    if (!running && focused === this.#cancel) this.#button.focus();
    setText(this.#button, earlier ? "Diagnose again" : "Diagnose");
    this.#bar.hidden = !running;
    this.#bar.value = progress && progress.total > 0 ? progress.done / progress.total : 0;
    setText(this.#progress, this.#words(verdicts, running, error));
    this.#selects.hidden = badges.length === 0;
    this.below.hidden = status === "none";
    setText(this.#summary, status === "none" ? "" : summaryInWords(verdicts) || this.#nothing(verdicts));
    this.#offer(badges);
  }

  /** An answer did not come, or could not be given. */
  fail(message: string): void {
    setText(this.#progress, message);
  }

  #words(verdicts: Verdicts, running: boolean, error: string | null): string {
    if (this.#mistake) return this.#mistake;
    if (verdicts.status === "none") return IDLE;
    if (error) return `It stopped: ${error}`;
    if (running) return progressInWords(verdicts.progress);
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

  #start(): void {
    const value = Math.round(this.#images.valueAsNumber);
    this.#mistake = value >= 1 ? "" : "Type how many images are looked at, 1 or more.";
    if (this.#mistake) this.fail(this.#mistake);
    else this.#actions.start(value, this.#layers.value === "one");
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
