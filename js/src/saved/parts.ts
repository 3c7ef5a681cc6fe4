/** The parts of a saved page, unpacked when they are needed, so that it opens at once. */

import { unpack } from "./replies";

/** Parts kept unpacked; a neighbour's come from here when one steps back and forth. */
const KEPT = 48;

export class Parts {
  readonly #textOf: (name: string) => string | null;
  readonly #read = new Map<string, Promise<unknown>>();

  /** `textOf`: a part as it was saved, or null where there is none of that name. */
  constructor(textOf: (name: string) => string | null) {
    this.#textOf = textOf;
  }

  has(name: string): boolean {
    return this.#textOf(name) !== null;
  }

  read<T>(name: string): Promise<T> {
    const part = this.#read.get(name) ?? this.#unpacked(name);
    this.#read.delete(name); // and put it last: the first is the one that was not read for longest
    this.#read.set(name, part);
    for (const oldest of [...this.#read.keys()].slice(0, -KEPT)) this.#read.delete(oldest);
    return part as Promise<T>;
  }

  async #unpacked(name: string): Promise<unknown> {
    const text = this.#textOf(name);
    if (text === null) throw new Error(`its part "${name}" is missing; it was not saved whole`);
    return unpack(text);
  }
}
