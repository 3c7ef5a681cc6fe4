/** The net without some filters: this image's prediction before and after, and what is lost over many images. */

import { attribute, element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import { className, number, percent } from "../../text/format";
import type { Effect, Measurement, ReplacedBy, Without } from "../../wire/verdicts";
import { column } from "./card";
import { classBars, MOST_CLASSES } from "./evidence";
import { estimateInWords, points, progressInWords, signed, span } from "./words";

export interface AblationPanelActions {
  /** The selected filter is taken out, or put back. */
  toggle(): void;
  clear(): void;
  replace(): void;
  measure(images: number): void;
  cancel(): void;
}

const BY = [
  ["mean", "its mean"],
  ["zero", "zero"],
] as const;
const MEASURED = 1000;

export class AblationPanel {
  readonly #toggle = element("button.fs-wide", { type: "button", name: "without", "aria-pressed": "false" });
  readonly #clear = element("button.fs-wide", { type: "button", name: "without-clear" }, "Put all back");
  readonly #measure = element("button.fs-wide", { type: "button", name: "measure" });
  readonly #by: Select;
  readonly #which = element("p.fs-note");
  readonly #bars = element("ol.fs-both", { "aria-label": "prediction before and after" });
  readonly #note = element("p.fs-note");
  readonly #estimate = element("p.fs-note.fs-estimate");
  readonly #result = element("div.fs-effect");
  readonly #rest: HTMLElement;
  readonly root: HTMLElement;
  #measuring = false;

  constructor(actions: AblationPanelActions) {
    this.#by = new Select(
      "replaced-by",
      "map replaced by",
      BY,
      "What stands in the place of the filter's map",
      () => actions.replace(),
    );
    const buttons = element("div.fs-buttons", this.#toggle, this.#clear);
    this.#rest = element(
      "div",
      this.#which,
      this.#bars,
      this.#note,
      this.#estimate,
      this.#measure,
      this.#result,
    );
    this.root = column("Without this filter", buttons, this.#by.root, this.#rest);
    this.root.classList.add("fs-without");
    on(this.#toggle, "click", actions.toggle);
    on(this.#clear, "click", actions.clear);
    on(this.#measure, "click", () => (this.#measuring ? actions.cancel() : actions.measure(MEASURED)));
    this.#setMeasure(false);
    this.say(0, false, 0);
  }

  get replacedBy(): ReplacedBy {
    return this.#by.value as ReplacedBy;
  }

  /** The selected filter, whether it is left out, and how many are. */
  say(filter: number, out: boolean, leftOut: number): void {
    const any = leftOut > 0;
    setText(this.#toggle, out ? `Put filter ${filter} back` : `Leave out filter ${filter}`);
    attribute(this.#toggle, "aria-pressed", out);
    this.#clear.hidden = !any || (out && leftOut === 1);
    this.#rest.hidden = !any;
    if (!any) this.fail("");
  }

  /** An answer stands under its own title, also while the next one is on its way. */
  paint(comparison: Without): void {
    const { before, after, layer, filters, image, replaced_by, mean_images } = comparison;
    setText(this.#estimate, estimateInWords(comparison));
    this.#estimate.hidden = !comparison.estimate;
    setText(
      this.#which,
      `${layer} without ${filters.length === 1 ? "filter" : "filters"} ${filters.join(", ")}:`,
    );
    attribute(this.root, "data-shown", `${image}: ${replaced_by} ${filters.join(" ")}`);
    const by = replaced_by === "zero" ? "zero" : `its mean over ${mean_images.toLocaleString("en")} images`;
    if (before.length === 0) {
      this.#bars.replaceChildren();
      setText(this.#note, "The net's output is not one score a class: there is nothing to compare.");
      return;
    }
    const best = after[0]!;
    const shown = [...before];
    if (!shown.some(([name]) => name === best[0])) shown.push([best[0], Number.NaN, best[1]]);
    this.#bars.replaceChildren(
      ...shown.map(([name, old, now]) => {
        const bar = (kind: string, share: number) => {
          const fill = element(`span.${kind}`, { "aria-hidden": "true" });
          fill.style.width = `${Math.max(0, Math.min(1, share || 0)) * 100}%`;
          return fill;
        };
        const numbers = `${Number.isNaN(old) ? "" : `${percent(old)} `}→ ${percent(now ?? 0)}`;
        const row = element(
          "li",
          bar("fs-old-share", old),
          bar("fs-new-share", now ?? 0),
          element("span.fs-class", className(name)),
          element("span.fs-share", numbers),
        );
        if (name === best[0]) row.classList.add("fs-best");
        return row;
      }),
    );
    const changed = before[0]![0] !== best[0];
    setText(
      this.#note,
      `image ${image}, ${changed ? "now" : "still"} ${className(best[0])}; each map replaced by ${by}`,
    );
  }

  /** There is no answer, for this reason. */
  fail(message: string): void {
    attribute(this.root, "data-shown", "");
    this.#bars.replaceChildren();
    this.#estimate.hidden = true;
    setText(this.#which, "");
    setText(this.#note, message);
  }

  /** Nothing is measured of these filters; `why` says so where somebody would wait for it. */
  unmeasured(why = ""): void {
    attribute(this.root, "data-measured", false);
    this.#result.replaceChildren(element("p.fs-note", why));
    this.#setMeasure(false);
  }

  measured({ status, error, progress, effect }: Measurement): void {
    if (!effect) {
      const running = status === "running";
      this.unmeasured(running ? progressInWords(progress) : (error ?? status));
      this.#setMeasure(running);
      return;
    }
    attribute(this.root, "data-measured", true);
    this.#setMeasure(false);
    const { accuracy_change: accuracy, images, labelled } = effect;
    const right = labelled ? "right" : "as before";
    const share = (value: number) => `${(100 * value).toFixed(1)}\u00a0%`;
    const lines = [
      `${images.toLocaleString("en")} images: ${share(effect.accuracy_before)} → ${share(effect.accuracy_after)} ${right}, ${points(accuracy.value)} points (${span(accuracy, points)})`,
      lossInWords(effect),
      ...effect.notes,
    ];
    const bars = effect.classes.map(({ name, accuracy_change: { value, low, high } }) => ({
      name,
      value,
      low: low ?? Number.NaN,
      high: high ?? Number.NaN,
    }));
    bars.sort((a, b) => a.value - b.value);
    const what = "change of accuracy by class, in points";
    const most = bars.length > MOST_CLASSES ? `; the ${MOST_CLASSES} that lose most` : "";
    const ofClasses = bars.length > 0; // a score is of no class
    this.#result.replaceChildren(
      ...lines.map((line) => element("p.fs-note", line)),
      ...(ofClasses ? [classBars(bars.slice(0, MOST_CLASSES), what, points)] : []),
      ...(ofClasses ? [element("p.fs-note", `${what}, with 95\u00a0% intervals${most}`)] : []),
    );
  }

  #setMeasure(measuring: boolean): void {
    setText(this.#measure, measuring ? "Cancel" : `Measure over ${MEASURED.toLocaleString("en")} images`);
    this.#measuring = measuring;
  }
}

function lossInWords({ score, loss_before, loss_after, loss_change: change }: Effect): string {
  if (!score)
    return `loss ${number(loss_before)} → ${number(loss_after)}, ${signed(change.value)} nats (${span(change, signed)})`;
  const falls = (value: number) => signed(-value);
  return `${score} ${number(-loss_before)} → ${number(-loss_after)}, ${falls(change.value)} (${span({ low: change.high, high: change.low }, falls)})`;
}
