/** A map of the selected filter: the filter2D response, or the network's own activation. */

import { codesOf } from "./codes";
import { number } from "./format";
import { contentInWords, Legend, warningInWords } from "./legend";
import type { Palettes } from "./palette";
import { PictureBox, pointInWords } from "./picture";
import type { Frame, Picture, Range } from "./protocol";
import { Raster } from "./raster";
import { sides, summarize } from "./tensor";

/** One range for the layer, or each filter's own. */
export function rangeOf(picture: Picture, filter: number): Range {
  const range = picture.ranges.length > 1 ? picture.ranges[filter] : picture.ranges[0];
  if (!range) throw new Error("A picture came without a range.");
  return range;
}

export class MapView {
  private readonly legend = new Legend();
  private readonly picture: PictureBox;
  readonly root: HTMLElement;

  constructor(
    private readonly view: "response" | "activation",
    private readonly palettes: Palettes,
  ) {
    this.picture = new PictureBox(view, [this.legend.root]);
    this.root = this.picture.root;
  }

  layout(box: number, ratio: number): void {
    this.picture.layout(box, ratio);
  }

  paint(frame: Frame): void {
    const tensor = frame.detail[this.view];
    const range = rangeOf(this.view === "response" ? frame.responses : frame.activations, frame.filter);
    const { width, height } = sides(tensor);
    const raster = new Raster(width, height);
    raster.put(
      codesOf(tensor.data, range.low, range.high),
      0,
      width,
      height,
      this.palettes.lookup(range.signed),
    );
    raster.show(this.picture.canvas);
    this.legend.paint(range, this.palettes.nameFor(range.signed));
    const summary = summarize(tensor.data);
    this.picture.describe({
      title: this.view,
      which: ` · filter ${frame.filter}`,
      size: `${height}×${width}`,
      content: contentInWords(summary),
      note: frame.notes[this.view],
      warning: warningInWords(range, summary, frame.scale),
    });
    this.picture.shown((row, column) =>
      pointInWords(row, column, number(tensor.data[row * width + column]!)),
    );
  }

  clear(): void {
    this.picture.clear(this.view);
    this.legend.clear();
  }
}
