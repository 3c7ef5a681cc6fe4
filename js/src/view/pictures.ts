/** All that a frame paints: the large pictures, the grid, and between them the places of the page's second module. */

import { element } from "../dom/dom";
import type { Palettes } from "../draw/palette";
import type { Selection } from "../state/selection";
import { type Frame, MAP_NAMES, type MapName } from "../wire/frame";
import { GridView } from "./grid/grid";
import type { Host } from "./host";
import { ImageView } from "./image";
import { KernelView } from "./kernel";
import { agreementInWords, MapView, type MapWords } from "./map";
import { PanelsSlot } from "./panels_slot";

/** Each map among the large pictures and in the grid: what it is called, and what it says of itself. */
const MAPS: Readonly<Record<MapName, MapWords>> = {
  response: { title: "response", note: agreementInWords },
  activation: { title: "activation", note: () => "" },
};

export interface PictureActions {
  select(change: Partial<Selection>): void;
  /** Which channel of the image is drawn, where they cannot be drawn together. */
  plane(plane: number | null): void;
}

export class Pictures {
  readonly slot = new PanelsSlot();
  readonly nodes: readonly HTMLElement[];
  /** What the second module is given of them. */
  readonly places: Pick<Host, "palettes" | "pictures" | "below" | "cells" | "order" | "beside">;
  readonly #grid: GridView;
  readonly #large: readonly (ImageView | KernelView | MapView)[];
  readonly #views: readonly (ImageView | KernelView | MapView | GridView)[];

  constructor(palettes: Palettes, { select, plane }: PictureActions) {
    const { below, end } = this.slot;
    const large = [
      new ImageView(plane),
      new KernelView(palettes, (channel) => select({ channel })),
      ...MAP_NAMES.map((name) => new MapView(name, MAPS[name], palettes)),
    ];
    const titles = MAP_NAMES.map((name) => [name, MAPS[name].title] as const);
    const grid = new GridView(palettes, titles, (filter) => select({ filter }));
    const row = element("div.fs-pictures", ...large.map((view) => view.root));
    this.nodes = [row, below, grid.root, end];
    this.places = {
      palettes,
      pictures: large.map((view) => view.picture),
      below,
      cells: grid.extent,
      order: grid.order,
      beside: (entry) => grid.offerBeside(entry),
    };
    grid.placed = () => this.slot.panels?.placed();
    this.#grid = grid;
    this.#large = large;
    this.#views = [...large, grid];
    for (const view of this.#views) view.clear();
  }

  paint(frame: Frame, layerName: string): void {
    for (const view of this.#views) view.paint(frame, layerName);
    this.slot.panels?.painted(frame, layerName);
  }

  /** So that none stands under another's label. */
  clear(): void {
    for (const view of this.#views) view.clear();
    this.slot.panels?.cleared();
  }

  /** Nothing is drawn any more: panels that go now change the order of the grid. */
  end(): void {
    this.#grid.clear();
  }

  themed(): void {
    this.#grid.draw();
  }

  /** The width of the view's inside in CSS pixels, and device pixels per CSS pixel; what the style sheet goes by is said at the root. */
  layout(root: HTMLElement, width: number, ratio: number): void {
    const wide = width >= 1240;
    const all = this.#large.length;
    const columns = wide ? all + 1 : width >= 600 ? all : width >= 320 ? 2 : 1; // wide: beside the image its prediction
    const gap = width >= 600 ? 20 : 14;
    const box = Math.floor(Math.min(wide ? 300 : 260, (width - (columns - 1) * gap) / columns));
    root.dataset.size = wide ? "wide" : width >= 600 ? "medium" : "narrow";
    root.dataset.pictures = box < 190 ? "small" : "large";
    root.style.setProperty("--fs-picture", `${box}px`);
    root.style.setProperty("--fs-gap", `${gap}px`);
    for (const view of this.#views) view.layout(view === this.#grid ? width : box, ratio);
    this.slot.layout(width, ratio);
  }
}
