/**
 * One pixel of a large picture, named in words: the one under the pointer, or stepped to by keys, or pinned by a click.
 * It is marked by an element over the canvas, whose own pixels stay exactly one a value.
 */

import { attribute, element } from "../../dom/dom";
import { hasModifier } from "../../dom/keys";
import type { LargePicture, Pixel, Reading } from "../../view/host";

/** The marker is never smaller than this, in CSS pixels, however small a value is drawn. */
const SMALLEST_MARKER = 7;
/** Rows that the keys Page Up and Page Down jump over. */
const JUMP = 10;
/** What a key does: steps into a direction, so often as there are pixels. */
const STEPS: Readonly<Record<string, readonly [down: number, right: number, times: number]>> = {
  ArrowUp: [-1, 0, 1],
  ArrowDown: [1, 0, 1],
  ArrowLeft: [0, -1, 1],
  ArrowRight: [0, 1, 1],
  Home: [0, -1, Number.POSITIVE_INFINITY],
  End: [0, 1, Number.POSITIVE_INFINITY],
  PageUp: [-1, 0, JUMP],
  PageDown: [1, 0, JUMP],
};

export class PixelCursor {
  readonly picture: LargePicture;
  readonly #moved: (cursor: PixelCursor) => void;
  readonly #marker = element("div.fs-marker", { "aria-hidden": "true", hidden: true });
  readonly #gone = new AbortController();

  /** Pointed at, stepped to, or pinned. */
  here: Pixel | null = null;
  pinned = false;
  /** Where keys go on from. */
  #last: Pixel | null = null;
  /** What is pointed at in another picture, where it is a pixel of this one too. */
  #guest: { readonly pixel: Pixel; readonly pinned: boolean } | null = null;

