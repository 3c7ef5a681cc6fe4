/** The wall: crops in groups, one list to go through by keys. */

import { attribute, element, on, setText, uniqueId } from "../../dom/dom";
import { hasModifier, keyTarget } from "../../dom/keys";
import { type Crop, type Exemplars, pixelsOf } from "../../wire/scans";
import { cropItem } from "./crop";
import { groupInWords } from "./words";

const NONE = "No image.";

export class Wall {
  readonly #list = element("div.fs-wall", { role: "listbox", tabindex: 0, "aria-label": "images" });
  readonly #message = element("p.fs-note", { role: "status" });
  readonly root = element("div", this.#list, this.#message);
  readonly #pick: (crop: Crop) => void;
  readonly #prefix = uniqueId();
  #items: HTMLElement[] = [];
  #crops: readonly Crop[] = [];
  #cursor = 0;

  /** `pick`: a person wants to see where in which image that is. */
  constructor(pick: (crop: Crop) => void) {
    this.#pick = pick;
    on(this.#list, "click", (event) => {
      const item = (event.target as Element).closest<HTMLElement>("[role=option]");
      if (!item) return;
      this.#move(this.#items.indexOf(item));
      this.#choose();
    });
    on(this.#list, "keydown", (event) => this.#key(event));
  }

  /** `label`: what the images are, in words. */
  paint(exemplars: Exemplars, label: string, ratio: number): void {
    const pixels = pixelsOf(exemplars);
    this.#crops = exemplars.crops;
    this.#items = exemplars.crops.map((crop, k) =>
      cropItem(crop, pixels[k]!, exemplars.values?.data[k] ?? Number.NaN, `${this.#prefix}-${k}`, ratio),
    );
    let start = 0;
    const groups = exemplars.groups.map(({ label: name, count }, place) => {
      const words = groupInWords(exemplars.kind, name, place);
      const crops = element("div.fs-crops", ...this.#items.slice(start, start + count));
      start += count;
      if (!words) return crops;
      return element("div.fs-crop-group", { role: "group", "aria-label": words }, crops);
    });
    this.#list.replaceChildren(...groups);
    attribute(this.#list, "aria-label", label);
    attribute(this.#list, "data-kind", exemplars.kind);
    this.#list.hidden = this.#items.length === 0;
    setText(this.#message, this.#items.length === 0 ? NONE : "");
    this.#move(Math.min(this.#cursor, this.#items.length - 1));
  }

  /** Nothing to see, and why. */
  say(sentence: string): void {
    this.#items = [];
    this.#crops = [];
    this.#list.replaceChildren();
    this.#list.hidden = true;
    setText(this.#message, sentence);
  }

  /** Which of the crops is of the image on screen. */
  mark(image: number): void {
    for (const item of this.#items) {
      const here = String(item.dataset.image === String(image));
      if (item.getAttribute("aria-selected") !== here) attribute(item, "aria-selected", here); // at each step of a drag
    }
  }

  #key(event: KeyboardEvent): void {
    if (hasModifier(event) || this.#items.length === 0) return;
    const columns = this.#columns();
    const target = keyTarget(event.key, this.#cursor, { columns, jump: 2 * columns }, this.#items.length);
    if (target !== null) this.#move(target);
    else if (event.key === "Enter" || event.key === " ") this.#choose();
    else return;
    event.preventDefault();
  }

  /** How many stand in a row. */
  #columns(): number {
    const [first] = this.#items;
    const row = this.#items.findIndex((item) => item.offsetTop > first!.offsetTop);
    return row < 0 ? this.#items.length : row;
  }

  #choose(): void {
    const crop = this.#crops[this.#cursor];
    if (crop) this.#pick(crop);
  }

  #move(place: number): void {
    this.#cursor = Math.max(0, place);
    for (const [at, item] of this.#items.entries()) item.classList.toggle("fs-cursor", at === this.#cursor);
    const item = this.#items[this.#cursor];
    if (item) attribute(this.#list, "aria-activedescendant", item.id);
    else this.#list.removeAttribute("aria-activedescendant");
  }
}
