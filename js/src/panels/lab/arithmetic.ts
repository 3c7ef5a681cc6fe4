/** The page's own arithmetic of a filter: a kernel over planes, the bias, and the steps to the activation. */

import type { Geometry, LabStep, PaddingMode } from "../../wire/lab";
import type { FloatTensor } from "../../wire/tensor";

export interface Plane {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** A kernel for each of some planes, all of one size. */
export interface Taps {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** As `cv2.filter2D` goes over an image: at each pixel, the border reflected, the anchor in the kernel's middle. */
export function classic(taps: Taps): Geometry {
  const pads = [taps.height, taps.width].map((side) => {
    const before = Math.floor(side / 2);
    return [before, side - 1 - before];
  });
  return { stride: [1, 1], pads, mode: "reflect", dilation: [1, 1] };
}

/** The index that a place of the padded plane has in the plane itself; −1 where there is a zero. */
function source(place: number, length: number, mode: PaddingMode): number {
  if (place >= 0 && place < length) return place;
  if (mode === "zeros") return -1;
  if (mode === "replicate") return place < 0 ? 0 : length - 1;
  if (mode === "circular") return ((place % length) + length) % length;
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const folded = ((place % period) + period) % period;
  return folded < length ? folded : period - folded;
}

function placesOf(length: number, taps: number, axis: number, geometry: Geometry) {
  const stride = geometry.stride[axis]!;
  const dilation = geometry.dilation[axis]!;
  const [before = 0, after = 0] = geometry.pads[axis]!;
  const count = Math.max(0, Math.floor((length + before + after - dilation * (taps - 1) - 1) / stride) + 1);
  const places = new Int32Array(count * taps);
  for (let out = 0; out < count; out++) {
    for (let tap = 0; tap < taps; tap++)
      places[out * taps + tap] = source(out * stride - before + tap * dilation, length, geometry.mode);
  }
  return { count, places };
}

/** The sum over planes (n, H, W) of each with its kernel, summed in double precision. */
export function convolve(planes: FloatTensor, taps: Taps, geometry: Geometry): Plane {
  const [n = 0, rows = 1, columns = 1] = planes.shape;
  const across = placesOf(rows, taps.height, 0, geometry);
  const along = placesOf(columns, taps.width, 1, geometry);
  const height = across.count;
  const width = along.count;
  const data = new Float32Array(height * width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let c = 0; c < n; c++) {
        for (let i = 0; i < taps.height; i++) {
          const y = across.places[row * taps.height + i]!;
          if (y < 0) continue;
          const from = (c * rows + y) * columns;
          const tapRow = (c * taps.height + i) * taps.width;
          for (let j = 0; j < taps.width; j++) {
            const x = along.places[column * taps.width + j]!;
            if (x >= 0) sum += planes.data[from + x]! * taps.data[tapRow + j]!;
          }
        }
      }
      data[row * width + column] = sum;
    }
  }
  return { data, height, width };
}

/** `lab/page_arithmetic.py` has the same. */
export const NONLINEAR: Readonly<Record<string, (x: number, ...numbers: number[]) => number>> = {
  relu: (x) => Math.max(x, 0),
  clip: (x, low = 0, high = 6) => Math.min(Math.max(x, low), high),
  leaky_relu: (x, slope = 0.01) => (x > 0 ? x : x * slope),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  silu: (x) => x / (1 + Math.exp(-x)),
  elu: (x) => (x > 0 ? x : Math.exp(x) - 1),
};

export function activated(values: Float32Array, bias: number, steps: readonly LabStep[]): Float32Array {
  const functions = steps.map(({ name, numbers }) => {
    const [first = 1, second = 0] = numbers.data;
    if (name === "affine") return (x: number) => x * first + second;
    const nonlinear = NONLINEAR[name] ?? ((x: number) => x);
    return (x: number) => nonlinear(x, ...numbers.data);
  });
  return values.map((value) => functions.reduce((x, step) => step(x), value + bias));
}
