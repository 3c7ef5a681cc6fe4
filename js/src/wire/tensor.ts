/** Arrays as they come off the wire: flat numbers and a shape. */

export interface FloatTensor {
  readonly dtype: "float32";
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** Where it is known better than from these values. */
  readonly summary?: Summary;
  /** In a saved page: how far each value may be off. */
  readonly half?: number;
}

export interface ByteTensor {
  readonly dtype: "uint8";
  readonly shape: readonly number[];
  readonly data: Uint8Array;
  /** Of the values whose codes these are, where the wire says it. */
  readonly summary?: Summary;
}

export type Tensor = FloatTensor | ByteTensor;

export function count(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** The k-th slice along the first axis, without a copy: filter k of a layer's maps. */
export function sliceOf<T extends Tensor>(tensor: T, k: number): T {
  const shape = tensor.shape.slice(1);
  const length = count(shape);
  return { ...tensor, shape, data: tensor.data.subarray(k * length, (k + 1) * length) };
}

/** Rows and columns of a picture: the last two axes. */
export function sides(tensor: Tensor): { height: number; width: number } {
  return { height: tensor.shape.at(-2) ?? 1, width: tensor.shape.at(-1) ?? 1 };
}

export interface Summary {
  readonly minimum: number;
  readonly maximum: number;
  readonly nan: number;
  readonly infinite: number;
}

export function summaryOf(tensor: Tensor): Summary {
  return tensor.summary ?? summarize(tensor.data as Float32Array); // codes have one
}

/** What is said in words under one painted map; its minimum is above its maximum where no value is finite. */
export function summarize(values: Float32Array): Summary {
  let minimum = Number.POSITIVE_INFINITY;
  let maximum = Number.NEGATIVE_INFINITY;
  let nan = 0;
  let infinite = 0;
  for (const value of values) {
    if (Number.isNaN(value)) nan += 1;
    else if (!Number.isFinite(value)) infinite += 1;
    else {
      if (value < minimum) minimum = value;
      if (value > maximum) maximum = value;
    }
  }
  return { minimum, maximum, nan, infinite };
}
