/** A picture to draw on: with the mouse, or by keys with a cursor. */

import { element, on } from "../../dom/dom";
import { hasModifier } from "../../dom/keys";
import { fitPicture } from "../../draw/layout";
import type { Pixels } from "./pixels";

const SIDE = 308;

export type Place = readonly [row: number, column: number];

export interface PadActions {
  /** A stroke has come to a place; `from`: where it began; null: by a key, at this place alone. `before`: what it began on. */
  draw(place: Place, from: Place | null, before: Pixels): void;
  /** The keys' cursor stands there now. */
  moved(place: Place): void;
}

export class Pad {
  readonly #canvas = element("canvas", {
    tabindex: 0,
    role: "application",
    "aria-label": "the picture: draw with the mouse, or move with the arrow keys and draw with Space",
    width: 1,
    height: 1,
  });
  readonly #mark = element("i.fs-brush", { hidden: true });
  readonly root = element("div.fs-pad", this.#canvas, this.#mark);
  readonly #actions: PadActions;
  #pixels: Pixels | null = null;
  #from: Place | null = null;
  #before: Pixels | null = null;
  #cursor: Place = [0, 0];

  constructor(actions: PadActions) {
    this.#actions = actions;
    this.#followMouse();
    this.#followKeys();
  }

  show(pixels: Pixels): void {
    this.#pixels = pixels;
    const { height, width, channels, data } = pixels;
    this.#canvas.width = width;
    this.#canvas.height = height;
    const fit = fitPicture(width, height, SIDE, window.devicePixelRatio || 1);
    this.root.style.width = `${fit.width}px`;
    this.root.style.height = `${fit.height}px`;
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    for (let pixel = 0; pixel < width * height; pixel++) {
      for (let c = 0; c < 3; c++)
        image.data[pixel * 4 + c] = data[pixel * channels + (channels === 3 ? c : 0)]!;
      image.data[pixel * 4 + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }

  #followMouse(): void {
    const canvas = this.#canvas;
    const placeOf = (event: PointerEvent): Place => {
      const box = canvas.getBoundingClientRect();
      const row = Math.floor(((event.clientY - box.top) / box.height) * canvas.height);
      const column = Math.floor(((event.clientX - box.left) / box.width) * canvas.width);
      return [row, column];
    };
    const goOn = (place: Place) => {
      if (this.#from && this.#before) this.#actions.draw(place, this.#from, this.#before);
    };
    const end = () => {
      this.#from = this.#before = null;
    };
    on(canvas, "pointerdown", (event) => {
      if (event.button !== 0 || !this.#pixels) return;
      canvas.setPointerCapture?.(event.pointerId);
      this.#from = placeOf(event);
      this.#before = this.#pixels;
      goOn(this.#from);
    });
    on(canvas, "pointermove", (event) => goOn(placeOf(event)));
    on(canvas, "pointerup", end);
    on(canvas, "pointercancel", end);
    on(canvas, "blur", () => {
      this.#mark.hidden = true;
      end();
    });
  }

  #followKeys(): void {
    on(this.#canvas, "focus", () => this.#moveTo(this.#cursor));
    on(this.#canvas, "keydown", (event) => {
      if (hasModifier(event)) return;
      const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
      if (move) {
        event.preventDefault();
        this.#moveTo([this.#cursor[0] + move[0]!, this.#cursor[1] + move[1]!]);
      } else if (event.key === " " && this.#pixels) {
        event.preventDefault();
        this.#actions.draw(this.#cursor, null, this.#pixels);
      }
    });
  }

  #moveTo([row, column]: Place): void {
    const { height, width } = this.#canvas;
    this.#cursor = [Math.min(Math.max(row, 0), height - 1), Math.min(Math.max(column, 0), width - 1)];
    this.#mark.hidden = false;
    const style = this.#mark.style;
    style.left = `${(100 * this.#cursor[1]) / width}%`;
    style.top = `${(100 * this.#cursor[0]) / height}%`;
    style.width = `${100 / width}%`;
    style.height = `${100 / height}%`;
    this.#actions.moved(this.#cursor);
  }
}
