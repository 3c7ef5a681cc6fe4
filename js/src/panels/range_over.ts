/** The range of several pictures that are seen beside one another. */

import type { Range } from "../wire/frame";
import { count, type FloatTensor } from "../wire/tensor";

/** One range for all of them: about zero where there are values of both signs, else from zero. */
export function rangeOver(tensors: readonly (FloatTensor | null)[]): Range {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  for (const tensor of tensors) {
    if (!tensor) continue;
    const values = count(tensor.shape);
    for (let k = 0; k < values; k++) {
      const value = tensor.data[k]!;
      if (!Number.isFinite(value)) continue;
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
    }
  }
  if (minimum > maximum) minimum = maximum = 0;
  const signed = minimum < 0;
  const most = Math.max(-minimum, maximum) || 1;
  return {
    low: signed ? -most : 0,
    high: most,
    signed,
    minimum,
    maximum,
    nan: 0,
    infinite: 0,
    constant: minimum === maximum,
  };
}
