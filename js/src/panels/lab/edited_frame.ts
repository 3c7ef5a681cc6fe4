/** The frame on screen with another kernel for its filter, as far as the page can compute it. */

import { rangeOf } from "../../draw/codes";
import type { Frame, Picture } from "../../wire/frame";
import type { LabFilter } from "../../wire/lab";
import { count, type FloatTensor, summarize } from "../../wire/tensor";
import { activated, classic, convolve, type Plane, type Taps } from "./arithmetic";

/** A layer of more values keeps its grid until Python has answered. */
const MOST_IN_GRID = 2 ** 20;

/** Null where the page cannot. */
export function withKernels(frame: Frame, lab: LabFilter, kernels: Float32Array): Frame | null {
  const { geometry, input, over, own } = lab;
  if (!geometry || frame.detail.kernel.dtype !== "float32") return null;
  const [channels = 1] = own.shape;
  const [height, width] = sidesOf(own);
  const size = height * width;
  const all: Taps = { data: kernels, height, width };
  const shown = channelsOf(frame, channels);
  const some: Taps = shown.length === channels ? all : { ...all, data: partOf(kernels, shown, size) };
  const source = frame.source === "input" ? input : over;
  if (!source) return null;
  const planes = frame.source === "image" && source.shape[0] !== channels ? source : chosen(source, shown);
  const response = convolve(planes, some, frame.source === "input" ? geometry : classic(all));
  const detail = {
    ...frame.detail,
    kernel: tensor(some.data, frame.detail.kernel.shape),
    response: planeTensor(response, frame.detail.response.shape),
  };
  const pictures = {
    kernels: replaced(frame.kernels, frame.filter, some.data),
    responses: replaced(frame.responses, frame.filter, response.data),
    activations: frame.activations,
  };
  if (lab.steps && input) {
    const whole =
      frame.source === "input" && shown.length === channels ? response : convolve(input, all, geometry);
    const activation = activated(whole.data, lab.bias.data[0]!, lab.steps);
    detail.activation = planeTensor({ ...whole, data: activation }, frame.detail.activation.shape);
    pictures.activations = replaced(frame.activations, frame.filter, activation);
  }
  return { ...frame, ...pictures, detail, others: new Map(), activity: null };
}

/** Rows and columns of a kernel; of a signal's one row. */
export function sidesOf({ shape }: FloatTensor): [number, number] {
  return shape.length < 3 ? [1, shape.at(-1) ?? 1] : [shape.at(-2)!, shape.at(-1)!];
}

/** Those of the filter's kernels that the frame shows. */
export function channelsOf(frame: Frame, channels: number): number[] {
  if (frame.channel !== null) return [frame.channel];
  return frame.detail.kernel.shape[0] === channels ? [...Array(channels).keys()] : [0];
}

function partOf(values: Float32Array, which: readonly number[], size: number): Float32Array {
  const part = new Float32Array(which.length * size);
  for (const [place, each] of which.entries())
    part.set(values.subarray(each * size, (each + 1) * size), place * size);
  return part;
}

function chosen(planes: FloatTensor, which: readonly number[]): FloatTensor {
  if (which.length === planes.shape[0]) return planes;
  const size = count(planes.shape.slice(1));
  return tensor(partOf(planes.data, which, size), [which.length, ...planes.shape.slice(1)]);
}

function tensor(data: Float32Array, shape: readonly number[]): FloatTensor {
  return { dtype: "float32", shape, data };
}

/** In the shape that the frame has, where it has as many values. */
function planeTensor({ data, height, width }: Plane, shape: readonly number[]): FloatTensor {
  return tensor(data, count(shape) === data.length ? shape : [height, width]);
}

function replaced(picture: Picture, filter: number, values: Float32Array): Picture {
  const { tensor: all, reduced, ranges } = picture;
  const length = count(all.shape.slice(1));
  if (all.dtype !== "float32" || reduced !== 1 || length !== values.length || all.data.length > MOST_IN_GRID)
    return picture;
  const data = all.data.slice();
  data.set(values, filter * length);
  const own = () => rangeOf(summarize(values));
  return {
    ...picture,
    tensor: tensor(data, all.shape),
    ranges:
      ranges.length > 1
        ? ranges.map((range, k) => (k === filter ? own() : range))
        : [rangeOf(summarize(data))],
  };
}
