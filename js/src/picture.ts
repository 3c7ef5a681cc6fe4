/** The frame around every large picture: title, square box with the canvas, and lines of words below. */

import { element, setText } from "./dom";
import { fitPicture } from "./geometry";

export type View = "image" | "kernel" | "response" | "activation";

/** The words for the value under the pointer, or null where there is none. */
export type Probe = (row: number, column: number) => string | null;

export interface Words {
  /** The view's name, and after it which image or filter it shows. */
  readonly title: string;
  readonly which: string;
  readonly size: string;
  readonly content: string;
  readonly note: string;
  readonly warning: string;
}

export class PictureBox {
  readonly canvas: HTMLCanvasElement;
  private readonly title = element("b");
  private readonly which = element("span");
  private readonly size = element("span", { class: "fs-size" });
  readonly mount = element("div", { class: "fs-mount" });
  private readonly content = element("p", { class: "fs-content" });
  private readonly note = element("p", { class: "fs-note" });
  private readonly warning = element("p", { class: "fs-warning" });
  readonly root: HTMLElement;

  private contentText = "";
  private probe: Probe = () => null;
  private columns = 1;
  private rows = 1;
  private box = 200;
  private ratio = 1;

  constructor(view: View, below: readonly Node[]) {
    this.canvas = element("canvas", {
      "data-view": view,
      role: "img",
      "aria-label": view,
      width: 1,
      height: 1,
    });
    this.mount.append(this.canvas);
    this.root = element(
      "figure",
      { class: `fs-figure fs-${view}` },
      element("figcaption", {}, element("span", { class: "fs-title" }, this.title, this.which), this.size),
      element("div", { class: "fs-box" }, this.mount),
      ...below,
      this.content,
      this.note,
      this.warning,
    );
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => setText(this.content, this.contentText));
  }

  /** The box's side in CSS pixels, and device pixels per CSS pixel. */
  layout(box: number, ratio: number): void {
    this.box = box;
    this.ratio = ratio;
    this.fit();
  }

  describe(words: Words): void {
    this.contentText = words.content;
    setText(this.title, words.title);
    setText(this.which, words.which);
    setText(this.size, words.size);
    setText(this.content, words.content);
    setText(this.note, words.note);
    setText(this.warning, words.warning);
    const label = [words.title + words.which, words.size, words.content, words.note, words.warning]
      .filter(Boolean)
      .join(", ");
    this.canvas.setAttribute("aria-label", label);
  }

  /** Called after the canvas was given its columns × rows pixels. */
  shown(probe: Probe): void {
    this.probe = probe;
    this.columns = this.canvas.width;
    this.rows = this.canvas.height;
    this.fit();
  }

  clear(title: string): void {
    this.canvas.getContext("2d")?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    this.probe = () => null;
    this.describe({ title, which: "", size: "", content: "", note: "", warning: "" });
  }

  private fit(): void {
    const { width, height, crisp } = fitPicture(this.columns, this.rows, this.box, this.ratio);
    this.mount.style.width = `${width}px`;
    this.mount.style.height = `${height}px`;
    this.canvas.style.imageRendering = crisp ? "" : "auto";
  }

  private point(event: PointerEvent): void {
    const { clientWidth, clientHeight } = this.canvas;
    const column = Math.floor((event.offsetX / clientWidth) * this.columns);
    const row = Math.floor((event.offsetY / clientHeight) * this.rows);
    const inside = column >= 0 && row >= 0 && column < this.columns && row < this.rows;
    setText(this.content, (inside && this.probe(row, column)) || this.contentText);
  }
}

export function pointInWords(row: number, column: number, value: string): string {
  return `(${row}, ${column}): ${value}`;
}
