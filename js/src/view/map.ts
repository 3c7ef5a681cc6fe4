/**
 * From a map's values to the pixels of its canvas, where their way ends. A map of the selected filter is the filter2D
 * response, or the network's own activation.
 */

import { codesFor, valueInWords } from "../draw/codes";
import type { Palettes } from "../draw/palette";
import { Raster } from "../draw/raster";
import { number } from "../text/format";
import { type Frame, type MapName, pictureOf, rangeFor } from "../wire/frame";
import { type Summary, sides, summaryOf } from "../wire/tensor";
import { contentInWords, Legend, warningInWords } from "./legend";
import { PictureBox, pixelInWords } from "./picture";

/** What a map says of itself besides the frame's note; empty where that is nothing. */
export type MapNote = (frame: Frame, summary: Summary) => string;

export interface MapWords {
  readonly title: string;
  readonly note: MapNote;
}

export class MapView {
  readonly #name: MapName;
  readonly #words: MapWords;
  readonly #palettes: Palettes;
  readonly #legend = new Legend();
  readonly picture: PictureBox;
  readonly root: HTMLElement;

  constructor(name: MapName, words: MapWords, palettes: Palettes) {
    this.#name = name;
    this.#palettes = palettes;
    this.#words = words;
    this.picture = new PictureBox(name, [this.#legend.root]);
    this.root = this.picture.root;
  }

  layout(box: number, ratio: number): void {
    this.picture.layout(box, ratio);
  }

  paint(frame: Frame): void {
    const tensor = frame.detail[this.#name];
    const range = rangeFor(pictureOf(frame, this.#name), frame.filter);
    const { width, height } = sides(tensor);
    const raster = new Raster(width, height);
    raster.put(codesFor(tensor, range), 0, width, height, this.#palettes.lookup(range.signed));
    raster.show(this.picture.canvas);
    this.#legend.paint(range, this.#palettes.nameFor(range.signed));
    const summary = summaryOf(tensor);
    const words = {
      title: this.#words.title,
      which: ` · filter ${frame.filter}`,
      size: `${height}×${width}`,
      content: contentInWords(summary),
      notes: [frame.notes[this.#name], this.#words.note(frame, summary)],
      warning: warningInWords(range, summary, frame.scale),
    };
    this.picture.paint(words, (row, column) => ({
      where: pixelInWords(row, column),
      value: valueInWords(tensor, row * width + column, range),
    }));
  }

  clear(): void {
    this.picture.clear(this.#words.title);
    this.#legend.clear();
  }
}

/** The proof that this is what the net computes, where the frame carries one. */
export function agreementInWords({ agreement, filter }: Frame): string {
  if (!agreement) return "";
  const bias = agreement.bias.data[filter]!;
  const difference = agreement.difference.data[filter]!;
  const sum = bias === 0 ? "response" : `response + bias ${bias < 0 ? `(${number(bias)})` : number(bias)}`;
  if (!Number.isFinite(difference))
    return `${sum} and the net's pre-activation: values that are not finite cannot be compared`;
  return difference <= agreement.rounding.data[filter]!
    ? `${sum} = the net's pre-activation (largest difference ${number(difference)}${agreement.dtype === "float32" ? "" : `, in ${agreement.dtype}`})`
    : `${sum} differs from the net's pre-activation by up to ${number(difference)}`;
}
