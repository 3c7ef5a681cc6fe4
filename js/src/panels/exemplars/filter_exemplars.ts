/** What drives the selected filter: a wall of crops, how its maxima are distributed, and where it fires. */

import { attribute, element, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Palettes } from "../../draw/palette";
import type { Bar, Crop, Distribution, Exemplars, Kind } from "../../wire/scans";
import { DistributionView } from "./distribution";
import { MeanMap } from "./mean_map";
import { Wall } from "./wall";
import { KINDS, kindInWords, summaryInWords } from "./words";

const ENTRIES = KINDS.map(([kind, words]) => [kind, words] as const);
const ALL: Bar = { bin: 0, label: null };

/** What a person does: chooses which images, points at a bar (a click keeps it), wants to see one. */
export interface Doings {
  readonly chosen: () => void;
  readonly pointed: (kept: boolean) => void;
  readonly visit: (crop: Crop) => void;
}

export class FilterExemplars {
  readonly #title = element("h3.fs-title");
  readonly #summary = element("p.fs-drives");
  readonly #choose: Select;
  readonly #what = element("p.fs-note.fs-what");
  readonly #wall: Wall;
  readonly #distribution: DistributionView;
  readonly #palettes: Palettes;
  readonly #map: MeanMap;
  readonly #body: HTMLElement;
  readonly nodes: readonly HTMLElement[];
  /** The bar that is looked at, in place of what is chosen. */
  #at: Bar | null = null;
  #shown: Exemplars | null = null;
  #ratio = 1;
  #palette = "";

  /** `saved`: in a saved page bars are read only: there would be too many images to save. */
  constructor(palettes: Palettes, { chosen, pointed, visit }: Doings, saved: boolean) {
    this.#palettes = palettes;
    this.#map = new MeanMap(palettes);
    this.#wall = new Wall(visit);
    this.#distribution = new DistributionView(
      (place, kept) => {
        if (saved) return;
        const row = place && this.#distribution.distribution?.rows[place.row];
        this.#at = place && row ? { bin: place.bin, label: row.label } : null;
        pointed(kept);
      },
      saved ? "Point at a bar to read it." : "Point at a bar to see its images; a click keeps them.",
    );
    this.#choose = new Select("exemplars-kind", "show", ENTRIES, "Which images of the data set", () => {
      this.#at = null;
      this.#distribution.release();
      chosen();
    });
    const side = element(
      "div.fs-exemplar-side",
      element("div", element("h4.fs-title", "Its maximum in each image"), this.#distribution.root),
      this.#map.root,
    );
    const wall = element(
      "div.fs-exemplar-wall",
      element("div.fs-choices", this.#choose.root),
      this.#what,
      this.#wall.root,
    );
    this.#body = element("div.fs-exemplar-body", { hidden: true }, wall, side);
    this.nodes = [this.#title, this.#summary, this.#body];
  }

  /** Which exemplars the wall is to have. */
  get asked(): Bar & { readonly kind: Kind } {
    return { kind: this.#at ? "bin" : (this.#choose.value as Kind), ...(this.#at ?? ALL) };
  }

  /** Another filter is selected: no bar is looked at. */
  release(): void {
    if (this.#at) this.#distribution.release();
    this.#at = null;
  }

  /** There is nothing of this filter. */
  empty(title: string, why: string): void {
    this.#body.hidden = true;
    setText(this.#title, title);
    setText(this.#summary, why);
  }

  paintWall(exemplars: Exemplars): void {
    this.#shown = exemplars;
    const what = kindInWords(exemplars.kind, exemplars, this.#distribution.distribution);
    setText(this.#what, what);
    this.#wall.paint(exemplars, what, this.#ratio);
  }

  /** `image`: the one on screen, by its index in the data set. */
  mark(image: number): void {
    this.#wall.mark(image);
  }

  /** `earlier`: of weights or data that are no longer these. */
  paintDistribution(distribution: Distribution, layerName: string, earlier: boolean): void {
    this.#body.hidden = false;
    setText(this.#title, `${layerName}, filter ${distribution.filter}: the images that drive it`);
    setText(this.#summary, `${summaryInWords(distribution)}${earlier ? " Of earlier weights or data." : ""}`);
    this.#distribution.paint(distribution);
    this.#paintMap();
  }

  /** The palette may be another one. */
  recolour(): void {
    if (this.#palette !== this.#palettes.choice) this.#paintMap();
  }

  layout(ratio: number): void {
    this.#ratio = ratio;
    this.#paintMap();
    if (this.#shown) this.paintWall(this.#shown);
  }

  say(message: string): void {
    this.#shown = null;
    this.#wall.say(message);
    attribute(this.#body, "data-current", true);
  }

  /** What is on the wall is this filter's, or it is drawn fainter. */
  settle(layer: number, filter: number): void {
    const shown = this.#shown;
    attribute(this.#body, "data-current", !shown || (shown.layer === layer && shown.filter === filter));
  }

  #paintMap(): void {
    this.#palette = this.#palettes.choice;
    const distribution = this.#distribution.distribution;
    if (distribution) this.#map.paint(distribution.mean_map, distribution.why, this.#ratio);
  }
}
