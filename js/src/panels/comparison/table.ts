/** A layer's filters in two nets, those first that changed most; a click selects one. */

import { attribute, element, on, setText } from "../../dom/dom";
import type { ComparedFilter } from "../../wire/comparison";
import { cellsInWords } from "./words";

const FEW = 10;
const HEADS = [
  ["a", "The filter of net a"],
  ["b", "The filter of net b that goes up and down with it"],
  ["correlation", "Of what both compute before the activation function, over images and positions"],
  ["distance", "Of the weights, as a share of a's"],
  ["damage", "How far a's scores go when this filter alone gets b's weights, to first order"],
] as const;

export class ComparedFilters {
  readonly #pick: (filter: number) => void;
  readonly #rows = element("tbody");
  readonly #more = element("button.fs-wide", { type: "button", name: "all-compared" });
  readonly root = element(
    "div.fs-compared-filters",
    element(
      "table",
      element(
        "thead",
        element("tr", ...HEADS.map(([name, title]) => element("th", { title, scope: "col" }, name))),
      ),
      this.#rows,
    ),
    this.#more,
  );
  #filters: readonly ComparedFilter[] = [];
  #selected = 0;
  #all = false;

  constructor(pick: (filter: number) => void) {
    this.#pick = pick;
    on(this.#more, "click", () => {
      this.#all = !this.#all;
      this.#show();
    });
  }

  paint(filters: readonly ComparedFilter[]): void {
    this.#filters = filters;
    this.#show();
  }

  mark(filter: number): void {
    this.#selected = filter;
    for (const row of this.#rows.rows) attribute(row, "aria-current", row.dataset.filter === String(filter));
  }

  #show(): void {
    const filters = this.#filters;
    const shown = this.#all ? filters : filters.slice(0, FEW);
    this.#rows.replaceChildren(...shown.map((filter) => this.#row(filter)));
    this.#more.hidden = filters.length <= FEW;
    setText(this.#more, this.#all ? `The ${FEW} that changed most` : `All ${filters.length} filters`);
    this.mark(this.#selected);
  }

  #row(compared: ComparedFilter): HTMLTableRowElement {
    const pick = element("button", { type: "button" }, String(compared.filter));
    on(pick, "click", () => this.#pick(compared.filter));
    const row = element("tr", element("th", { scope: "row" }, pick));
    row.dataset.filter = String(compared.filter);
    for (const words of cellsInWords(compared)) row.append(element("td", words));
    return row;
  }
}
