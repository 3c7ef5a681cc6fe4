/** Small lines over the checkpoints: how far the filter is from its start, and from its end. */

import { attribute, element, setText } from "../../dom/dom";
import { number } from "../../text/format";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 300;
const HEIGHT = 64;
const PAD = 4;

function svg(name: string, attributes: Record<string, string | number>): SVGElement {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  return node;
}

export class Line {
  readonly #title: string;
  readonly #svg = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
  readonly #path = svg("polyline", { class: "fs-time-path", points: "" });
  readonly #at = svg("line", { class: "fs-time-at", y1: 0, y2: HEIGHT, x1: -9, x2: -9 });
  readonly #ends = element("span.fs-note");
  readonly root: HTMLElement;
  #values: readonly number[] = [];
  #range = "";

  constructor(title: string) {
    this.#title = title;
    this.#svg.append(
      svg("line", { class: "fs-time-zero", x1: 0, x2: WIDTH, y1: HEIGHT - PAD, y2: HEIGHT - PAD }),
    );
    this.#svg.append(this.#at, this.#path);
    this.root = element(
      "div.fs-time-line",
      element("h4.fs-title", title),
      this.#svg as unknown as HTMLElement,
      this.#ends,
    );
  }

  /** In percent of the filter's own length, from 0 on; NaN where nothing is known. */
  paint(values: readonly number[]): void {
    this.#values = values;
    const known = values.filter(Number.isFinite);
    const most = Math.max(...known, 1e-9);
    const points = values
      .map((value, at) => [this.#x(at), HEIGHT - PAD - (value / most) * (HEIGHT - 2 * PAD)] as const)
      .filter(([, y]) => Number.isFinite(y))
      .map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`);
    this.#path.setAttribute("points", points.join(" "));
    const words = known.length > 0 ? `0 … ${number(100 * most)} %` : "not known yet";
    this.#range = words;
    setText(this.#ends, words);
    attribute(this.#svg as unknown as HTMLElement, "aria-label", `${this.#title}, ${words}`);
  }

  mark(checkpoint: number | null): void {
    const x = checkpoint === null ? -9 : this.#x(checkpoint);
    this.#at.setAttribute("x1", String(x));
    this.#at.setAttribute("x2", String(x));
    const value = checkpoint === null ? undefined : this.#values[checkpoint];
    const known = value !== undefined && Number.isFinite(value);
    setText(this.#ends, known ? `${this.#range}, here ${number(100 * value)} %` : this.#range);
  }

  #x(at: number): number {
    return PAD + (at / Math.max(1, this.#values.length - 1)) * (WIDTH - 2 * PAD);
  }
}
