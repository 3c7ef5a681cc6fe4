/** In the grid, beside each kernel what drives its filter most: drawn over the cells, where their maps stand else. */

import { element } from "../../dom/dom";
import type { Host } from "../../view/host";
import { type BestCrops, type Crop, pixelsOf } from "../../wire/scans";
import type { ByteTensor } from "../../wire/tensor";
import { cropPicture } from "./crop";

/** Filters of one question. */
const AT_ONCE = 32;
const VALUE = "best-crop";

type Known = readonly [crop: Crop, pixels: ByteTensor] | null;

export class BestCropsView {
  readonly #host: Host;
  readonly #ask: (filters: readonly number[]) => void;
  readonly #layer = element("div.fs-best-crops", { "aria-hidden": "true", hidden: true });
  readonly #canvas: HTMLCanvasElement;
  readonly #known = new Map<number, Known>();
  /** Of these, which are of an earlier state of the scan. */
  readonly #stale = new Set<number>();
  /** Of which layer, and of which state of the scan; "" for none. */
  #of = "";
  #chosen = false;
  #offered = false;
  #ratio = 1;
  #placed = "";

  /** `ask`: those of some filters of the layer on screen are wanted. */
  constructor(host: Host, ask: (filters: readonly number[]) => void) {
    this.#host = host;
    this.#ask = ask;
    this.#canvas = host.cells.querySelector("canvas")!;
    host.cells.append(this.#layer);
  }

  /** There is a scan of a layer: `of` tells its states apart; "" where there is none. */
  follow(of: string): void {
    if (of !== "" && !this.#offered) this.#offer(true);
    if (of === this.#of) return;
    const sameLayer = of.split(" ")[0] === this.#of.split(" ")[0];
    this.#of = of;
    if (!sameLayer) this.#known.clear();
    this.#stale.clear();
    for (const filter of this.#known.keys()) this.#stale.add(filter);
    this.#more();
    this.place(true);
  }

  take(answer: BestCrops): void {
    const pixels = pixelsOf(answer);
    let k = 0;
    for (const [place, filter] of answer.filters.entries()) {
      const any = (answer.groups[place]?.count ?? 0) > 0;
      this.#known.set(filter, any ? [answer.crops[k]!, pixels[k]!] : null);
      this.#stale.delete(filter);
      if (any) k += 1;
    }
    this.place(true);
    this.#more();
  }

  layout(ratio: number): void {
    this.#ratio = ratio;
  }

  /** Where the cells are now, as the canvas says. */
  place(anew = false): void {
    this.#layer.hidden = !this.#chosen;
    if (!this.#chosen) return;
    const {
      order = "",
      columns = "1",
      cellWidth = "0",
      cellHeight = "0",
      mapRect = "",
    } = this.#canvas.dataset;
    const places = [order, columns, cellWidth, cellHeight, mapRect, this.#ratio].join();
    if (places === this.#placed && !anew) return;
    this.#placed = places;
    const [x = 0, y = 0, width = 0, height = 0] = mapRect.split(" ").map(Number);
    const nodes: HTMLElement[] = [];
    for (const [place, text] of (order ? order.split(" ") : []).entries()) {
      const known = this.#known.get(Number(text));
      if (!known) continue;
      const node = element("span", { "data-best": text });
      if (!known[0].error) node.append(cropPicture(...known, Math.min(width, height), this.#ratio));
      Object.assign(node.style, {
        left: `${(place % Number(columns)) * Number(cellWidth) + x}px`,
        top: `${Math.floor(place / Number(columns)) * Number(cellHeight) + y}px`,
        width: `${width}px`,
        height: `${height}px`,
      });
      nodes.push(node);
    }
    this.#layer.replaceChildren(...nodes);
  }

  dispose(): void {
    this.#offer(false);
    this.#layer.remove();
  }

  /** What was asked is still to be asked. */
  again(): void {
    this.#more();
  }

  /** The next of those that are not known yet, the first in the grid first. */
  #more(): void {
    if (!this.#chosen || !this.#of) return;
    const order = (this.#canvas.dataset.order ?? "").split(" ").filter(Boolean).map(Number);
    const wanted = order.filter((filter) => !this.#known.has(filter) || this.#stale.has(filter));
    if (wanted.length > 0) this.#ask(wanted.slice(0, AT_ONCE));
  }

  #offer(offered: boolean): void {
    this.#offered = offered;
    const chosen = (now: boolean) => {
      this.#chosen = now;
      this.place(true);
      this.#more();
    };
    this.#host.beside(
      offered
        ? {
            value: VALUE,
            words: "strongest image",
            caption: "what drives each filter most of all images scanned",
            chosen,
          }
        : null,
    );
  }
}
