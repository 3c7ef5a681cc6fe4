/**
 * One pixel of a large picture, named in words: the one under the pointer, or stepped to by keys, or pinned by a click.
 * It is marked by an element over the canvas, whose own pixels stay exactly one a value.
 */

import { attribute, element, on, setText } from "./dom";
import { hasModifier } from "./keys";

/** A pixel's place and its value, in words. */
export interface Reading {
  readonly where: string;
  readonly value: string;
}

/** What stands at a pixel, or null where nothing does. */
export type Probe = (row: number, column: number) => Reading | null;

export interface Pixel {
  readonly row: number;
  readonly column: number;
}

/** The marker is never smaller than this, in CSS pixels, however small a value is drawn. */
const SMALLEST_MARKER = 7;
const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

export class PixelCursor {
  readonly marker = element("div.fs-marker", { "aria-hidden": "true", hidden: true });
  readonly #canvas: HTMLCanvasElement;
  readonly #where = element("span");
  readonly #value = element("span.fs-value");
  readonly readout = element("p.fs-readout", this.#where, this.#value);

  #probe: Probe = () => null;
  #columns = 1;
  #rows = 1;
  #idle: Reading = { where: "", value: "" };
  /** Pointed at, stepped to, or pinned. */
  #here: Pixel | null = null;
  #pinned = false;
  /** Where keys go on from. */
  #last: Pixel | null = null;
  #partner: PixelCursor | null = null;
  /** A click that means something else than a pin says so. */
  press: (pixel: Pixel) => boolean = () => false;

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas;
    on(canvas, "pointermove", (event) => this.#point(this.#under(event)));
    on(canvas, "pointerleave", () => this.#point(null));
    on(canvas, "click", (event) => this.#click(this.#under(event)));
    on(canvas, "keydown", (event) => this.#key(event));
    on(canvas, "focus", () => this.#focus());
    on(canvas, "blur", () => this.#point(null));
  }

  /** The picture that is painted now. A cursor stays where it is, so that one pixel can be followed from map to map. */
  shown(rows: number, columns: number, probe: Probe, idle: Reading): void {
    this.#rows = rows;
    this.#columns = columns;
    this.#probe = probe;
    this.#idle = idle;
    attribute(this.#canvas, "aria-valuemax", rows * columns - 1);
    if (this.#here && !this.#reading(this.#here)) this.#here = null;
    this.#pinned &&= this.#here !== null;
    this.#showBoth();
  }

  clear(): void {
    this.#probe = () => null;
    this.#idle = { where: "", value: "" };
    this.#showBoth();
  }

  /** While one of the two has a cursor, the other shows the same pixel, where both are of one size. */
  link(partner: PixelCursor): void {
    this.#partner = partner;
    partner.#partner = this;
  }

  #reading({ row, column }: Pixel): Reading | null {
    const inside = row >= 0 && column >= 0 && row < this.#rows && column < this.#columns;
    return inside ? this.#probe(row, column) : null;
  }

  #under(event: MouseEvent): Pixel | null {
    const { clientWidth, clientHeight } = this.#canvas;
    const pixel = {
      row: Math.floor((event.offsetY / clientHeight) * this.#rows),
      column: Math.floor((event.offsetX / clientWidth) * this.#columns),
    };
    return this.#reading(pixel) ? pixel : null;
  }

  #point(pixel: Pixel | null): void {
    if (!this.#pinned) this.#go(pixel, false);
  }

  #focus(): void {
    const byKeys = this.#canvas.matches(":focus-visible");
    if (byKeys && !this.#here) this.#go(this.#start(), false);
  }

  #start(): Pixel | null {
    const middle = { row: Math.floor(this.#rows / 2), column: Math.floor(this.#columns / 2) };
    const places = [this.#last, middle, { row: 0, column: 0 }];
    return places.find((place) => place && this.#reading(place)) ?? null;
  }

  #click(pixel: Pixel | null): void {
    if (!pixel || this.press(pixel)) return;
    const again = this.#pinned && this.#here?.row === pixel.row && this.#here.column === pixel.column;
    this.#go(pixel, !again);
  }

  #key(event: KeyboardEvent): void {
    if (hasModifier(event)) return;
    const step = STEPS[event.key];
    if (step) this.#go(this.#here ? this.#next(this.#here, step) : this.#start(), this.#pinned);
    else if (event.key === "Enter" || event.key === " ") this.#click(this.#here ?? this.#start());
    else if (event.key === "Escape") this.#leave();
    else return;
    event.preventDefault();
  }

  /** The next pixel that holds a value: the lines between the kernels of a mosaic hold none. */
  #next(from: Pixel, [down, right]: readonly [number, number]): Pixel {
    let { row, column } = from;
    do {
      row += down;
      column += right;
      if (this.#reading({ row, column })) return { row, column };
    } while (row >= 0 && column >= 0 && row < this.#rows && column < this.#columns);
    return from;
  }

  #leave(): void {
    if (this.#here) this.#go(null, false);
    else this.#canvas.blur();
  }

  #go(pixel: Pixel | null, pinned: boolean): void {
    this.#here = pixel;
    this.#pinned = pinned && pixel !== null;
    if (pixel) this.#last = pixel;
    this.#showBoth();
  }

  #showBoth(): void {
    this.#show();
    if (this.#partner) this.#partner.#show();
  }

  #show(): void {
    const partner = this.#partner;
    const same = partner && partner.#rows === this.#rows && partner.#columns === this.#columns;
    const whose = !this.#here && same ? partner : this;
    const pixel = whose.#here;
    const reading = pixel && this.#reading(pixel);
    const { where, value } = reading ?? this.#idle;
    setText(this.#where, where);
    setText(this.#value, value);
    this.readout.classList.toggle("fs-at", reading !== null);
    attribute(this.#canvas, "aria-valuenow", pixel ? pixel.row * this.#columns + pixel.column : 0);
    attribute(this.#canvas, "aria-valuetext", `${where}${reading ? ":" : ""} ${value}`);
    this.marker.hidden = !reading;
    this.marker.classList.toggle("fs-pinned", whose.#pinned);
    if (reading && pixel) this.#mark(pixel);
  }

  /** In parts of the canvas's size, so that the marker stays in its place when the picture is laid out anew. */
  #mark({ row, column }: Pixel): void {
    const along = (place: number, of: number) => [`${(place / of) * 100}%`, `${100 / of}%`] as const;
    const [top, height] = along(row, this.#rows);
    const [left, width] = along(column, this.#columns);
    const least = (size: string) => `max(${size}, ${SMALLEST_MARKER}px)`;
    const start = (place: string, size: string) => `calc(${place} + (${size} - ${least(size)}) / 2)`;
    Object.assign(this.marker.style, {
      top: start(top, height),
      left: start(left, width),
      height: least(height),
      width: least(width),
    });
  }
}
