/** What the colours mean: the range's ends, zero, and in words what no colour can say. */

import { element, setText } from "../dom/dom";
import { gradientOf, type PaletteName } from "../draw/palette";
import { number } from "../text/format";
import type { Range, Scale } from "../wire/frame";
import type { Summary } from "../wire/tensor";
import type { Reading } from "./host";

export class Legend {
  readonly #bar = element("div.fs-bar");
  readonly #low = element("span");
  readonly #zero = element("span.fs-zero");
  readonly #high = element("span");
  readonly root = element(
    "div.fs-legend",
    this.#bar,
    element("div.fs-ticks", this.#low, this.#zero, this.#high),
  );

  /** `name` says what an end of the range is called where its values are not what is drawn. */
  paint(range: Range, palette: PaletteName, name: (value: number) => string = number): void {
    this.#bar.style.background = gradientOf(palette);
    setText(this.#low, name(range.low));
    setText(this.#zero, range.signed ? "0" : "");
    setText(this.#high, name(range.high));
  }

  clear(): void {
    this.#bar.style.background = "";
    for (const tick of [this.#low, this.#zero, this.#high]) setText(tick, "");
  }
}

/** What one painted map holds: its own ends, or that it is constant. */
export function contentInWords({ minimum, maximum }: Summary): Reading {
  if (minimum > maximum) return { where: "no finite value", value: "" };
  if (minimum === maximum) return { where: "constant, every value is", value: number(minimum) };
  return { where: "values", value: `${number(minimum)} … ${number(maximum)}` };
}

/** What a reader would misread without being told; empty where there is nothing. */
export function warningInWords(range: Range, here: Summary, scope: Scale): string {
  const parts: string[] = [];
  const bad = (count: number, counted: number, what: string, colours: string) => {
    if (count > 0) parts.push(`${count} ${what} here (${colours})`);
    if (counted > count) parts.push(`${counted - count} ${what} in other filters`);
  };
  bad(here.nan, range.nan, "NaN", "pink");
  bad(here.infinite, range.infinite, "infinite", "−∞ cyan, +∞ violet");
  if (here.minimum < range.low || here.maximum > range.high)
    parts.push("values beyond the range are clipped");
  if (range.constant && scope !== "map") parts.push("every value in the layer is the same");
  return parts.join(" · ");
}