  /** `moved`: told of each move of the person's, not of a new picture. */
  constructor(picture: LargePicture, moved: (cursor: PixelCursor) => void) {
    this.picture = picture;
    this.#moved = moved;
    const { canvas, mount } = picture;
    mount.append(this.#marker);
    const { signal } = this.#gone;
    const on = <K extends keyof HTMLElementEventMap>(
      type: K,
      heard: (event: HTMLElementEventMap[K]) => void,
    ) => canvas.addEventListener(type, heard, { signal });
    on("pointermove", (event) => this.#point(this.#under(event)));
    on("pointerleave", () => this.#point(null));
    on("click", (event) => this.#click(this.#under(event)));
    on("keydown", (event) => this.#key(event));
    on("focus", () => this.#focus());
    on("blur", () => this.#point(null));
    picture.changed = () => this.#changed();
    picture.pin = (pixel) => {
      if (this.#reading(pixel)) this.#go(pixel, true);
    };
    this.#changed();
  }

  /** A cursor stays where it is in the next picture, so that one pixel can be followed from map to map. */
  #changed(): void {
    const { rows, columns } = this.picture.shown;
    attribute(this.picture.canvas, "aria-valuemax", Math.max(0, rows * columns - 1));
    if (rows && this.here && !this.#reading(this.here)) this.here = null;
    this.pinned &&= this.here !== null;
    this.#show();
  }

  /** Shows a pixel while no other is pointed at in this picture itself. */
  receive(pixel: Pixel | null, pinned: boolean): void {
    const old = this.#guest;
    const same = pixel && old && pixel.row === old.pixel.row && pixel.column === old.pixel.column;
    if (!pixel && !old) return;
    if (same && pinned === old.pinned) return;
    this.#guest = pixel && { pixel, pinned };
    this.#show();
  }

  /** As Escape does, but silently. */
  release(): void {
    this.here = null;
    this.pinned = false;
    this.#show();
  }

  dispose(): void {
    this.#gone.abort();
    this.#marker.remove();
    this.picture.pin = () => {};
    this.picture.changed = () => this.picture.say(null);
    this.picture.changed();
  }

  #reading({ row, column }: Pixel): Reading | null {
    const { rows, columns, probe } = this.picture.shown;
    const inside = row >= 0 && column >= 0 && row < rows && column < columns;
    return inside ? probe(row, column) : null;
  }

  #under(event: MouseEvent): Pixel | null {
    const { canvas, shown } = this.picture;
    const pixel = {
      row: Math.floor((event.offsetY / canvas.clientHeight) * shown.rows),
      column: Math.floor((event.offsetX / canvas.clientWidth) * shown.columns),
    };
    return this.#reading(pixel) ? pixel : null;
  }

  #point(pixel: Pixel | null): void {
    if (!this.pinned) this.#go(pixel, false);
  }

  #focus(): void {
    const byKeys = this.picture.canvas.matches(":focus-visible");
    if (byKeys && !this.here) this.#go(this.#start(), false);
  }

  #start(): Pixel | null {
    const { rows, columns } = this.picture.shown;
    const middle = { row: Math.floor(rows / 2), column: Math.floor(columns / 2) };
    const places = [this.#last, middle, { row: 0, column: 0 }];
    return places.find((place) => place && this.#reading(place)) ?? null;
  }

  #click(pixel: Pixel | null): void {
    if (!pixel || this.picture.press(pixel)) return;
    const again = this.pinned && this.here?.row === pixel.row && this.here.column === pixel.column;
    this.#go(pixel, !again);
  }

  #key(event: KeyboardEvent): void {
    if (hasModifier(event)) return;
    const step = STEPS[event.key];
    if (step) this.#go(this.here ? this.#next(this.here, step) : this.#start(), this.pinned);
    else if (event.key === "Enter" || event.key === " ") this.#click(this.here ?? this.#start());
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
  }

  /** The pixel so many steps on that holds a value, or the last: the lines between the kernels of a mosaic hold none. */
  #next(from: Pixel, [down, right, times]: readonly [number, number, number]): Pixel {
    const { rows, columns } = this.picture.shown;
    let reached = from;
    let steps = 0;
    let { row, column } = from;
    while (steps < times && row >= 0 && column >= 0 && row < rows && column < columns) {
      row += down;
      column += right;
      if (!this.#reading({ row, column })) continue;
      reached = { row, column };
      steps += 1;
    }
    return reached;
  }

  #leave(): void {
    if (this.here) this.#go(null, false);
    else this.picture.canvas.blur();
  }

  #go(pixel: Pixel | null, pinned: boolean): void {
    this.here = pixel;
    this.pinned = pinned && pixel !== null;
    if (pixel) this.#last = pixel;
    this.#show();
    this.#moved(this);
  }

  #show(): void {
    const { canvas, shown } = this.picture;
    const pixel = this.here ?? this.#guest?.pixel ?? null;
    const reading = pixel && this.#reading(pixel);
    this.picture.say(reading);
    attribute(canvas, "aria-valuenow", pixel ? pixel.row * shown.columns + pixel.column : 0);
    this.#marker.hidden = !reading;
    this.#marker.classList.toggle("fs-pinned", this.here ? this.pinned : !!this.#guest?.pinned);
    if (reading && pixel) this.#mark(pixel);
  }

  /** In parts of the canvas's size, so that the marker stays in its place when the picture is laid out anew. */
  #mark({ row, column }: Pixel): void {
    const along = (place: number, of: number) => [`${(place / of) * 100}%`, `${100 / of}%`] as const;
    const { rows, columns } = this.picture.shown;
    const [top, height] = along(row, rows);
    const [left, width] = along(column, columns);
    const least = (size: string) => `max(${size}, ${SMALLEST_MARKER}px)`;
    const start = (place: string, size: string) => `calc(${place} + (${size} - ${least(size)}) / 2)`;
    Object.assign(this.#marker.style, {
      top: start(top, height),
      left: start(left, width),
      height: least(height),
      width: least(width),
    });
  }
}
