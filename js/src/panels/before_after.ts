/** Bars that say what a change does to a prediction: how long they are now, and a mark where each ended before. */

import { element } from "../dom/dom";
import { className, percent } from "../text/format";
import type { Prediction } from "../wire/frame";

const CLASSES = 3;

/** The classes that are or were most probable. `changed`: whether there is a before. */
export function predictionBars(before: Prediction, after: Prediction, changed: boolean): HTMLElement[] {
  const names = [...new Set([...after, ...before].map(([name]) => name))];
  const of = (prediction: Prediction, name: string | number) =>
    prediction.find(([other]) => other === name)?.[1] ?? 0;
  const largest = (name: string | number) => Math.max(of(before, name), of(after, name));
  const chosen = names.sort((a, b) => largest(b) - largest(a)).slice(0, CLASSES);
  return chosen.map((name) => {
    const [old, now] = [of(before, name), of(after, name)];
    const words = changed ? `${percent(old)} → ${percent(now)}` : percent(now);
    return barRow(className(name), now, old, words);
  });
}

/** `old`: where the bar ended before. */
export function barRow(name: string, now: number, old: number | null, words: string): HTMLElement {
  const fill = element("i.fs-fill");
  fill.style.width = `${100 * now}%`;
  const track = element("span.fs-track", fill);
  if (old !== null) {
    const mark = element("i.fs-was");
    mark.style.left = `${100 * old}%`;
    track.append(mark);
  }
  return element("div.fs-outcome-row", element("span.fs-name", name), track, element("span.fs-much", words));
}
