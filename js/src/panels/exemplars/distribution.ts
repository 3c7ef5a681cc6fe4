/** How a filter's maxima are distributed: a row of bars for all images, and one for each class, over one axis. */

import { attribute, element, on, setText } from "../../dom/dom";
import { hasModifier } from "../../dom/keys";
import { className, number } from "../../text/format";
import type { Distribution } from "../../wire/scans";
import { barInWords, share } from "./words";

export interface Place {
  readonly row: number;
  readonly bin: number;
}

const SVG = "http://www.w3.org/2000/svg";
const STEPS: Readonly<Record<string, readonly [down: number, right: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** The bars of a row as one path, one unit a bin wide and the largest one unit high. */
export function barsPath(counts: Float32Array): string {
  const most = Math.max(...counts, 1);
  let path = "";
  for (const [bin, count] of counts.entries()) {
    const height = count / most;
    if (height > 0) path += `M${bin} 1v${-height.toFixed(4)}h1V1z`;
  }
  return path;
}

export class DistributionView {
  readonly #rows = element("div.fs-ridges");
  readonly #low = element("span");
  readonly #high = element("span");
  readonly #said = element("p.fs-note.fs-ridge-said");
  readonly #more = element("p.fs-note");
  readonly #plot = element(
    "div.fs-distribution",
    {
      tabindex: 0,
      role: "slider",
      "aria-label": "distribution of the maxima: arrow keys move from bar to bar, Escape leaves it",
      "aria-valuemin": 0,
      "aria-valuenow": 0,
    },
    element(
      "div.fs-ridge.fs-ridge-head",
      element("span"),
      element("span"),
      element("span.fs-fires", "fires"),
    ),
    this.#rows,
    element("div.fs-ridge", element("span"), element("div.fs-ridge-ends", this.#low, this.#high)),
  );
  readonly root = element("div", this.#plot, this.#said, this.#more);
  readonly #point: (place: Place | null, kept: boolean) => void;
  readonly #idle: string;
  readonly #marker = element("i.fs-ridge-mark", { hidden: true });
  #distribution: Distribution | null = null;
  #here: Place | null = null;
  #kept = false;

  /**
   * `point`: a bar is pointed at, or none any more; `kept`: until another is. `leadsTo`: what a bar shows when it is pointed
   * at, a sentence.
   */
  constructor(point: (place: Place | null, kept: boolean) => void, leadsTo: string) {
    this.#point = point;
    this.#idle = `Each row has a scale of its own. ${leadsTo}`;
    on(this.#plot, "pointermove", (event) => {
      if (!this.#kept) this.#go(this.#under(event), false);
    });
    on(this.#plot, "pointerleave", () => {
      if (!this.#kept) this.#go(null, false);
    });
    on(this.#plot, "click", (event) => this.#click(this.#under(event)));
    on(this.#plot, "keydown", (event) => this.#key(event));
  }

  get distribution(): Distribution | null {
    return this.#distribution;
  }

  paint(distribution: Distribution): void {
    this.#distribution = distribution;
    const { rows, counts, edges, classes } = distribution;
    const bins = counts.shape[1]!;
    this.#rows.replaceChildren(
      ...rows.map((row, k) => {
        const name = row.label === null ? "all images" : className(row.label);
        const plot = svg(barsPath(counts.data.subarray(k * bins, (k + 1) * bins)), bins);
        const fires = row.fires === null ? "" : share(row.fires);
        const line = element(
          row.label === null ? "div.fs-ridge.fs-ridge-all" : "div.fs-ridge",
          { "data-row": k },
          element("span.fs-name", { title: name }, name),
          plot,
          element("span.fs-fires", { title: `fires in ${fires} of its images` }, fires),
        );
        return line;
      }),
    );
    setText(this.#low, number(edges.data[0]!));
    setText(this.#high, number(edges.data.at(-1)!));
    const shown = rows.length - 1;
    setText(
      this.#more,
      classes > shown ? `${shown} of ${classes} classes: those for which it is greatest on average.` : "",
    );
    attribute(this.#plot, "aria-valuemax", rows.length * bins - 1);
    if (this.#here && this.#here.row >= rows.length) this.release();
    this.#show();
  }

  /** No bar is kept any more; nobody is told. */
  release(): void {
    this.#here = null;
    this.#kept = false;
    this.#show();
  }

  #under(event: MouseEvent): Place | null {
    const plot = (event.target as Element).closest("svg");
    const row = plot?.closest<HTMLElement>("[data-row]");
    if (!plot || !row || !this.#distribution) return null;
    const { left, width } = plot.getBoundingClientRect();
    const bins = this.#distribution.counts.shape[1]!;
    const bin = Math.floor(((event.clientX - left) / width) * bins);
    return bin >= 0 && bin < bins ? { row: Number(row.dataset.row), bin } : null;
  }

  #click(place: Place | null): void {
    const again = this.#kept && place?.row === this.#here?.row && place?.bin === this.#here?.bin;
    this.#go(place, place !== null && !again);
  }

  #key(event: KeyboardEvent): void {
    const distribution = this.#distribution;
    if (hasModifier(event) || !distribution) return;
    const step = STEPS[event.key];
    if (step) {
      const last = distribution.counts.shape[1]! - 1;
      const within = (value: number, most: number) => Math.max(0, Math.min(value, most));
      const next = (from: Place) => ({
        row: within(from.row + step[0], distribution.rows.length - 1),
        bin: within(from.bin + step[1], last),
      });
      this.#go(this.#here ? next(this.#here) : { row: 0, bin: last }, true);
    } else if (event.key === "Escape" && this.#here) this.#go(null, false);
    else return;
    event.preventDefault();
  }

  #go(place: Place | null, kept: boolean): void {
    const same = place?.row === this.#here?.row && place?.bin === this.#here?.bin;
    if (same && kept === this.#kept) return;
    this.#here = place;
    this.#kept = kept;
    this.#show();
    this.#point(place, kept);
  }

  #show(): void {
    const distribution = this.#distribution;
    const here = this.#here;
    this.#marker.hidden = !here || !distribution;
    const words = here && distribution ? barInWords(distribution, here.row, here.bin) : this.#idle;
    setText(this.#said, words);
    attribute(this.#plot, "aria-valuetext", here ? words : "no bar");
    this.#plot.classList.toggle("fs-kept", this.#kept);
    if (!here || !distribution) return;
    const bins = distribution.counts.shape[1]!;
    attribute(this.#plot, "aria-valuenow", here.row * bins + here.bin);
    this.#rows.children[here.row]?.querySelector(".fs-ridge-plot")?.append(this.#marker);
    Object.assign(this.#marker.style, { left: `${(100 * here.bin) / bins}%`, width: `${100 / bins}%` });
  }
}

function svg(path: string, bins: number): HTMLElement {
  const node = document.createElementNS(SVG, "svg");
  node.setAttribute("viewBox", `0 0 ${bins} 1`);
  node.setAttribute("preserveAspectRatio", "none");
  node.setAttribute("aria-hidden", "true");
  const bars = document.createElementNS(SVG, "path");
  bars.setAttribute("d", path);
  node.append(bars);
  const plot = element("div.fs-ridge-plot");
  plot.append(node);
  return plot;
}
