/** The thumbnails of one sheet, with their names: replaced all at once, so that none stands under another's name. */

import { attribute, element, sameItems, setText, uniqueId } from "../../dom/dom";
import { Raster } from "../../draw/raster";
import { className } from "../../text/format";
import type { ClassName } from "../../wire/frame";
import type { Strip } from "../../wire/strip";
import { sliceOf } from "../../wire/tensor";
import { imageInWords, markOf } from "./sheets";

const MARKS = { right: "✓", wrong: "✗", unknown: "" } as const;

export class StripItems {
  readonly #prefix = uniqueId();
  #items: HTMLElement[] = [];
  #strip: Strip | null = null;
  readonly root = element("div.fs-thumbs", {
    role: "listbox",
    tabindex: 0,
    "aria-orientation": "horizontal",
    "aria-label": "images: arrow keys move, Enter selects",
  });

  paint(strip: Strip): void {
    const before = this.#strip;
    this.#strip = strip;
    if (!before || !samePictures(before, strip)) {
      this.#items = strip.images.map((_, k) => this.#item(strip, k));
      this.root.replaceChildren(...this.#items);
    }
    for (const [k, image] of strip.images.entries()) {
      attribute(this.#items[k]!, "aria-setsize", strip.matching);
      this.#judge(k, image, strip.labels[k] ?? null, strip.predicted[k] ?? null, strip.right[k] ?? null);
    }
  }

  clear(): void {
    this.#strip = null;
    this.#items = [];
    this.root.replaceChildren();
  }

  select(image: number): void {
    for (const item of this.#items) {
      attribute(item, "aria-selected", item.dataset.index === String(image));
    }
  }

  /** Null: the place is not on this sheet. */
  imageAt(place: number): number | null {
    return this.#strip?.images[place - this.#strip.start] ?? null;
  }

  placeOf(item: HTMLElement): number {
    return (this.#strip?.start ?? 0) + this.#items.indexOf(item);
  }

  moveCursor(place: number): void {
    const k = this.#strip ? place - this.#strip.start : -1;
    for (const [at, item] of this.#items.entries()) item.classList.toggle("fs-cursor", at === k);
    const item = this.#items[k];
    if (item) attribute(this.root, "aria-activedescendant", item.id);
    else this.root.removeAttribute("aria-activedescendant");
  }

  /** What stands beyond a sheet that became smaller is not shown. */
  trim(size: number): void {
    for (const [k, item] of this.#items.entries()) item.hidden = k >= size;
  }

  #item(strip: Strip, k: number): HTMLElement {
    const image = strip.images[k]!;
    const label = strip.labels[k] ?? null;
    const unreadable = (strip.errors[k] ?? null) !== null;
    const name = label === null ? `image ${image}` : className(label);
    const box = element("div.fs-thumb");
    box.append(unreadable ? "unreadable" : thumb(strip, k));
    return element(
      "div",
      {
        id: `${this.#prefix}-${strip.start + k}`,
        role: "option",
        "data-index": image,
        "aria-selected": false,
        "aria-posinset": strip.start + k + 1,
      },
      box,
      element(label === null ? "div.fs-label.fs-quiet" : "div.fs-label", name),
      element("div.fs-mark"),
    );
  }

  /** Says whether the prediction is right: by a sign and in words, its colour only helps. */
  #judge(
    k: number,
    image: number,
    label: ClassName | null,
    predicted: ClassName | null,
    right: boolean | null,
  ): void {
    const item = this.#items[k]!;
    const mark = markOf(label, predicted, right);
    const trouble = this.#strip?.errors[k] ?? null;
    const words =
      trouble === null ? imageInWords(image, label, predicted, right) : `image ${image}: ${trouble}`;
    item.title = words;
    attribute(item, "aria-label", words);
    item.dataset.mark = mark;
    const instead = predicted === null ? "" : ` ${className(predicted)}`;
    const sign = mark === "wrong" ? `${MARKS.wrong}${instead}` : MARKS[mark];
    setText(item.lastElementChild as HTMLElement, sign);
  }
}

function samePictures(a: Strip, b: Strip): boolean {
  const head = a.revision === b.revision && a.start === b.start;
  return (
    head &&
    sameItems(a.images, b.images) &&
    sameItems(a.labels, b.labels) &&
    sameItems(a.errors, b.errors) &&
    String(a.sizes) === String(b.sizes)
  );
}

/** The image's part of its box; the rest stays transparent, dark and light alike. */
function thumb({ thumbs, sizes }: Strip, k: number): HTMLCanvasElement {
  const { shape, data } = sliceOf(thumbs, k);
  const [side = 1] = shape;
  const [height, width] = sizes[k] ?? [side, side];
  const top = Math.floor((side - height) / 2);
  const left = Math.floor((side - width) / 2);
  const raster = new Raster(side, side);
  const bytes = new Uint8Array(raster.words.buffer);
  for (let row = top; row < top + height; row++) {
    for (let column = left; column < left + width; column++) {
      const at = row * side + column;
      bytes.set(data.subarray(at * 3, at * 3 + 3), at * 4);
      bytes[at * 4 + 3] = 255;
    }
  }
  const canvas = element("canvas", { "aria-hidden": "true" });
  raster.show(canvas);
  return canvas;
}
