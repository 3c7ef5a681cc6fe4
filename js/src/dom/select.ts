/** A list to choose from, with its name before it. */

import { attribute, element, on, options, setText } from "./dom";

export type Entries = readonly (readonly [value: string, text: string])[];

export class Select {
  readonly #select: HTMLSelectElement;
  readonly root: HTMLElement;
  #count = 0;

  constructor(name: string, label: string, entries: Entries, hint: string, choose: (value: string) => void) {
    this.#select = element("select", { name, title: hint || false });
    options(this.#select, entries);
    this.root = element("label.fs-choice", element("span.fs-name", label), this.#select);
    on(this.#select, "change", () => choose(this.#select.value));
  }

  get value(): string {
    return this.#select.value;
  }

  offer(entries: Entries): void {
    options(this.#select, entries);
  }

  /** So many, made anew only where their number changed: an open list would close. */
  offerCount(count: number, entries: () => Entries): void {
    if (count !== this.#count) options(this.#select, entries());
    this.#count = count;
  }

  show(value: string): void {
    if (this.#select.value !== value) this.#select.value = value;
  }

  describedBy(id: string): void {
    attribute(this.#select, "aria-describedby", id);
  }
}

/** Selects that belong together, and below them one sentence on what is chosen. */
export class SelectGroup {
  readonly #sentence: HTMLElement;
  readonly root: HTMLElement;

  constructor(label: string, id: string, selects: readonly Select[]) {
    this.#sentence = element("p.fs-note.fs-sentence", { id });
    for (const select of selects) select.describedBy(id);
    const row = element("div.fs-choices", ...selects.map((select) => select.root));
    this.root = element("div.fs-group", { role: "group", "aria-label": label }, row, this.#sentence);
  }

  say(sentence: string): void {
    setText(this.#sentence, sentence);
  }
}
