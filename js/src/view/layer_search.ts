/** The layer in words, and a search among all of them: by parts of a name, of a kind (`conv2d`), or a size (`3x3`). */

import { attribute, element, on, sameItems, uniqueId } from "../dom/dom";
import { hasModifier } from "../dom/keys";
import type { LayerInfo } from "../wire/description";

/** Rows that the keys Page Up and Page Down jump over. */
const JUMP = 10;
const SIZE = /^\d+(x\d+)+$/;

/** What a keyboard can write: "3x3" for "3×3", "10>20" for "10→20". */
function plain(text: string): string {
  return text.toLowerCase().replaceAll("×", "x").replace(/→|->/g, ">");
}

/** What is searched: the title, and a kind that is known by its groups. */
function wordsOf({ title, channels }: LayerInfo): string {
  return plain(channels === 1 && title.includes("groups") ? `${title} depthwise` : title);
}

/**
 * The layers that hold every word that was typed. A word that is part of a name means names: "conv2" is not Conv2d, unless
 * no layer is called so. A size is one as a whole: "1x1" is not part of "11x11".
 */
export function search(layers: readonly LayerInfo[], typed: string): number[] {
  let matches = [...layers.keys()];
  for (const term of plain(typed).split(/\s+/)) {
    const named = layers.some(({ name }) => plain(name).includes(term));
    matches = matches.filter((k) => {
      if (named) return plain(layers[k]!.name).includes(term);
      const words = wordsOf(layers[k]!);
      return SIZE.test(term) ? words.split(/[^\dx]+/).includes(term) : words.includes(term);
    });
  }
  return matches;
}

const titleOf = ({ title }: LayerInfo) => title;

export class LayerSearch {
  readonly #id = uniqueId();
  readonly #list = element("div.fs-matches", {
    id: this.#id,
    role: "listbox",
    "aria-label": "layers",
    hidden: true,
  });
  readonly #input = element("input", {
    name: "layer-name",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "layer by name",
    "aria-autocomplete": "list",
    "aria-controls": this.#id,
    "aria-expanded": "false",
  });
  readonly root = element("div.fs-words.fs-search", this.#input, this.#list);
  pick: (layer: number) => void = () => {};
  #layers: readonly LayerInfo[] = [];
  #layer = 0;
  /** The layers that match, and the place among them that keys have reached. */
  #matches: readonly number[] = [];
  #active = 0;

  constructor() {
    const input = this.#input;
    on(input, "focus", () => input.select());
    on(input, "click", () => this.#open(""));
    on(input, "input", () => this.#open(input.value));
    on(input, "blur", () => this.#close());
    on(input, "keydown", (event) => this.#key(event));
    on(this.#list, "pointerdown", (event) => event.preventDefault()); // the input keeps the focus
    on(this.#list, "click", (event) =>
      this.#choose([...this.#list.children].indexOf(event.target as Element)),
    );
  }

  show(layer: number, layers: readonly LayerInfo[]): void {
    this.#layer = layer;
    const others = layers !== this.#layers && !sameItems(layers.map(titleOf), this.#layers.map(titleOf));
    this.#layers = layers;
    if (others) this.#list.hidden = true; // what is typed stays where the net has other weights alone
    if (this.#list.hidden) this.#close();
  }

  #open(typed: string): void {
    this.#matches = search(this.#layers, typed);
    const rows = this.#matches.map((k, at) => {
      const row = { id: `${this.#id}-${at}`, role: "option", "aria-selected": String(k === this.#layer) };
      return element("div", row, this.#layers[k]!.title);
    });
    const none = { role: "option", "aria-disabled": "true", "aria-selected": "false" };
    this.#list.replaceChildren(...(rows.length > 0 ? rows : [element("div", none, "no layer matches")]));
    this.#list.hidden = false;
    attribute(this.#input, "aria-expanded", true);
    this.#list.scrollTop = this.#list.scrollHeight; // from there the row that is gone to comes to the top
    this.#move(typed ? 0 : this.#matches.indexOf(this.#layer));
  }

  #close(): void {
    this.#list.hidden = true;
    this.#list.replaceChildren();
    attribute(this.#input, "aria-expanded", false);
    attribute(this.#input, "aria-activedescendant", "");
    const title = this.#layers[this.#layer]?.title ?? "";
    if (this.#input.value !== title) this.#input.value = title;
  }

  #move(place: number): void {
    const list = this.#list;
    this.#active = Math.max(0, Math.min(place, this.#matches.length - 1));
    for (const [at, row] of [...list.children].entries())
      row.classList.toggle("fs-active", at === this.#active);
    const row = list.children[this.#active] as HTMLElement;
    attribute(this.#input, "aria-activedescendant", row.id);
    // Not scrollIntoView, which scrolls the notebook too.
    const { offsetTop, offsetHeight } = row;
    list.scrollTop = Math.max(
      offsetTop + offsetHeight - list.clientHeight,
      Math.min(list.scrollTop, offsetTop),
    );
  }

  #choose(place: number): void {
    const layer = this.#matches[place];
    if (layer === undefined) return;
    this.#close();
    this.pick(layer);
    this.#input.select();
  }

  #key(event: KeyboardEvent): void {
    const { key } = event;
    const shut = this.#list.hidden;
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: JUMP, PageUp: -JUMP }[key];
    if (hasModifier(event) || event.isComposing) return;
    if (step) shut ? this.#open("") : this.#move(this.#active + step);
    else if (key === "Enter") shut ? this.#open("") : this.#choose(this.#active);
    else if (key === "Escape") shut ? this.#input.blur() : this.#close();
    else return;
    event.preventDefault();
  }
}
