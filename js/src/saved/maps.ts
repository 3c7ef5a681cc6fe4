/** Saved maps as values, ranges and pictures: what `value_range.py` and `picture.py` do in a notebook's kernel. */

import { codesOf, rangeOf } from "../draw/codes";
import type { Range, Scale } from "../wire/frame";
import { count, type FloatTensor, type Summary, summarize, type Tensor } from "../wire/tensor";
import type { SavedMaps, SavedTensor } from "./types";

const FIRST_CODE = 2;
/** The greatest code is +∞, 0 is NaN and 1 is −∞. */
const GREATEST = { uint8: 255, uint16: 65_535 } as const;

/** One filter's values, and how far each may be off. */
export interface Plane {
  readonly data: Float32Array;
  readonly summary: Summary;
  readonly half: number;
}

/** The range of several maps together. */
export function joined(summaries: readonly Summary[]): Range {
  let all: Summary = {
    minimum: Number.POSITIVE_INFINITY,
    maximum: Number.NEGATIVE_INFINITY,
    nan: 0,
    infinite: 0,
  };
  for (const summary of summaries)
    all = {
      minimum: Math.min(all.minimum, summary.minimum),
      maximum: Math.max(all.maximum, summary.maximum),
      nan: all.nan + summary.nan,
      infinite: all.infinite + summary.infinite,
    };
  return rangeOf(all);
}

function summaryAt({ ends }: SavedMaps, k: number): Summary {
  const [minimum, maximum, nan, infinite] = ends.data.subarray(4 * k, 4 * k + 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  if (Number.isNaN(minimum)) return { minimum: 1, maximum: 0, nan, infinite };
  return { minimum, maximum, nan, infinite };
}

/** What codes stand for, in the range over which they were made. */
function decoded(codes: SavedTensor["data"], { low, high }: Range, greatest: number): Float32Array {
  const values = new Float32Array(codes.length);
  const step = (high - low) / (greatest - FIRST_CODE - 1);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i]!;
    if (code >= FIRST_CODE && code < greatest) values[i] = low + (code - FIRST_CODE) * step;
    else
      values[i] = code === 0 ? Number.NaN : code === 1 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return values;
}

/**
 * Part of map k: `starts` are places in it, `length` values from each on. The whole map's ends are those that were
 * saved; a part's are found in its values.
 */
export function planeOf(maps: SavedMaps, k: number, starts: readonly number[], length: number): Plane {
  const { dtype, shape, data } = maps.values;
  const size = count(shape.slice(1));
  const whole = starts.length * length === size;
  const own = summaryAt(maps, k);
  const pieces = starts.map((start) => data.subarray(k * size + start, k * size + start + length));
  const range = rangeOf(own);
  const values = new Float32Array(starts.length * length);
  const coded = dtype !== "float32";
  pieces.forEach((piece, place) => {
    values.set(coded ? decoded(piece, range, GREATEST[dtype]) : (piece as Float32Array), place * length);
  });
  const half = coded ? (range.high - range.low) / (GREATEST[dtype] - FIRST_CODE - 1) / 2 : 0;
  return { data: values, summary: whole ? own : summarize(values), half };
}

/** The maps of all filters as one picture, as a frame has it. `over`: a range that is not of these alone. */
export function pictureOf(
  planes: readonly Plane[],
  shape: readonly number[],
  scale: Scale,
  over?: Range,
): object {
  const summaries = planes.map((plane) => plane.summary);
  const ranges = scale !== "map" ? [over ?? joined(summaries)] : summaries.map(rangeOf);
  const size = count(shape);
  const data = new Uint8Array(planes.length * size);
  planes.forEach((plane, k) => {
    const { low, high } = ranges.length > 1 ? ranges[k]! : ranges[0]!;
    data.set(codesOf(plane.data, low, high), k * size);
  });
  const tensor: Tensor = { dtype: "uint8", shape: [planes.length, ...shape], data };
  return { tensor, encoding: "codes", reduced: 1, ranges };
}

/** One filter's values, with what is known of them besides. */
export function detailOf({ data, summary, half }: Plane, shape: readonly number[]): FloatTensor {
  return { dtype: "float32", shape, data, summary, half };
}
