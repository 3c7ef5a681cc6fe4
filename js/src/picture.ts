/** The frame around every large picture: title, square box with the canvas, the readout, and lines of words below. */

import { attribute, element, setText } from "./dom";
import { fitPicture } from "./geometry";
import { PixelCursor, type Probe, type Reading } from "./pixel_cursor";

export type View = "image" | "kernel" | "response" | "activation";

export interface Words {
  /** The view's name, and after it which image or filter it shows. */
  readonly title: string;
  readonly which: string;
  readonly size: string;
  /** What the readout says while no pixel is pointed at. */
  readonly content: Reading;
  readonly notes: readonly string[];
  readonly warning: string;
}

const NOTHING: Words = {
  title: "",
  which: "",
  size: "",
  content: { where: "", value: "" },
  notes: [],
  warning: "",
};

export class PictureBox {
  readonly canvas: HTMLCanvasElement;
  readonly cursor: PixelCursor;
  readonly #title = element("b");
  readonly #which = element("span");
  readonly #size = element("span.fs-size");
  readonly mount = element("div.fs-mount");
  readonly #notes = element("div.fs-notes");
  readonly #warning = element("p.fs-warning");
  readonly root: HTMLElement;

  #columns = 1;
  #rows = 1;
  #box = 200;
  #ratio = 1;

  constructor(view: View, below: readonly Node[]) {
    this.canvas = element("canvas", {
      "data-view": view,
      tabindex: 0,
      role: "slider", // arrow keys reach it, and each new value is read out
      "aria-label": view,
      "aria-valuemin": 0,
      "aria-valuenow": 0,
      width: 1,
      height: 1,
    });
    this.cursor = new PixelCursor(this.canvas);
    this.mount.append(this.canvas, this.cursor.marker);
    this.root = element(
      `figure.fs-figure.fs-${view}`,
      element("figcaption", element("span.fs-title", this.#title, this.#which), this.#size),
      element("div.fs-box", this.mount),
      this.cursor.readout,
      ...below,
      this.#notes,
    );
  }

  /** The box's side in CSS pixels, and device pixels per CSS pixel. */
  layout(box: number, ratio: number): void {
    this.#box = box;
    this.#ratio = ratio;
    this.#fit();
  }

  /** Called after the canvas was given its columns × rows pixels. */
  shown(words: Words, probe: Probe): void {
    this.#columns = this.canvas.width;
    this.#rows = this.canvas.height;
    this.#fit();
    this.#describe(words);
    this.cursor.shown(this.#rows, this.#columns, probe, words.content);
  }

  clear(title: string): void {
    this.canvas.getContext("2d")?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#describe({ ...NOTHING, title });
    this.cursor.clear();
  }

  #describe({ title, which, size, content, notes, warning }: Words): void {
    setText(this.#title, title);
    setText(this.#which, which);
    setText(this.#size, size);
    setText(this.#warning, warning);
    const said = notes.filter(Boolean);
    const now = [...this.#notes.children].map((line) => line.textContent);
    if (now.join("\n") !== [...said, warning].join("\n")) {
      this.#notes.replaceChildren(...said.map((line) => element("p.fs-note", line)), this.#warning);
    }
    const label = [title + which, size, `${content.where} ${content.value}`.trim(), ...said, warning];
    attribute(this.canvas, "aria-label", label.filter(Boolean).join(", "));
  }

  #fit(): void {
    const { width, height, crisp } = fitPicture(this.#columns, this.#rows, this.#box, this.#ratio);
    this.mount.style.width = `${width}px`;
    this.mount.style.height = `${height}px`;
    this.canvas.style.imageRendering = crisp ? "" : "auto";
  }
}

export function pixelInWords(row: number, column: number): string {
  return `row ${row}, col ${column}`;
}
