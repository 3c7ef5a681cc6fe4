/**
 * The strip shows one sheet of thumbnails at a time: which images a sheet holds, and that in words. A place counts in the
 * list of images that match.
 */

import { className } from "../../text/format";
import type { ClassName } from "../../wire/frame";
import type { Outcome, Strip } from "../../wire/strip";

/** The most that one request may ask for. */
const MOST = 60;
/** CSS pixels from one image to the next, and the gap that is part of it: room for "✗ Ankle boot". */
const PITCH = 82;
const GAP = 8;
/** Below this width one row holds too few. */
const ONE_ROW = 600;

export interface Filter {
  readonly class: ClassName | null;
  readonly outcome: Outcome | null;
}

export const NO_FILTER: Filter = { class: null, outcome: null };

export function filters({ class: name, outcome }: Filter): boolean {
  return name !== null || outcome !== null;
}

export interface Shape {
  readonly columns: number;
  readonly rows: number;
  /** Images a sheet. */
  readonly size: number;
}

export function shapeOf(width: number): Shape {
  const rows = width < ONE_ROW ? 2 : 1;
  const columns = Math.min(MOST / rows, Math.max(1, Math.floor((width + GAP) / PITCH)));
  return { columns, rows, size: columns * rows };
}

/** The start of the sheet that holds a place, whole sheets away from `start`; the last sheet is a full one. */
export function sheetHolding(place: number, start: number, size: number, length: number): number {
  return withinList(start + Math.floor((place - start) / size) * size, size, length);
}

export function withinList(start: number, size: number, length: number): number {
  return Math.max(0, Math.min(start, length - size));
}

export function whole(value: number): string {
  return value.toLocaleString("en");
}

/** "images 20–39 of 10,000"; images are named by their index, matches are counted from one. */
export function placeInWords(strip: Strip, filter: Filter): string {
  const { start, images, matching, total, survey } = strip;
  const first = start + (filters(filter) ? 1 : 0);
  const last = first + images.length - 1;
  const span = last > first ? `${whole(first)}–${whole(last)}` : whole(first);
  if (!filters(filter)) return images.length > 0 ? `images ${span} of ${whole(total)}` : "";
  const so = survey.running ? " so far" : "";
  if (images.length === 0) return survey.running ? `no match${so}` : "";
  return `${last > first ? "matches" : "match"} ${span} of ${whole(matching)}${so}`;
}

/** "right or wrong: 3,200 of 10,000 images"; nothing where nobody has to wait for it. */
export function progressInWords({ survey }: Strip, filter: Filter): string {
  if (!survey.running || !survey.needed || !filters(filter)) return "";
  const what = filter.outcome === null ? "classes" : "right or wrong";
  return `${what}: ${whole(survey.done)} of ${whole(survey.total)} images`;
}

/** Why there is nothing to see, or what went wrong. */
export function troubleInWords(strip: Strip, filter: Filter): string {
  const { images, survey, total } = strip;
  if (survey.error !== null) return survey.error;
  if (images.length > 0 || survey.running) return "";
  return total > 0 && filters(filter) ? "No image matches." : "The data set has no images.";
}

/** The places of the images that a filter lets through: the rule of the strip in Python. */
export function matching(
  labels: readonly (ClassName | null)[],
  predicted: readonly (ClassName | null)[],
  filter: Filter,
): number[] {
  return [...labels.keys()].filter(
    (place) =>
      (filter.class === null || labels[place] === filter.class) &&
      (filter.outcome === null || markOf(labels[place]!, predicted[place]!) === filter.outcome),
  );
}

export type Mark = "right" | "wrong" | "unknown";

/** `right`: by a score, where the net is not judged by its label and its prediction. */
export function markOf(
  label: ClassName | null,
  predicted: ClassName | null,
  right: boolean | null = null,
): Mark {
  if (right !== null) return right ? "right" : "wrong";
  if (label === null || predicted === null) return "unknown";
  return label === predicted ? "right" : "wrong";
}

/** "image 17: Coat, predicted Shirt, wrong" */
export function imageInWords(
  image: number,
  label: ClassName | null,
  predicted: ClassName | null,
  right: boolean | null = null,
): string {
  const mark = markOf(label, predicted, right);
  const head = label === null ? `image ${image}` : `image ${image}: ${className(label)}`;
  const prediction = predicted === null ? "" : `predicted ${className(predicted)}`;
  return [head, prediction, mark === "unknown" ? "" : mark].filter(Boolean).join(", ");
}
