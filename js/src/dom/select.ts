/** The selects: what is shown, and on which scale. */

import { attribute, element, on, options, setText } from "./dom";

export type Entries = readonly (readonly [value: string, text: string])[];

export class Choice {
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

/** The channel, one of as many as the layer's filters have kernels; the empty value stands for all of them. */
export class ChannelChoice extends Choice {
  constructor(choose: (channel: number | null) => void) {
    super("channel", "channel", [["", "all, summed"]], "", (value) =>
      choose(value === "" ? null : Number(value)),
    );
  }

  showChannel(channel: number | null, channels: number): void {
    const all = channels > 1 ? `all ${channels}, summed` : "the only one";
    this.offerCount(channels, () => [["", all], ...counted(channels, (c) => `channel ${c}`)]);
    this.show(channel === null ? "" : String(channel));
  }
}

/** Which slice of the kernels; nothing to choose where they are no volumes. */
export class KernelSliceChoice extends Choice {
  constructor(choose: (slice: number) => void) {
    super("kernel-slice", "kernel slice", [], "", (value) => choose(Number(value)));
  }

  showSlice(slice: number | null, depth: number | null): void {
    this.root.hidden = depth === null;
    if (depth === null) return;
    this.offerCount(depth, () => counted(depth, (k) => `${k} of ${depth}`));
    this.show(String(slice ?? middle(depth)));
  }
}

/** The slice that is drawn while none is chosen, as in `frame.py`. */
export function middle(depth: number): number {
  return Math.floor(depth / 2);
}

function counted(count: number, words: (k: number) => string): Entries {
  return Array.from({ length: count }, (_, k) => [String(k), words(k)] as const);
}

/** Choices that belong together, and below them one sentence on what is chosen. */
export class ChoiceGroup {
  readonly #sentence: HTMLElement;
  readonly root: HTMLElement;

  constructor(label: string, id: string, choices: readonly Choice[]) {
    this.#sentence = element("p.fs-note.fs-sentence", { id });
    for (const choice of choices) choice.describedBy(id);
    const row = element("div.fs-choices", ...choices.map((choice) => choice.root));
    this.root = element("div.fs-group", { role: "group", "aria-label": label }, row, this.#sentence);
  }

  say(sentence: string): void {
    setText(this.#sentence, sentence);
  }
}
