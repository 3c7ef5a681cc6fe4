/** What is known of the selected filter: first in plain words, below each part its evidence and the numbers. */

import { attribute, element, setText } from "../../dom/dom";
import type { Palettes } from "../../draw/palette";
import type { FloatTensor } from "../../wire/tensor";
import type { ClassRises, Verdict } from "../../wire/verdicts";
import { MARKS } from "./axes";
import { chancePicture, classBars, kernelPicture, MOST_CLASSES } from "./evidence";
import {
  firesInWords,
  intervalsInWords,
  looksInWords,
  signed,
  startInWords,
  structureInWords,
  trainingInWords,
  useInWords,
} from "./words";

export class VerdictCard {
  readonly #title = element("h3.fs-title");
  readonly #words = element("p.fs-plain");
  readonly #columns = element("div.fs-columns");
  readonly root: HTMLElement;
  readonly #palettes: Palettes;
  #shown: Verdict | null = null;
  #layerName = "";

  /** `aside`: what stands in the last column. */
  constructor(palettes: Palettes, id: string, aside: HTMLElement | string) {
    this.#palettes = palettes;
    const body = element("div.fs-evidence", this.#columns, aside);
    this.root = element(
      "section.fs-card",
      { id, "aria-label": "evidence", hidden: true },
      this.#title,
      this.#words,
      body,
    );
  }

  get shown(): Verdict | null {
    return this.#shown;
  }

  paint(verdict: Verdict | null, layerName: string, waiting = ""): void {
    this.#shown = verdict;
    this.#layerName = layerName;
    attribute(this.root, "data-shown", verdict ? `${verdict.layer} ${verdict.filter} ${verdict.number}` : "");
    setText(this.#title, verdict ? `${layerName}, filter ${verdict.filter}` : waiting);
    setText(this.#words, verdict?.words ?? "");
    this.#columns.replaceChildren(...(verdict ? this.#parts(verdict) : []));
  }

  /** The palettes are others. */
  redraw(): void {
    if (this.#shown) this.paint(this.#shown, this.#layerName);
  }

  #parts(verdict: Verdict): HTMLElement[] {
    return [this.#looks(verdict), this.#structure(verdict), this.#use(verdict)];
  }

  #looks({ verdict: row, looks, kernel, partner, filter }: Verdict): HTMLElement {
    const pictures = element("div.fs-smalls");
    const picture = (tensor: FloatTensor, words: string) => kernelPicture(tensor, this.#palettes, words);
    if (looks)
      pictures.append(picture(looks.pattern, "its pattern"), picture(looks.template, `as ${row.template}`));
    else if (kernel) pictures.append(picture(kernel, "its kernel"));
    const parts: (HTMLElement | string)[] = [pictures];
    if (looks) parts.push(chancePicture(looks.chance, { what: "match of random kernels", alike: "" }));
    parts.push(element("p.fs-note", looksInWords(row)));
    if (partner && kernel) {
      const both = element(
        "div.fs-smalls",
        picture(kernel, `filter ${filter}`),
        picture(partner.kernel, `filter ${partner.filter}`),
      );
      const cost =
        row.merge_cost === null ? "" : `; one for both changes the loss by ${signed(row.merge_cost)} nats`;
      const words =
        row.duplicate_of === null
          ? `Its weights are those of filter ${partner.filter} turned negative.`
          : `Duplicate of filter ${partner.filter}: correlation ${(row.correlation ?? 0).toFixed(3)}${cost}.`;
      parts.push(both, element("p.fs-note", words));
    }
    return column("What does it look for?", ...parts);
  }

  #structure({ verdict: row, structure_chance: chance }: Verdict): HTMLElement {
    const parts: HTMLElement[] = [];
    const names = { what: "noise score of random filters", alike: "like this layer's" };
    if (chance)
      parts.push(
        chancePicture(chance, names),
        element("p.fs-note", "noise score: the further left, the less like noise"),
      );
    const notes = [structureInWords, trainingInWords, startInWords, firesInWords].map((words) => words(row));
    parts.push(...notes.filter(Boolean).map((words) => element("p.fs-note", words)));
    return column("Learned, or chance?", ...parts);
  }

  #use({ verdict: row, classes, class_rise }: Verdict): HTMLElement {
    const words = element("p.fs-note", `${MARKS[row.use]} ${useInWords(row)}`.trim());
    const bars = class_rise ? byClass(class_rise, classes, row.labelled ? "loss" : "output") : [];
    return column("Does the net need it?", words, ...bars);
  }
}

/** The classes that change most, with what is said of their intervals below them. */
function byClass(
  { value, low, high, fewest }: ClassRises,
  classes: readonly string[],
  what: string,
): HTMLElement[] {
  const seen = Array.from(value.data, (rise, k) => ({
    name: classes[k] ?? String(k),
    value: rise,
    low: low.data[k]!,
    high: high.data[k]!,
  })).filter((bar) => Number.isFinite(bar.value));
  const kept = seen
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value))
    .slice(0, MOST_CLASSES)
    .sort((a, b) => b.value - a.value);
  const words = `change of the ${what} without it, by class`;
  const most = seen.length > kept.length ? `; the ${kept.length} largest` : "";
  return [classBars(kept, words), element("p.fs-note", words + most + intervalsInWords(kept, fewest))];
}

export function column(title: string, ...parts: (HTMLElement | string)[]): HTMLElement {
  return element("div.fs-question", element("h4", title), ...parts);
}
