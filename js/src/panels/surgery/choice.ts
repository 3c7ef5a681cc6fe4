/** What goes into the tray: filters by their numbers, and all of which a verdict's word holds. */

import { attribute, element, on, setText } from "../../dom/dom";
import type { Tray, TrayLayer } from "../../wire/surgery";

export interface ChoiceActions {
  toggle(filter: number): void;
  word(word: string): void;
  clear(): void;
}

const WORDS: Readonly<Record<string, string>> = {
  dead: "All dead",
  constant: "All constant",
  duplicates: "All duplicates",
  "no measurable use": "All of no measurable use",
  harmful: "All harmful",
  "noise-like": "All noise-like",
};

export class Choice {
  readonly #actions: ChoiceActions;
  readonly #title = element("h4.fs-title");
  readonly #filters = element("div.fs-tray-filters", { role: "group" });
  readonly #words = element("div.fs-buttons", { role: "group", "aria-label": "put in by verdict" });
  readonly #clear = element("button.fs-wide", { type: "button", name: "tray-clear" }, "Empty the tray");
  readonly #contents = element("div.fs-tray-contents");
  readonly root = element("div", this.#title, this.#filters, this.#words, this.#contents);
  #buttons: HTMLButtonElement[] = [];
  #selected = 0;

  constructor(actions: ChoiceActions) {
    this.#actions = actions;
    on(this.#clear, "click", actions.clear);
  }

  /** The layer on screen, and the selected filter. */
  at(layerName: string, filter: number): void {
    setText(this.#title, `Click the filters of ${layerName} that go`);
    attribute(this.#filters, "aria-label", `filters of ${layerName} that go`);
    this.#selected = filter;
    this.#mark();
  }

  paint(tray: Tray, count: number): void {
    if (this.#buttons.length !== count) this.#make(count);
    const out = new Set(tray.layers.find(({ index }) => index === tray.layer)?.filters ?? []);
    const fixed = new Map(tray.fixed);
    for (const [index, button] of this.#buttons.entries()) {
      attribute(button, "aria-pressed", out.has(index));
      const reason = fixed.get(index);
      button.disabled = reason !== undefined;
      button.title = reason === undefined ? "" : `It cannot be removed: it ${reason}`;
    }
    this.#mark();
    const words = tray.words.filter(([, groups]) => groups > 0);
    const focused = (this.root.getRootNode() as Document | ShadowRoot).activeElement;
    const name = focused instanceof HTMLButtonElement && this.#words.contains(focused) ? focused.name : "";
    this.#clear.hidden = tray.layers.length === 0;
    this.#words.replaceChildren(
      ...words.map(([word, groups]) => this.#word(word, groups)),
      this.#clear, // a button that has the focus keeps its place
    );
    if (name) this.#words.querySelector<HTMLButtonElement>(`button[name="${name}"]`)?.focus();
    this.#contents.replaceChildren(...contentsInWords(tray).map((line) => element("p.fs-note", line)));
  }

  #word(word: string, groups: number): HTMLElement {
    const name = `tray-${word.replaceAll(" ", "-")}`;
    const button = element("button.fs-wide", { type: "button", name }, `${WORDS[word] ?? word} (${groups})`);
    on(button, "click", () => this.#actions.word(word));
    return button;
  }

  #make(count: number): void {
    this.#buttons = Array.from({ length: count }, (_, index) => {
      const button = element("button", { type: "button", "aria-pressed": "false" }, `${index}`);
      on(button, "click", () => this.#actions.toggle(index));
      return button;
    });
    this.#filters.replaceChildren(...this.#buttons);
  }

  #mark(): void {
    for (const [index, button] of this.#buttons.entries()) {
      button.classList.toggle("fs-selected", index === this.#selected);
    }
  }
}

function contentsInWords({ layers, groups, parameters: [had, left] }: Tray): string[] {
  if (layers.length === 0) return ["Nothing is in the tray yet."];
  const filters = layers.reduce((sum, layer) => sum + layer.filters.length, 0);
  const together =
    groups < filters
      ? ` They are ${groups.toLocaleString("en")} groups of filters that can only go together.`
      : "";
  const share = ((100 * left) / had).toFixed(0);
  return [
    `Without ${layers.map(layerInWords).join("; ")}.${together}`,
    `${had.toLocaleString("en")} parameters → ${left.toLocaleString("en")} (${share} %)`,
  ];
}

const MOST_NAMED = 24;

function layerInWords({ name, filters, had }: TrayLayer): string {
  const named = filters.slice(0, MOST_NAMED).join(", ");
  const more = filters.length > MOST_NAMED ? ` and ${filters.length - MOST_NAMED} more` : "";
  return `${name}: ${named}${more} (${filters.length} of ${had})`;
}
