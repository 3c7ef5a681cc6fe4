/** What one position sees of the image, read off a map's fields: the same as `ReceptiveFields.at` in Python. */

import { minus } from "../../text/format";
import type { AxisFields, MapFields } from "../../wire/positions";

/** From a first pixel to the one after the last. */
export type Span = readonly [first: number, end: number];

export type FieldStatus = "exact" | "upper bound" | "whole image";

/** One span for each axis of the image. */
export interface Field {
  readonly inside: readonly Span[];
  readonly theoretical: readonly Span[];
  readonly status: FieldStatus;
}

/** Null where the map has no such position. */
export function fieldAt(fields: MapFields, position: readonly number[]): Field | null {
  if (position.some((index, axis) => index < 0 || index >= fields.shape[axis]!)) return null;
  const index = (axis: AxisFields) => (axis.along === null ? 0 : position[axis.along]!);
  const spans = (of: "inside" | "theoretical") =>
    fields.axes.map((axis): Span => {
      const at = 2 * index(axis);
      return [axis[of].data[at]!, axis[of].data[at + 1]!];
    });
  let inside = spans("inside");
  if (inside.some(([first, end]) => first === end)) inside = inside.map(() => [0, 0] as const);
  const doubt = fields.axes.some((axis) => axis.doubt.data[index(axis)]);
  const whole = inside.every(([first, end], k) => first === 0 && end === fields.image[k]);
  const status = doubt ? "upper bound" : fields.everywhere && whole ? "whole image" : "exact";
  return { inside, theoretical: spans("theoretical"), status };
}

/** The last two axes, rows and columns. A signal is drawn with a row a channel: its field reaches over all of them. */
export function rowsAndColumns(spans: readonly Span[], height: number): readonly [rows: Span, columns: Span] {
  return [spans.at(-2) ?? [0, height], spans.at(-1)!];
}

const upTo = ([first, end]: Span) => (end - first === 1 ? `${first}` : `${first} … ${end - 1}`);

/** "rows 4 … 6, cols 5 … 7" */
export function boxInWords(spans: readonly Span[]): string {
  if (spans.some(([first, end]) => first >= end)) return "nothing";
  const names = ["slices", "rows", "cols"].slice(-spans.length);
  return minus(spans.map((span, axis) => `${names[axis]} ${upTo(span)}`).join(", "));
}

/** One short line. Its value is dropped where there is no room for both: what qualifies the box stands before it. */
export function fieldAsReading({ inside, status }: Field): { where: string; value: string } {
  if (status === "whole image") return { where: "sees the whole image", value: "" };
  const atMost = status === "upper bound" ? "at most " : "";
  return { where: `sees ${atMost}${boxInWords(inside).replaceAll(" … ", "–")}`, value: status };
}

const CERTAINTY: Record<FieldStatus, string> = {
  exact: "exact",
  "upper bound": "an upper bound: an operation on the way cannot be followed",
  "whole image": "the whole image, by a step over the whole map",
};

/** One sentence with both boxes, and how much of the formula's lies outside of the image. */
export function fieldInWords({ inside, theoretical, status }: Field): string {
  const outside = theoretical.some(([first, end], axis) => {
    const [low, high] = inside[axis]!;
    return first < low || end > high;
  });
  const sees = `It sees ${boxInWords(inside)} of the image (${CERTAINTY[status]}).`;
  const formula = `By the formula ${boxInWords(theoretical)}`;
  return outside
    ? `${sees} ${formula}: dashed; what is hatched lies in the padding.`
    : `${sees} ${formula}: the same.`;
}
