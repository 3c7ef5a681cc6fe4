/** In which order the grid's filters stand, and which of them: one list to choose from, and a line that says what it means. */

import { element, setText, uniqueId } from "../../dom/dom";
import { Select } from "../../dom/select";
import { aligned, number } from "../../text/format";
import type { Frame } from "../../wire/frame";
import type { GridOrder, GridSort, Ranking } from "../host";
import { activityOf } from "./activity";

/** The largest first; then what is no number; those that are alike in turn. */
export function byValue(values: ArrayLike<number>): number[] {
  const filters = [...Array(values.length).keys()];
  const isNumber = (filter: number) => !Number.isNaN(values[filter]);
  const numbers = filters.filter(isNumber);
  numbers.sort((a, b) => (values[a] === values[b] ? a - b : values[b]! - values[a]!)); // two infinities differ by NaN
  return [...numbers, ...filters.filter((filter) => !isNumber(filter))];
}

/** `what`: what is ranked by, in a few words; `write`: a value in words. */
export function rankingOf(
  values: ArrayLike<number>,
  what: string,
  write: (value: number) => string,
): Ranking {
  const order = byValue(values);
  const value = (filter: number) => write(values[filter]!);
  const at = (filter: number) => `${value(filter)} (filter ${filter})`;
  const sentence = `${what}: ${at(order[0]!)} … ${at(order.at(-1)!)}`;
  return { order, sentence, value, labels: aligned(values, 3) };
}

type Holds = (frame: Frame, filter: number) => boolean;

const INDEX: GridSort = { value: "index", words: "index", rank: () => ({ order: null, sentence: "" }) };

function byActivity(value: "maximum" | "mean"): GridSort {
  const words = `activation's ${value}`;
  return {
    value,
    words,
    rank: (frame) => rankingOf(activityOf(frame)[value], `Each ${words} for this image`, number),
  };
}

const OWN = [INDEX, byActivity("maximum"), byActivity("mean")];

export class FilterOrder implements GridOrder {
  readonly #select: Select;
  readonly #line = element("p.fs-note.fs-order", { id: uniqueId(), hidden: true });
  readonly #offered = new Map<
    string,
    { readonly sorts: readonly GridSort[]; readonly holds: Holds | undefined }
  >();
  readonly #moved: () => void;
  #chosen = INDEX.value;
  #entries = "";
  #ranking: Ranking | null = null;

  /** `moved`: filters stand at other places now. */
  constructor(moved: () => void) {
    this.#moved = moved;
    this.#select = new Select("grid-sort", "sort by", [], "", (value) => {
      const before = this.#sort;
      this.#chosen = value;
      if (before !== this.#sort) before.chosen?.(false);
      this.#sort.chosen?.(true);
      moved();
    });
    this.#select.describedBy(this.#line.id);
    this.#list();
  }

  get root(): HTMLElement {
    return this.#select.root;
  }

  get line(): HTMLElement {
    return this.#line;
  }

  get sort(): string {
    return this.#sort.value;
  }

  offer(owner: string, sorts: readonly GridSort[], holds?: Holds): void {
    const [sort, earlier] = [this.#sort, this.#offered.get(owner)];
    this.#offered.set(owner, { sorts, holds });
    this.#list();
    if (holds || earlier?.holds || this.#sort !== sort) this.#moved();
  }

  changed(): void {
    this.#moved();
  }

  /** Which filter stands at each place. */
  of(frame: Frame): readonly number[] {
    const filters = frame.kernels.tensor.shape[0] ?? 0;
    this.root.hidden = filters < 2;
    const ranking = filters < 2 ? null : this.#sort.rank(frame);
    this.#ranking = ranking;
    const all = ranking?.order?.length === filters ? ranking.order : [...Array(filters).keys()];
    const conditions = [...this.#offered.values()].map(({ holds }) => holds);
    const shown = all.filter((filter) => conditions.every((holds) => !holds || holds(frame, filter)));
    return shown.length > 0 ? shown : all;
  }

  /** Says what `of` found last, and, where cells do not, the selected filter's number. */
  say(selected: number, inCells: boolean): void {
    const { sentence = "", old = false } = this.#ranking ?? {};
    const own = inCells ? undefined : this.#ranking?.value?.(selected);
    this.#line.hidden = sentence === "";
    this.#line.classList.toggle("fs-old", old);
    setText(this.#line, own === undefined ? sentence : `${sentence}; filter ${selected}: ${own}`);
  }

  /** For the cells, by filter; null where there is no number. */
  get labels(): readonly string[] | null {
    return this.#ranking?.labels ?? null;
  }

  /** What a filter is sorted by, in words; empty where it is by no number. */
  wordsFor(filter: number): string {
    const value = this.#ranking?.value?.(filter);
    return value === undefined ? "" : `, ${this.#sort.words} ${value}`;
  }

  /** What was chosen before it was offered, or no longer is, counts again when it is. */
  get #sort(): GridSort {
    return this.#sorts().find(({ value }) => value === this.#chosen) ?? INDEX;
  }

  #sorts(): GridSort[] {
    return [...OWN, ...[...this.#offered.values()].flatMap(({ sorts }) => sorts)];
  }

  /** Made anew only where it differs: an open list would close. */
  #list(): void {
    const entries = this.#sorts().map(({ value, words }) => [value, words] as const);
    const text = entries.join();
    if (text !== this.#entries) this.#select.offer(entries);
    this.#entries = text;
    this.#select.show(this.sort);
  }
}
