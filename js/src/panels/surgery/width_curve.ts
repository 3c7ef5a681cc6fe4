/** What it costs when the layer on screen keeps fewer and fewer filters, found when asked for. */

import { element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { minus } from "../../text/format";
import { decode, type ReplyTo } from "../../wire/requests";
import type { Widths } from "../../wire/surgery";
import type { Bench } from "./bench";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [480, 160];

export class WidthCurve {
  readonly #bench: Bench;
  readonly #title = element("h4.fs-title");
  readonly #find = element("button.fs-wide", { type: "button", name: "tray-widths" });
  readonly #words = element("span.fs-surveyed");
  readonly #figure = element("figure.fs-tray-curve", { hidden: true });
  readonly root = element("div", this.#title, element("div.fs-ask", this.#find, this.#words), this.#figure);
  #layer = -1;
  #running = false;

  constructor(bench: Bench) {
    this.#bench = bench;
    on(this.#find, "click", () => (this.#running ? this.stop("cancelled") : this.#ask()));
    this.#finish();
  }

  at(layer: number, layerName: string): void {
    setText(this.#title, `How wide ${layerName} has to be`);
    if (layer !== this.#layer) this.forget();
    this.#layer = layer;
  }

  reply(reply: ReplyTo<"tray_widths">): void {
    if (!this.#running) return;
    if (reply.error) {
      this.#finish();
      setText(this.#words, reply.error.message);
      return;
    }
    const widths = decode(reply);
    if (widths.status === "running") {
      setText(this.#words, "Filters are left out, an eighth of the layer after another …");
      this.#bench.after("widths", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
      return;
    }
    this.#finish();
    setText(this.#words, "");
    if (widths.layer === this.#layer) this.#paint(widths);
  }

  forget(): void {
    this.stop();
    this.#figure.hidden = true;
  }

  stop(why = ""): void {
    if (this.#running) this.#bench.ask("tray_widths", { layer: Math.max(this.#layer, 0), cancel: true });
    this.#finish();
    setText(this.#words, why);
  }

  #ask(): void {
    this.#running = true;
    setText(this.#find, "Cancel");
    this.#bench.ask("tray_widths", { layer: this.#layer });
  }

  #finish(): void {
    this.#running = false;
    setText(this.#find, "Find the width curve");
  }

  #paint({ filters = 0, kept = [], accuracy, spared = 0, together = [], reason = "" }: Widths): void {
    if (kept.length === 0 || !accuracy) {
      setText(this.#words, `No filter of it can be removed: it ${reason}.`);
      return;
    }
    const points = [
      { kept: filters, value: 0, low: 0, high: 0 },
      ...kept.map((count, k) => {
        const [value = 0, low = 0, high = 0] = accuracy.data.subarray(3 * k, 3 * k + 3);
        return { kept: count, value: 100 * value, low: 100 * low, high: 100 * high };
      }),
    ];
    const least = Math.min(...points.map(({ low }) => low), -1);
    const bottom = Math.floor(least / 5) * 5;
    const top = Math.max(...points.map(({ high }) => high), 0);
    const x = (count: number) => ((1 - count / filters) * WIDTH).toFixed(1);
    const y = (value: number) => (((top - value) / (top - bottom)) * HEIGHT).toFixed(1);
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute(
      "aria-label",
      `change of accuracy in points by filters kept: ${points
        .map((point) => `${point.kept}: ${signed(point.value)}`)
        .join(", ")}`,
    );
    const line = (d: string, kind: string) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.setAttribute("class", kind);
      svg.append(path);
    };
    line(`M0 ${y(0)}H${WIDTH}`, "fs-grid-line");
    for (const point of points) line(`M${x(point.kept)} ${y(point.low)}V${y(point.high)}`, "fs-whisker");
    line(`M${points.map((point) => `${x(point.kept)} ${y(point.value)}`).join("L")}`, "fs-curve");
    const last = points.at(-1)!;
    this.#figure.replaceChildren(
      element("div.fs-curve-levels", element("span", signed(top)), element("span", signed(bottom))),
      element("div.fs-curve-plot", svg),
      element(
        "div.fs-curve-axis",
        element("span", `${filters} filters kept`),
        element("span", `${Math.round(filters / 2)}`),
        element("span", "0"),
      ),
      element(
        "figcaption.fs-note",
        `Change of accuracy in points, with 95 % intervals, down to ${last.kept} filters. ` +
          `${(100 * spared).toFixed(0)} % of the filters can go while the loss surely rises by less than 5 % of what the net knows.` +
          (together.length > 0 ? ` With them go filters of ${together.join(", ")}.` : ""),
      ),
    );
    this.#figure.hidden = false;
  }
}

function signed(points: number): string {
  return `${points > 0 ? "+" : ""}${minus(points.toFixed(1))}`;
}
