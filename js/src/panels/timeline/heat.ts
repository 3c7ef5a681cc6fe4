/** Which filters of the layer changed when: a row a filter, a column a checkpoint; a click selects both. */

import { attribute, element, on, setText } from "../../dom/dom";
import { codesFor } from "../../draw/codes";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { number } from "../../text/format";
import { Legend } from "../../view/legend";
import type { FloatTensor } from "../../wire/tensor";
import type { Timeline } from "../../wire/timeline";
import { rangeOver } from "../range_over";
import { MARKS } from "./words";

const MOST_SIDE = 20;
const LEAST_ROW = 4;
const LEAST_LEGEND = 160; // pixels: below it its numbers do not fit on one line
/** Changes are drawn by their logarithm: the first epochs' are a hundred times the last ones'. */
const LEAST_CHANGE = 0.001;
const MARKED_FROM = 9; // pixels of a cell in which a mark can be read

export class ChangeMap {
  readonly #palettes: Palettes;
  readonly #canvas = element("canvas", { "data-view": "time-map", role: "img", tabindex: 0 });
  readonly #marks = element("div.fs-time-marks", { "aria-hidden": "true" });
  readonly #box = element("div.fs-time-cells", this.#canvas, this.#marks);
  readonly #scroll = element("div.fs-time-map", this.#box);
  readonly #legend = new Legend();
  readonly #words = element("p.fs-note", "a row a filter, a column a checkpoint");
  readonly root = element(
    "div",
    element("h4.fs-title", "What changed when in this layer"),
    this.#scroll,
    this.#legend.root,
    this.#words,
  );
  readonly #select: (filter: number, checkpoint: number) => void;
  #timeline: Timeline | null = null;
  #titles: readonly string[] = [];
  #cell = { width: 1, height: 1 };
  #at: readonly [filter: number, checkpoint: number | null] = [0, null];

  constructor(palettes: Palettes, select: (filter: number, checkpoint: number) => void) {
    this.#palettes = palettes;
    this.#select = select;
    on(this.#canvas, "pointermove", (event) => this.#say(this.#placeOf(event)));
    on(this.#canvas, "pointerleave", () => this.#say(null));
    on(this.#canvas, "click", (event) => {
      const place = this.#placeOf(event);
      if (place) this.#select(...place);
    });
    on(this.#canvas, "keydown", (event) => this.#key(event));
  }

  paint(timeline: Timeline, titles: readonly string[], width: number): void {
    this.#timeline = timeline;
    this.#titles = titles;
    const step = timeline.step;
    this.root.hidden = step === null;
    if (!step) return;
    const [filters, count] = step.shape as [number, number];
    const logarithms = {
      ...step,
      data: step.data.map((change) => Math.log10(Math.max(change, LEAST_CHANGE))),
    };
    const ends = rangeOver([logarithms]);
    const low = Math.log10(LEAST_CHANGE);
    const range = { ...ends, low, high: Math.max(ends.maximum ?? low, low + 1), signed: false };
    const raster = new Raster(count, filters);
    raster.put(codesFor(logarithms, range), 0, count, filters, this.#palettes.lookup(false));
    raster.show(this.#canvas);
    const cellWidth = Math.max(3, Math.min(MOST_SIDE, Math.floor(width / count)));
    const cellHeight = Math.max(LEAST_ROW, Math.min(MOST_SIDE, Math.floor(280 / filters)));
    this.#cell = { width: cellWidth, height: cellHeight };
    for (const node of [this.#canvas, this.#box]) {
      node.style.width = `${count * cellWidth}px`;
      node.style.height = `${filters * cellHeight}px`;
    }
    const percent = (value: number) => `${number(100 * 10 ** value)} %`;
    this.#legend.paint(range, this.#palettes.nameFor(false), percent);
    this.#legend.root.style.maxWidth = `${Math.max(LEAST_LEGEND, count * cellWidth)}px`;
    const marked = cellHeight >= MARKED_FROM && cellWidth >= MARKED_FROM;
    const marks = timeline.events.map(([at, filter, words]) => this.#markOf(at, filter, words, marked));
    this.#marks.replaceChildren(...marks, this.#cross());
    attribute(this.#canvas, "aria-label", `change of ${filters} filters' weights at ${count} checkpoints`);
    this.#say(null);
  }

  mark(filter: number, checkpoint: number | null): void {
    this.#at = [filter, checkpoint];
    const old = this.#marks.querySelector(".fs-time-cross");
    if (old && this.#timeline?.step) old.replaceWith(this.#cross());
  }

  #cross(): HTMLElement {
    const [filter, checkpoint] = this.#at;
    const cross = element("i.fs-time-cross");
    const { width, height } = this.#cell;
    const count = this.#timeline?.step?.shape[1] ?? 0;
    Object.assign(cross.style, {
      top: `${filter * height}px`,
      height: `${height}px`,
      left: checkpoint === null ? "0" : `${checkpoint * width}px`,
      width: checkpoint === null ? `${count * width}px` : `${width}px`,
    });
    return cross;
  }

  #markOf(at: number, filter: number, words: string, marked: boolean): HTMLElement {
    const mark = element("b", marked ? (MARKS[words] ?? "•") : "");
    const { width, height } = this.#cell;
    Object.assign(mark.style, {
      left: `${at * width}px`,
      top: `${filter * height}px`,
      width: `${width}px`,
      height: `${height}px`,
      lineHeight: `${height}px`,
      fontSize: `${Math.min(width, height) - 1}px`,
    });
    return mark;
  }

  #placeOf(event: MouseEvent): readonly [filter: number, checkpoint: number] | null {
    const step = this.#timeline?.step;
    if (!step) return null;
    const box = this.#canvas.getBoundingClientRect();
    const checkpoint = Math.floor(((event.clientX - box.left) / box.width) * step.shape[1]!);
    const filter = Math.floor(((event.clientY - box.top) / box.height) * step.shape[0]!);
    const inside = filter >= 0 && filter < step.shape[0]! && checkpoint >= 0 && checkpoint < step.shape[1]!;
    return inside ? [filter, checkpoint] : null;
  }

  #key(event: KeyboardEvent): void {
    const step = this.#timeline?.step;
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !move) return;
    event.preventDefault();
    const within = (value: number, length: number) => Math.min(Math.max(0, value), length - 1);
    const [filter, checkpoint] = this.#at;
    this.#select(
      within(filter + move[0]!, step.shape[0]!),
      within((checkpoint ?? 0) + move[1]!, step.shape[1]!),
    );
  }

  #say(place: readonly [filter: number, checkpoint: number] | null): void {
    const timeline = this.#timeline;
    if (!place || !timeline?.step) {
      setText(
        this.#words,
        "change of the weights since the checkpoint before, in % of them (logarithmic); a row a filter",
      );
      return;
    }
    const [filter, checkpoint] = place;
    const value = valueAt(timeline.step, filter, checkpoint);
    const happened = timeline.events.filter(([at, index]) => at === checkpoint && index === filter);
    const words = happened.map((event) => `, ${event[2]}`).join("");
    const change = Number.isFinite(value) ? `${number(100 * value)} % other than before` : "not known";
    setText(this.#words, `filter ${filter}, ${this.#titles[checkpoint] ?? checkpoint}: ${change}${words}`);
  }
}

export function valueAt({ data, shape }: FloatTensor, filter: number, checkpoint: number): number {
  return data[filter * (shape[1] ?? 0) + checkpoint] ?? Number.NaN;
}
