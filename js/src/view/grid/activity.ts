/** How strongly each filter responds to the image: its activation's maximum, and its mean. */

import type { Frame } from "../../wire/frame";
import { type FloatTensor, sliceOf } from "../../wire/tensor";

/** By filter; NaN where a value of its map is NaN. */
export interface Activity {
  readonly maximum: Float32Array;
  readonly mean: Float32Array;
}

/** `valuesOf`: all values of a filter's map. */
export function measureActivity(filters: number, valuesOf: (filter: number) => Float32Array): Activity {
  const maximum = new Float32Array(filters);
  const mean = new Float32Array(filters);
  for (let filter = 0; filter < filters; filter++) {
    const values = valuesOf(filter);
    let most = Number.NEGATIVE_INFINITY;
    let sum = 0;
    for (const value of values) {
      if (value > most) most = value;
      sum += value;
    }
    maximum[filter] = Number.isNaN(sum) && values.some(Number.isNaN) ? Number.NaN : most;
    mean[filter] = sum / values.length;
  }
  return { maximum, mean };
}

/** As Python says it, where the frame has not every value. */
export function activityOf({ activity, activations }: Frame): Activity {
  if (activity) return { maximum: activity.maximum.data, mean: activity.mean.data };
  const maps = activations.tensor as FloatTensor;
  return measureActivity(maps.shape[0] ?? 0, (filter) => sliceOf(maps, filter).data);
}
