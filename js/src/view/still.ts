/**
 * Where no kernel has drawn anything: in a page that was saved with its widgets' state (nbconvert, papermill, Jupyter
 * Book), and in a notebook that was opened again. The state holds a picture of what the cell showed; that is shown.
 */

import { element } from "../dom/dom";
import { NOBODY_AFTER } from "../state/timing";
import type { Line } from "../wire/line";

/** What all such pages carry their widgets' state in. */
const SAVED_STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';

export class Still {
  readonly root = element("img.fs-still", {
    alt: "the explorer, as the notebook's cell showed it",
    hidden: true,
  });
  readonly #model: { get(name: never): unknown };
  readonly #line: Line;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #presumed = false;

  constructor(model: { get(name: never): unknown }, line: Line) {
    this.#model = model;
    this.#line = line;
    if (document.querySelector(SAVED_STATE)) this.#timer = setTimeout(() => this.#presume(), NOBODY_AFTER);
  }

  /** The view is in its page: Jupyter has marked there what has no kernel. */
  seen(root: HTMLElement): void {
    if (!this.#line.heard && root.closest(".jupyter-widgets-disconnected")) this.#presume();
  }

  /** A message has come: there is a kernel after all. */
  heard(): void {
    this.#line.hear();
    clearTimeout(this.#timer);
    if (!this.#presumed) return;
    this.#presumed = false;
    this.#line.is(false);
  }

  show(): void {
    const png = this.#model.get("_png" as never) as DataView | ArrayBuffer | undefined;
    if (!this.root.hidden || !png?.byteLength) return;
    this.root.src = URL.createObjectURL(new Blob([png as BlobPart], { type: "image/png" }));
    this.root.hidden = false;
  }

  dispose(): void {
    clearTimeout(this.#timer);
    if (!this.root.hidden) URL.revokeObjectURL(this.root.src);
  }

  #presume(): void {
    if (this.#line.heard) return;
    this.#presumed = true;
    this.#line.is(true);
  }
}
