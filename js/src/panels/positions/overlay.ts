/** A map over the image, each value where it stands there; colours as in the map's own picture, at a stated opacity. */

import { element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import { codesFor } from "../../draw/codes";
import { Raster } from "../../draw/raster";
import type { Host, LargePicture } from "../../view/host";
import { Legend } from "../../view/legend";
import { type Frame, type Range, rangeFor } from "../../wire/frame";
import type { AxisFields, Fields, MapFields, SidePicture } from "../../wire/positions";
import { sides } from "../../wire/tensor";

export type OverlayChoice = "" | "activation" | "effective";

const ENTRIES = [
  ["", "nothing"],
  ["activation", "the activation"],
  ["effective", "effective receptive field"],
] as const;
const OPACITY = 60;
/** The canvas has so many pixels a pixel of the image, so that a map may stand between them. */
const FINEST = 8;
const LARGEST_SIDE = 1024;

export class Overlay {
  choice: OverlayChoice = "";
  readonly #host: Host;
  readonly #canvas = element("canvas.fs-overlay", {
    "data-view": "overlay",
    "aria-hidden": "true",
    hidden: true,
  });
  readonly #choose: Select;
  readonly #opacity = element("input", {
    type: "range",
    name: "opacity",
    min: 0,
    max: 100,
    value: OPACITY,
    "aria-label": "opacity of what is over the image, in percent",
  });
  readonly #percent = element("span.fs-percent");
  readonly #legend = new Legend();
  readonly #note = element("p.fs-note", { "aria-live": "polite" });
  readonly #more: HTMLElement;
  readonly #root: HTMLElement;
  readonly #refusal: string | undefined;
  #frame: Frame | null = null;
  #fields: Fields | null = null;
  #pinned = false;
  #effective: SidePicture | null = null;
  #drawn: readonly unknown[] = [];

  /** `refusal`: why the gradient cannot be had at all. */
  constructor(host: Host, { mount, root }: LargePicture, asked: () => void, refusal?: string) {
    this.#host = host;
    this.#refusal = refusal;
    this.#choose = new Select("overlay", "over it", ENTRIES, "", (value) => {
      this.choice = value as OverlayChoice;
      this.#drawn = [];
      this.#again();
      asked();
    });
    const slider = element(
      "label.fs-choice",
      element("span.fs-name", "opacity"),
      this.#opacity,
      this.#percent,
    );
    this.#more = element("div", { hidden: true }, slider, this.#legend.root, this.#note);
    this.#root = element("div.fs-over-it", this.#choose.root, this.#more);
    on(this.#opacity, "input", () => this.#fade());
    mount.querySelector("canvas")!.after(this.#canvas);
    root.querySelector(".fs-readout")!.after(this.#root);
    this.#fade();
  }

  /** Whether the gradient is wanted. */
  get asks(): boolean {
    return this.choice === "effective" && !this.#refusal;
  }

  /** Called with each picture, and when more is known of it. */
  show(frame: Frame, fields: Fields | null, pinned: boolean): void {
    this.#frame = frame;
    this.#fields = fields;
    this.#pinned = pinned;
    this.#again();
  }

  effective(picture: SidePicture): void {
    this.#effective = picture;
    this.#again();
  }

  /** Another position was pinned: what was drawn is not its. */
  wait(): void {
    this.#effective = null;
    if (this.choice === "effective") this.#hide("Computing the gradient …");
  }

  refuse(sentence: string): void {
    this.#hide(sentence);
  }

  clear(): void {
    this.#frame = null;
    this.#drawn = [];
    this.#canvas.hidden = true;
  }

  dispose(): void {
    this.#canvas.remove();
    this.#root.remove();
  }

  #fade(): void {
    this.#canvas.style.opacity = String(Number(this.#opacity.value) / 100);
    setText(this.#percent, `${this.#opacity.value} %`);
  }

  #again(): void {
    const { choice } = this;
    this.#more.hidden = choice === "";
    const frame = this.#frame;
    if (choice === "" || !frame) {
      this.#canvas.hidden = true;
      this.#drawn = [];
    } else if (choice === "activation") this.#activation(frame);
    else if (this.#refusal) this.#hide(this.#refusal);
    else if (!this.#pinned)
      this.#hide("Pin a position of the response or the activation: click it, or press Enter on it.");
    else if (this.#effective) this.#gradient(frame, this.#effective);
  }

  #activation(frame: Frame): void {
    const { fields, error } = this.#fields ?? { fields: null, error: "" };
    const map = fields?.activation;
    if (!map) this.#hide(error || "Looking where the map stands …");
    else if (map.place) this.#hide(`Not drawn: ${map.place}.`);
    else {
      const range = rangeFor(frame.activations, frame.filter);
      const { height, width } = sides(frame.detail.activation);
      const codes = codesFor(frame.detail.activation, range);
      const [rows, columns] = map.axes.length === 1 ? [null, map.axes[0]!] : map.axes.slice(-2);
      this.#draw([frame, map, this.#host.palettes.choice], frame, range, codes, width, {
        rows: rows ? cellsAlong(rows, map, map.axes.length - 2, height) : [[0, 1]],
        columns: cellsAlong(columns!, map, map.axes.length - 1, width),
      });
      setText(this.#note, "each value where it stands in the image, in the colours of the activation");
    }
  }

  #gradient(frame: Frame, picture: SidePicture): void {
    const { height, width } = sides(picture.tensor);
    const cells = (n: number, of: number) =>
      Array.from(
        { length: n },
        (_, k) => [k * picture.reduced, Math.min(of, (k + 1) * picture.reduced)] as const,
      );
    const [rows, columns] = frame.sample.size;
    const range = picture.ranges[0]!;
    this.#draw([picture, this.#host.palettes.choice], frame, range, codesFor(picture.tensor, range), width, {
      rows: cells(height, rows),
      columns: cells(width, columns),
    });
    const mean = picture.reduced > 1 ? `; means of ${picture.reduced}×${picture.reduced} pixels` : "";
    setText(this.#note, `size of the pinned pre-activation's gradient at each pixel of the image${mean}`);
  }

  #hide(sentence: string): void {
    this.#canvas.hidden = true;
    this.#drawn = [];
    this.#legend.clear();
    setText(this.#note, sentence);
  }

  /** `cells`: from where to where in the image each row and column of the map reaches. */
  #draw(
    what: readonly unknown[],
    frame: Frame,
    range: Range,
    codes: Uint8Array,
    across: number,
    cells: { rows: readonly Cell[]; columns: readonly Cell[] },
  ): void {
    this.#canvas.hidden = false;
    if (what.every((part, k) => part === this.#drawn[k])) return;
    this.#drawn = what;
    const { palettes } = this.#host;
    const [height, width] = frame.sample.size;
    const fine = Math.max(1, Math.min(FINEST, Math.floor(LARGEST_SIDE / Math.max(height, width))));
    const scale = Math.min(fine, LARGEST_SIDE / Math.max(height, width));
    const raster = new Raster(Math.ceil(width * scale), Math.ceil(height * scale));
    const rows = indices(cells.rows, raster.height, height);
    const columns = indices(cells.columns, raster.width, width);
    const lookup = palettes.lookup(range.signed);
    for (let y = 0; y < raster.height; y++) {
      const row = rows[y]!;
      if (row < 0) continue;
      for (let x = 0; x < raster.width; x++) {
        const column = columns[x]!;
        if (column >= 0) raster.words[y * raster.width + x] = lookup[codes[row * across + column]!]!;
      }
    }
    raster.show(this.#canvas);
    this.#legend.paint(range, palettes.nameFor(range.signed));
  }
}

type Cell = readonly [from: number, to: number];

/** Each value reaches halfway to its neighbours; alone it stands for all that it sees. */
function cellsAlong(
  { centres, inside }: AxisFields,
  { shape }: MapFields,
  axis: number,
  drawn: number,
): Cell[] {
  const at = centres?.data ?? new Float32Array();
  const n = Math.min(shape[axis] ?? drawn, drawn);
  return Array.from({ length: n }, (_, k): Cell => {
    if (n === 1) return [inside.data[0]!, inside.data[1]!];
    const before = k > 0 ? at[k]! - at[k - 1]! : at[1]! - at[0]!;
    const after = k < n - 1 ? at[k + 1]! - at[k]! : before;
    return [at[k]! - before / 2, at[k]! + after / 2];
  });
}

/** For each pixel of a canvas of so many along an axis, the cell that its middle lies in; −1 for none. */
function indices(cells: readonly Cell[], pixels: number, size: number): Int32Array {
  const cellAt = new Int32Array(pixels).fill(-1);
  for (const [k, [from, to]] of cells.entries()) {
    if (!(from < to)) continue;
    const first = Math.max(0, Math.ceil((from / size) * pixels - 0.5));
    const end = Math.min(pixels, Math.ceil((to / size) * pixels - 0.5));
    cellAt.fill(k, first, Math.max(first, end));
  }
  return cellAt;
}
