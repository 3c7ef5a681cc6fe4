/** A badge over each cell of the grid, beside its number: a letter in a shape, and a mark with a word. */

import { attribute, element, on } from "../../dom/dom";
import { NUMBER_HEIGHT, PAD } from "../../draw/layout";
import type { Badge } from "../../wire/verdicts";
import { AXES, badgeInWords, chip, LETTERS } from "./axes";

/** Beside the widest number. */
const NUMBER_WIDTH = 26;
/** What the filters are sorted by stands at the right end. */
const LABEL_WIDTH = 44;

export class VerdictBadges {
  readonly #layer = element("div.fs-badges", { "aria-hidden": "true" });
  readonly #canvas: HTMLCanvasElement;
  #badges: readonly Badge[] = [];
  #leftOut: ReadonlySet<number> = new Set();
  /** Where they stand; "" where they are to be made anew. */
  #placed = "";

  constructor(cells: HTMLElement) {
    this.#canvas = cells.querySelector("canvas")!;
    cells.append(this.#layer);
    // After the grid itself has heard of it.
    on(this.#canvas, "keydown", this.#say);
    on(this.#canvas, "click", this.#say);
  }

  /** `earlier`: of weights that the net no longer has. `leftOut`: filters that are left out for now. */
  show(badges: readonly Badge[], earlier: boolean, leftOut: ReadonlySet<number>): void {
    this.#badges = badges;
    this.#leftOut = leftOut;
    this.#layer.classList.toggle("fs-earlier", earlier);
    this.#placed = "";
    this.place();
  }

  /** What the grid says of the filter at its cursor, and the verdict on it. */
  readonly #say = (): void => {
    const badge = this.#badges[Number(this.#canvas.ariaValueNow)];
    const filter = (this.#canvas.ariaValueText ?? "").split("; ")[0]!;
    attribute(this.#canvas, "aria-valuetext", badge ? `${filter}; ${badgeInWords(badge)}` : filter);
  };

  /** Where the cells are now, as the canvas says. */
  place(): void {
    this.#say();
    const {
      order = "",
      filters = "0",
      columns = "1",
      cellWidth = "0",
      cellHeight = "0",
      labels = "",
    } = this.#canvas.dataset;
    // The grid says so at every step of a slider: only other places are worth the work.
    const places = [order, filters, columns, cellWidth, cellHeight, labels].join();
    if (places === this.#placed) return;
    this.#placed = places;
    const room = Number(cellWidth) - PAD - NUMBER_WIDTH - (labels === "true" ? LABEL_WIDTH : 0);
    const any = this.#badges.length > 0 || this.#leftOut.size > 0;
    const shown = order && any ? order.split(" ").map(Number) : [];
    const nodes = shown.map((filter, place) => {
      const node = this.#node(filter);
      const column = place % Number(columns);
      const row = Math.floor(place / Number(columns));
      node.style.left = `${column * Number(cellWidth) + PAD + NUMBER_WIDTH}px`;
      node.style.top = `${row * Number(cellHeight)}px`;
      node.style.height = `${NUMBER_HEIGHT}px`;
      node.style.maxWidth = `${room}px`;
      return node;
    });
    this.#layer.replaceChildren(...nodes);
  }

  #node(filter: number): HTMLElement {
    const badge = this.#badges[filter];
    const node = element("div.fs-badge", { "data-badge": filter });
    if (badge) {
      for (const { attribute: name } of AXES) if (name) node.dataset[name] = badge[name];
      node.append(element("b", LETTERS[badge.structure]), element("span", chip(badge)));
    }
    if (this.#leftOut.has(filter)) node.append(element("i", "left out"));
    return node;
  }

  dispose(): void {
    this.#canvas.removeEventListener("keydown", this.#say);
    this.#canvas.removeEventListener("click", this.#say);
    this.#layer.remove();
  }
}
