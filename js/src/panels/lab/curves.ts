/** Lines over one axis, each with its name. */

import { element } from "../../dom/dom";
import { minus, number } from "../../text/format";
import type { FloatTensor } from "../../wire/tensor";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [520, 200];
const FLOOR = -80;

export class Curves {
  readonly root = element("figure.fs-curves");

  paint(
    across: Float32Array,
    curves: readonly { readonly name: string; readonly values: FloatTensor }[],
    unit: string,
  ): void {
    const all = curves.flatMap(({ values }) => [...values.data]).map((value) => Math.max(value, FLOOR));
    const high = Math.ceil(Math.max(...all, 0) / 10) * 10;
    const low = Math.min(Math.floor(Math.min(...all) / 10) * 10, high - 10);
    const last = across.at(-1) || 1;
    const x = (value: number) => ((value / last) * WIDTH).toFixed(1);
    const y = (value: number) => (((high - Math.max(value, low)) / (high - low)) * HEIGHT).toFixed(1);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute(
      "aria-label",
      `gain in dB over frequency in ${unit}: ${curves.map(({ name }) => name).join(", ")}`,
    );
    const line = (d: string, kind: string) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.setAttribute("class", kind);
      svg.append(path);
    };
    for (let level = low; level <= high; level += 20) line(`M0 ${y(level)}H${WIDTH}`, "fs-grid-line");
    for (const [k, { values }] of curves.entries()) {
      const points = [...values.data].map((value, place) => `${x(across[place]!)} ${y(value)}`);
      line(`M${points.join("L")}`, `fs-curve fs-curve-${k}`);
    }
    const names = curves.map(({ name }, k) => element(`span.fs-curve-name.fs-curve-${k}`, name));
    this.root.replaceChildren(
      element("div.fs-curve-levels", element("span", `${high} dB`), element("span", minus(`${low} dB`))),
      element("div.fs-curve-plot", svg),
      element(
        "div.fs-curve-axis",
        element("span", "0"),
        element("span", `${number(last / 2)}`),
        element("span", `${number(last)} ${unit}`),
      ),
      element("figcaption", ...names),
    );
  }
}
