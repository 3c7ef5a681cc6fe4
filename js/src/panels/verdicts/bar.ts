/** The line that begins a diagnosis, shows how far it is and ends it, and says how the grid is sorted. */

import { attribute, element, on, setText } from "../../dom/dom";
import { Choice } from "../../dom/select";
import type { Badge, Verdicts } from "../../wire/verdicts";
import { SHOWN, type Sort } from "./order";
import { LETTERS, progressInWords, summaryInWords } from "./words";

export interface BarActions {
  start(images: number, onlyThisLayer: boolean): void;
  cancel(): void;
  arrange(): void;
  open(open: boolean): void;
}

const SORTS = [
  ["index", "index"],
  ["verdict", "verdict"],
  ["use", "use"],
  ["name", "name"],
] as const;

const LAYERS = [
  ["all", "all layers"],
  ["one", "this layer"],
] as const;

const MEANINGS = "▲ used · ▼ harmful · – no measurable use · ✕ dead or constant · = 7 duplicate of filter 7";

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
  readonly #said = element("span.fs-surveyed");
  readonly #toggle = element("button.fs-wide", { type: "button", "aria-expanded": "false" });
  readonly #layers: Choice;
  readonly #sort: Choice;
  readonly #show: Choice;
  readonly #choices: HTMLElement;
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
    this.#sort = new Choice("grid-sort", "sort by", SORTS, "Order of the filters in the grid", () =>
      actions.arrange(),
    );
    this.#show = new Choice("grid-show", "show", [["", "all filters"]], "Which filters the grid shows", () =>
      actions.arrange(),
    );
    this.#layers = new Choice("diagnose-layers", "of", LAYERS, "Which layers are judged", () => {});
    const many = element("label.fs-choice", this.#images, element("span.fs-name", "images"));
    const ask = element("div.fs-ask", this.#button, this.#cancel, many, this.#layers.root);
    const how = element("div.fs-how", this.#said, this.#bar);
    this.#choices = element(
      "div.fs-choices",
      { hidden: true },
      this.#sort.root,
      this.#show.root,
      this.#toggle,
    );
    this.root = element("div.fs-verdict-bar", saved ? "" : ask, how, this.#choices);
    attribute(this.#toggle, "aria-controls", controls);
    on(this.#button, "click", () => this.#start());
    on(this.#images, "keydown", (event) => {
      if (event.key === "Enter") this.#start();
    });
    on(this.#cancel, "click", () => actions.cancel());
    on(this.#toggle, "click", () => actions.open(!this.#open));
    setText(this.#said, IDLE);
    this.opened(false);
  }

  get sort(): Sort {
    return this.#sort.value as Sort;
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
  paint(found: Verdicts, badges: readonly Badge[]): void {
    const { status, progress, error, earlier } = found;
    const running = status === "running";
    const focused = (this.root.getRootNode() as Document | ShadowRoot).activeElement;
    this.#cancel.hidden = !running;
    this.#button.hidden = running;
    if (running && focused === this.#button) this.#cancel.focus();
    if (!running && focused === this.#cancel) this.#button.focus();
    setText(this.#button, earlier ? "Diagnose again" : "Diagnose");
    this.#bar.hidden = !running;
    this.#bar.value = progress && progress.total > 0 ? progress.done / progress.total : 0;
    setText(this.#said, this.#words(found, running, error));
    this.#choices.hidden = badges.length === 0;
    this.below.hidden = status === "none";
    setText(this.#summary, status === "none" ? "" : summaryInWords(found) || this.#nothing(found));
    this.#offer(badges);
  }

  /** An answer did not come, or could not be given. */
  fail(message: string): void {
    setText(this.#said, message);
  }

  #words(found: Verdicts, running: boolean, error: string | null): string {
    if (this.#mistake) return this.#mistake;
    if (found.status === "none") return IDLE;
    if (error) return `It stopped: ${error}`;
    if (running) return progressInWords(found.progress);
    const seen = `${found.images.toLocaleString("en")} images`;
    if (found.earlier)
      return `${seen}, with earlier weights than the net has ${this.#saved ? "here" : "now"}`;
    return found.status === "cancelled"
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
    const counts = SHOWN.map(([, , holds]) => badges.filter(holds).length);
    if (counts.join() === this.#counts) return;
    this.#counts = counts.join();
    const value = this.shown;
    this.#show.offer(SHOWN.map(([key, words], k) => [key, `${words} (${counts[k]})`] as const));
    this.#show.show(value);
  }
}
