/**
 * Values become one byte each before they become colours, by the same rule as in Python (`value_range.py`):
 * 0 is NaN, 1 is −∞, 255 is +∞, and 2…254 are the finite values from low to high. In a signed range, where
 * low = −high, zero is exactly 128.
 */

import { exact, number, within } from "../text/format";
import type { Range } from "../wire/frame";
import type { Summary, Tensor } from "../wire/tensor";

export const NAN_CODE = 0;
export const MINUS_INFINITY_CODE = 1;
export const LOWEST_CODE = 2;
export const HIGHEST_CODE = 254;
export const PLUS_INFINITY_CODE = 255;

const STEPS = HIGHEST_CODE - LOWEST_CODE;

export function codeOf(value: number, low: number, high: number): number {
  if (Number.isNaN(value)) return NAN_CODE;
  if (value === Number.POSITIVE_INFINITY) return PLUS_INFINITY_CODE;
  if (value === Number.NEGATIVE_INFINITY) return MINUS_INFINITY_CODE;
  const t = high === low ? 0 : Math.min(1, Math.max(0, (value - low) / (high - low)));
  return LOWEST_CODE + Math.floor(t * STEPS + 0.5);
}

export function codesOf(values: Float32Array, low: number, high: number): Uint8Array {
  const codes = new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = codeOf(values[i]!, low, high);
  return codes;
}

/** What is said of values in a range: `value_range.py`'s rule, by which a signed range ends as far below zero as above. */
export function rangeOf({ minimum, maximum, nan, infinite }: Summary): Range {
  if (!(minimum <= maximum))
    return { low: 0, high: 0, signed: false, minimum: null, maximum: null, nan, infinite, constant: false };
  const constant = minimum === maximum && nan + infinite === 0;
  const signed = minimum < 0;
  const high = signed ? Math.max(-minimum, maximum) : maximum;
  return { low: signed ? -high : 0, high, signed, minimum, maximum, nan, infinite, constant };
}

interface Ends {
  readonly low: number;
  readonly high: number;
}

/** Values may have come as codes, in the range in which they are shown. */
export function codesFor({ dtype, data }: Tensor, { low, high }: Ends): Uint8Array {
  return dtype === "uint8" ? (data as Uint8Array) : codesOf(data as Float32Array, low, high);
}

/** Exactly, or of a code what it stands for, until the value itself has come. */
export function valueInWords(tensor: Tensor, index: number, { low, high }: Ends): string {
  const value = tensor.data[index]!;
  if (tensor.dtype === "float32") return tensor.half ? within(value, tensor.half) : exact(value);
  const special: Record<number, number> = {
    [NAN_CODE]: Number.NaN,
    [MINUS_INFINITY_CODE]: -Infinity,
    [PLUS_INFINITY_CODE]: Infinity,
  };
  return `≈ ${number(special[value] ?? low + ((value - LOWEST_CODE) / STEPS) * (high - low))}`;
}
