/** The images on which one net alone is right; a click selects one. */

import { attribute, element, on } from "../../dom/dom";

export class ImageList {
  readonly #pick: (image: number) => void;
  readonly #words: string;
  readonly root = element("p.fs-compared-images", { hidden: true });
  #buttons: HTMLButtonElement[] = [];
  images: readonly number[] = [];

  constructor(words: string, pick: (image: number) => void) {
    this.#words = words;
    this.#pick = pick;
  }

  paint(images: readonly number[]): void {
    this.images = images;
    this.root.hidden = images.length === 0;
    this.#buttons = images.map((image) => {
      const button = element("button", { type: "button" }, String(image));
      on(button, "click", () => this.#pick(image));
      return button;
    });
    this.root.replaceChildren(element("span.fs-name", this.#words), ...this.#buttons);
  }

  mark(image: number): void {
    for (const [at, button] of this.#buttons.entries())
      attribute(button, "aria-pressed", this.images[at] === image);
  }
}
