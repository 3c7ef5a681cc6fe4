/** Small pictures of evidence: a kernel, what chance gives with the filter's mark in it, and bars of classes. */

import { attribute, element } from "../../dom/dom";
import { codesOf } from "../../draw/codes";
import type { Palettes } from "../../draw/palette";
import { Raster } from "../../draw/raster";
import { number } from "../../text/format";
import { type FloatTensor, sides } from "../../wire/tensor";
import type { Chance } from "../../wire/verdicts";
import { chanceInWords, signed, span } from "./words";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 200;
const HEIGHT = 44;

/** A kernel about zero, crisp, as large as its box. */
export function kernelPicture(tensor: FloatTensor, palettes: Palettes, words: string): HTMLElement {
  const { width, height } = sides(tensor);
  const extreme = tensor.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  const raster = new Raster(width, height);
  raster.put(codesOf(tensor.data, -extreme, extreme), 0, width, height, palettes.lookup(true));
  const canvas = element("canvas", { role: "img", "aria-label": words });
  raster.show(canvas);
  canvas.style.aspectRatio = `${width} / ${height}`;
  return element("figure.fs-small", canvas, element("figcaption", words));
}

function svg(tag: string, attributes: Record<string, string | number>, ...children: Element[]): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/** Bars from the left, filled; a second line over them; and a mark. The words say the same. */
export function chancePicture(chance: Chance, names: { what: string; alike: string }): HTMLElement {
  const { low, high, mark, random, alike } = chance;
  const tallest = Math.max(...random.data, ...(alike?.data ?? []), 1e-9);
  const bin = WIDTH / random.data.length;
  const y = (share: number) => HEIGHT - (share / tallest) * (HEIGHT - 6);
  const steps = (shares: Float32Array) =>
    `M0,${HEIGHT}${Array.from(shares, (share, k) => `V${y(share).toFixed(1)}H${((k + 1) * bin).toFixed(1)}`).join("")}V${HEIGHT}`;
  const at = Math.min(WIDTH - 1, Math.max(1, ((mark - low) / (high - low)) * WIDTH));
  const words = chanceInWords(chance, names.what);
  const parts = [svg("path", { d: `${steps(random.data)}Z`, class: "fs-random" })];
  if (alike) parts.push(svg("path", { d: steps(alike.data), class: "fs-alike" }));
  parts.push(
    svg("line", { x1: at, x2: at, y1: 0, y2: HEIGHT, class: "fs-own" }),
    svg("path", { d: `M${at - 4},0H${at + 4}L${at},6Z`, class: "fs-own-head" }),
  );
  const box = {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
    preserveAspectRatio: "none",
    role: "img",
    "aria-label": words,
  };
  const picture = svg("svg", box, ...parts);
  const legend = element("p.fs-key", element("i.fs-key-random"), "random ");
  if (alike) legend.append(element("i.fs-key-alike"), `${names.alike} `);
  legend.append(element("i.fs-key-own"), "this filter");
  const ticks = element(
    "div.fs-ticks",
    element("span", number(low)),
    element("span"),
    element("span", number(high)),
  );
  return element("div.fs-chance", picture, ticks, legend);
}

/** So many bars stand below each other. */
export const MOST_CLASSES = 10;

export interface ClassBar {
  readonly name: string;
  readonly value: number;
  /** Of its interval; NaN where there is none. */
  readonly low: number;
  readonly high: number;
}

/** One bar a class, to the right of the middle where it rises; with a line from one end of the interval to the other. */
export function classBars(
  bars: readonly ClassBar[],
  label: string,
  write: (value: number) => string = signed,
) {
  const reach = Math.max(
    ...bars.flatMap(({ value, low, high }) => [value, low || 0, high || 0].map(Math.abs)),
    1e-9,
  );
  const share = (value: number) => 50 + (50 * value) / reach;
  const rows = bars.map(({ name, value, low, high }) => {
    const track = element("span.fs-swing", { "aria-hidden": "true" });
    const add = (kind: string, from: number, to: number) => {
      const part = element(`span.${kind}`);
      part.style.left = `${share(Math.min(from, to))}%`;
      part.style.width = `${Math.abs(share(to) - share(from))}%`;
      track.append(part);
    };
    add(value > 0 ? "fs-up" : "fs-down", 0, value);
    const known = Number.isFinite(low);
    if (known) add("fs-span", low, high);
    return element(
      "li",
      { title: known && `${name}, ${span({ low, high }, write)}` },
      element("span.fs-class", name),
      track,
      element("span.fs-share", write(value)),
    );
  });
  const list = element("ol.fs-classes", ...rows);
  attribute(list, "aria-label", label);
  return list;
}
