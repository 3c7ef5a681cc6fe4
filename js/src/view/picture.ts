/** What surrounds every large picture: title, square box with the canvas, the readout, and lines of words below. */

import { attribute, element, setText } from "../dom/dom";
import { fitPicture } from "../draw/layout";
import type { LargePicture, Pixel, Probe, Reading, Shown, View } from "./host";

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

const NOTHING: Shown = { rows: 0, columns: 0, probe: () => null, content: { where: "", value: "" } };

export class PictureBox implements LargePicture {
  readonly view: View;
  readonly canvas: HTMLCanvasElement;
  readonly #title = element("b");
  readonly #which = element("span");
  readonly #size = element("span.fs-size");
  readonly mount = element("div.fs-mount");
  readonly #where = element("span");
  readonly #value = element("span.fs-value");
  readonly #readout = element("p.fs-readout", this.#where, this.#value);
  readonly #notes = element("div.fs-notes");
  readonly #warning = element("p.fs-warning");
  readonly root: HTMLElement;

  shown = NOTHING;
  /** Until there is something that points at pixels. */
  changed = () => this.say(null);
  press = (_pixel: Pixel) => false;
  pin = (_pixel: Pixel) => {};
  #box = 200;
  #ratio = 1;

  constructor(view: View, below: readonly Node[]) {
    this.view = view;
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
    this.mount.append(this.canvas);
    this.root = element(
      `figure.fs-figure.fs-${view}`,
      element("figcaption", element("span.fs-title", this.#title, this.#which), this.#size),
      element("div.fs-box", this.mount),
      this.#readout,
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
  paint(words: Words, probe: Probe): void {
    const { width, height } = this.canvas;
    this.#show({ rows: height, columns: width, probe, content: words.content }, words);
  }

  clear(title: string): void {
    this.canvas.getContext("2d")?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.#show(NOTHING, { title, which: "", size: "", content: NOTHING.content, notes: [], warning: "" });
  }

  say(reading: Reading | null): void {
    const { where, value } = reading ?? this.shown.content;
    setText(this.#where, where);
    setText(this.#value, value);
    this.#readout.classList.toggle("fs-at", reading !== null);
    attribute(this.canvas, "aria-valuetext", `${where}${reading ? ":" : ""} ${value}`);
  }

  #show(shown: Shown, words: Words): void {
    this.shown = shown;
    this.#fit();
    this.#describe(words);
    this.changed();
  }

  #describe({ title, which, size, content, notes, warning }: Words): void {
    setText(this.#title, title);
    setText(this.#which, which);
    setText(this.#size, size);
    setText(this.#warning, warning);
    const lines = notes.filter(Boolean);
    const now = [...this.#notes.children].map((line) => line.textContent);
    if (now.join("\n") !== [...lines, warning].join("\n")) {
      this.#notes.replaceChildren(...lines.map((line) => element("p.fs-note", line)), this.#warning);
    }
    const label = [title + which, size, `${content.where} ${content.value}`.trim(), ...lines, warning];
    attribute(this.canvas, "aria-label", label.filter(Boolean).join(", "));
  }

  #fit(): void {
    const { rows, columns } = this.shown;
    if (!rows) return; // cleared: it keeps its size
    const { width, height, crisp } = fitPicture(columns, rows, this.#box, this.#ratio);
    this.mount.style.width = `${width}px`;
    this.mount.style.height = `${height}px`;
    this.canvas.style.imageRendering = crisp ? "" : "auto";
  }
}

export function pixelInWords(row: number, column: number): string {
  return `row ${row}, col ${column}`;
}
