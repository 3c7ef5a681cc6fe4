/** The whole layer at once: every filter's kernel and map on one canvas, of which only what is in view is drawn. */

import { attribute, element, on, setText } from "../../dom/dom";
import { hasModifier, keyTarget } from "../../dom/keys";
import { Select } from "../../dom/select";
import {
  GRID_HEIGHT,
  type GridContent,
  type GridGeometry,
  gridGeometry,
  mosaicOf,
  PAD,
  type Rect,
} from "../../draw/layout";
import type { Palettes } from "../../draw/palette";
import { number } from "../../text/format";
import { type Frame, MAP_NAMES, type MapName, type Picture, pictureOf } from "../../wire/frame";
import { sides } from "../../wire/tensor";
import type { GridBeside } from "../host";
import { kernelsAreSummed } from "../kernel";
import { FilterOrder } from "./order";
import { GridPainter } from "./painter";

/** A cell so wide has room for a number of six characters beside its filter's and a badge. */
const LABELLED_FROM = 140;

export class GridView {
  readonly #title = element("h3.fs-title");
  readonly #caption = element("p.fs-note");
  readonly #canvas = element("canvas", {
    "data-view": "grid",
    tabindex: 0,
    role: "slider",
    "aria-valuenow": 0,
    "aria-label": "filters of the layer: arrow keys move, Enter selects",
  });
  readonly extent = element("div.fs-extent", this.#canvas);
  readonly #scroller = element("div.fs-scroller", this.extent);
  readonly #pick: (filter: number) => void;
  readonly #painter: GridPainter;
  readonly order = new FilterOrder(() => this.#place());
  readonly root: HTMLElement;
  /** Called after cells were given their places. */
  placed: () => void = () => {};

  #frame: Frame | null = null;
  /** Which filter stands at each place. */
  #places: readonly number[] = [];
  #geometry: GridGeometry | null = null;
  #map: MapName = MAP_NAMES[0];
  readonly #maps: readonly (readonly [value: string, title: string])[];
  readonly #select: Select;
  #offered: GridBeside | null = null;
  /** What stands there in place of the map. */
  #beside: GridBeside | null = null;
  #cursor = 0;
  #focused = false;
  #width = 700;
  #ratio = 1;

  /** `maps`: which can stand beside the kernels, the first to begin with. */
  constructor(
    palettes: Palettes,
    maps: readonly (readonly [name: MapName, title: string])[],
    pick: (filter: number) => void,
  ) {
    this.#pick = pick;
    this.#painter = new GridPainter(this.#canvas, palettes);
    this.#maps = maps;
    this.#select = new Select("grid-map", "beside each kernel", maps, "", () => this.#choose());
    const choices = element("div.fs-choices", this.order.root, this.#select.root);
    const head = element("div.fs-head", this.#title, choices, this.#caption, this.order.line);
    this.root = element("section.fs-grid", head, this.#scroller);
    this.#listen();
  }

  /** What else can stand beside the kernels. */
  offerBeside(entry: GridBeside | null): void {
    const { value } = this.#select;
    this.#offered = entry;
    this.#select.offer(entry ? [...this.#maps, [entry.value, entry.words]] : this.#maps);
    if (value !== this.#beside?.value) this.#select.show(value);
    this.#choose();
  }

  /** The map keeps its room where something else takes its place: cells stay where they are. */
  #choose(): void {
    const { value } = this.#select;
    const before = this.#beside;
    this.#beside = value === this.#offered?.value ? this.#offered : null;
    if (!this.#beside) this.#map = value as MapName;
    before?.chosen(false);
    this.#beside?.chosen(true);
    this.#place();
  }

  layout(width: number, ratio: number): void {
    const moved = this.#width !== width;
    this.#width = width;
    this.#ratio = ratio;
    this.#place();
    if (moved && this.#frame) this.#reveal(this.#frame.filter); // other columns: the filter stands elsewhere now
  }

  paint(frame: Frame, layerName: string): void {
    const before = this.#frame;
    this.#frame = frame;
    const filters = frame.kernels.tensor.shape[0] ?? 0;
    setText(this.#title, `${layerName}: all ${filters} filters`);
    const moved = before?.layer !== frame.layer || before.filter !== frame.filter;
    if (moved) this.#cursor = frame.filter;
    this.#place();
    if (moved) this.#reveal(frame.filter);
  }

  clear(): void {
    this.#frame = null;
    this.#canvas.getContext("2d")?.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    setText(this.#title, "all filters");
    setText(this.#caption, "");
  }

  /** Draws what is in view; also called when the host changes its theme. */
  draw(): void {
    const frame = this.#frame;
    const geometry = this.#geometry;
    if (!frame || !geometry) return;
    const top = this.#scroller.scrollTop;
    this.#canvas.dataset.scroll = String(top);
    const cursor = this.#focused ? this.#cursor : null;
    this.#painter.draw(
      {
        kernels: frame.kernels,
        maps: this.#beside ? null : this.#picture(frame),
        order: this.#places,
        selected: frame.filter,
        labels: this.#labels(geometry),
        cursor,
      },
      { geometry, top, ratio: this.#ratio },
    );
  }

  /** Beside the numbers of the filters, where cells are wide enough. */
  #labels({ filled }: GridGeometry): readonly string[] | null {
    return filled >= LABELLED_FROM ? this.order.labels : null;
  }

  #picture(frame: Frame): Picture {
    return pictureOf(frame, this.#map);
  }

  #content(frame: Frame): GridContent {
    const [, n = 1, height = 1, width = 1] = frame.kernels.tensor.shape;
    return {
      filters: this.#places.length,
      kernel: mosaicOf(n, width, height),
      map: sides(this.#picture(frame).tensor),
    };
  }

  #place(): void {
    const frame = this.#frame;
    const ratio = this.#ratio;
    if (!frame) return;
    this.#places = this.order.of(frame);
    const content = this.#content(frame);
    const room = this.#width + 2 * PAD; // the outlines of cells stand out, so that tiles align with what is above
    const geometry = gridGeometry(content, room, ratio);
    this.#geometry = geometry;
    const width = (geometry.columns - 1) * geometry.cellWidth + geometry.filled;
    const height = geometry.rows * geometry.cellHeight;
    const seen = Math.min(height, GRID_HEIGHT);
    this.#scroller.style.maxHeight = `${GRID_HEIGHT}px`;
    this.extent.style.height = `${height}px`;
    this.extent.style.width = `${width}px`;
    this.#resizeCanvas(width, seen);
    const rect = ({ x, y, width: w, height: h }: Rect) => [x, y, w, h].join(" ");
    Object.assign(this.#canvas.dataset, {
      filters: content.filters,
      order: this.#places.join(" "),
      labels: this.#labels(geometry) !== null,
      columns: geometry.columns,
      cellWidth: geometry.cellWidth,
      cellHeight: geometry.cellHeight,
      kernelRect: rect(geometry.kernel),
      mapRect: rect(geometry.map),
    });
    this.#say(frame, geometry);
    this.draw();
    this.placed();
  }

  #resizeCanvas(width: number, height: number): void {
    const device = (size: number) => Math.round(size * this.#ratio);
    if (this.#canvas.width !== device(width)) this.#canvas.width = device(width);
    if (this.#canvas.height !== device(height)) this.#canvas.height = device(height);
    this.#canvas.style.width = `${device(width) / this.#ratio}px`;
    this.#canvas.style.height = `${device(height) / this.#ratio}px`;
  }

  #say(frame: Frame, geometry: GridGeometry): void {
    const picture = this.#picture(frame);
    const range = picture.ranges.length > 1 ? null : picture.ranges[0];
    const scale = range
      ? `on one scale for the layer, ${number(range.low)} … ${number(range.high)}`
      : "each on its own scale: not comparable with its neighbours";
    const reduced =
      picture.reduced > 1 ? `; one pixel stands for ${picture.reduced}×${picture.reduced} values` : "";
    const summed = kernelsAreSummed(frame) ? "; kernels as root mean square over their channels" : "";
    setText(
      this.#caption,
      this.#beside
        ? `kernel and ${this.#beside.caption}${summed}`
        : `kernel and ${this.#map}, ${scale}${reduced}${summed}`,
    );
    this.order.say(frame.filter, this.#labels(geometry) !== null);
    attribute(this.#canvas, "aria-valuemax", Math.max(...this.#places));
    this.#sayCursor();
  }

  #sayCursor(): void {
    const selected = this.#cursor === this.#frame?.filter ? ", selected" : "";
    attribute(this.#canvas, "aria-valuenow", this.#cursor);
    attribute(
      this.#canvas,
      "aria-valuetext",
      `filter ${this.#cursor}${selected}${this.order.wordsFor(this.#cursor)}`,
    );
  }

  #reveal(filter: number): void {
    const place = this.#places.indexOf(filter);
    if (!this.#geometry || place < 0) return;
    const { columns, cellHeight } = this.#geometry;
    const upper = Math.floor(place / columns) * cellHeight;
    const { scrollTop } = this.#scroller;
    const seen = this.#canvas.height / this.#ratio;
    if (upper < scrollTop) this.#scroller.scrollTop = upper;
    else if (upper + cellHeight > scrollTop + seen) this.#scroller.scrollTop = upper + cellHeight - seen;
    if (this.#scroller.scrollTop !== scrollTop) this.draw();
  }

  #listen(): void {
    on(this.#scroller, "scroll", () => this.draw());
    on(this.#canvas, "click", (event) => this.#click(event));
    on(this.#canvas, "keydown", (event) => this.#key(event));
    const focus = (focused: boolean) => () => {
      this.#focused = focused;
      this.draw();
    };
    on(this.#canvas, "focus", focus(true));
    on(this.#canvas, "blur", focus(false));
  }

  #click(event: MouseEvent): void {
    if (!this.#geometry) return;
    const { columns, cellWidth, cellHeight } = this.#geometry;
    const column = Math.floor(event.offsetX / cellWidth);
    const row = Math.floor((event.offsetY + this.#scroller.scrollTop) / cellHeight);
    const filter = this.#places[row * columns + column];
    if (column >= columns || filter === undefined) return;
    this.#moveCursor(filter);
    this.#pick(filter);
  }

  #key(event: KeyboardEvent): void {
    if (hasModifier(event) || !this.#frame || !this.#geometry) return;
    const { columns, cellHeight } = this.#geometry;
    const jump = Math.max(1, Math.floor(GRID_HEIGHT / cellHeight)) * columns;
    const place = Math.max(0, this.#places.indexOf(this.#cursor));
    const target = keyTarget(event.key, place, { columns, jump }, this.#places.length);
    if (target !== null) this.#moveCursor(this.#places[target]!);
    else if (event.key === "Enter" || event.key === " ") this.#pick(this.#cursor);
    else return;
    event.preventDefault();
  }

  #moveCursor(filter: number): void {
    this.#cursor = filter;
    this.#sayCursor();
    this.draw();
    this.#reveal(filter);
  }
}
