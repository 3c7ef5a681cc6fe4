/** The frame on screen with another kernel for its filter, as far as the page can compute it. */

import { rangeOf } from "../../draw/codes";
import type { Frame, Picture, Source } from "../../wire/frame";
import type { LabFilter } from "../../wire/lab";
import { count, type FloatTensor, summarize } from "../../wire/tensor";
import { activated, classic, convolve, type Plane, type Taps } from "./arithmetic";

/** A layer of more values keeps its grid until Python has answered. */
const MOST_IN_GRID = 2 ** 20;

/** What a filter gives with other kernels: the response of some of them, and the activation of all. */
export interface EditedMaps {
  /** Those that the response sums. */
  readonly kernels: Float32Array;
  readonly response: Plane;
  readonly activation: Plane | null;
}

type Computable = Pick<LabFilter, "geometry" | "input" | "over" | "own" | "bias" | "steps">;

/** `shown`: the kernels whose responses are summed. Null where the page cannot. */
export function mapsWith(
  lab: Computable,
  kernels: Float32Array,
  of: Source,
  shown: readonly number[],
): EditedMaps | null {
  const { geometry, input, over, own } = lab;
  const source = of === "input" ? input : over;
  if (!geometry || !source) return null;
  const [channels = 1] = own.shape;
  const [height, width] = sidesOf(own);
  const size = height * width;
  const all: Taps = { data: kernels, height, width };
  const some: Taps = shown.length === channels ? all : { ...all, data: partOf(kernels, shown, size) };
  const planes = of === "image" && source.shape[0] !== channels ? source : chosen(source, shown);
  const response = convolve(planes, some, of === "input" ? geometry : classic(all));
  let activation: Plane | null = null;
  if (lab.steps && input) {
    const whole = of === "input" && shown.length === channels ? response : convolve(input, all, geometry);
    activation = { ...whole, data: activated(whole.data, lab.bias.data[0]!, lab.steps) };
  }
  return { kernels: some.data, response, activation };
}

/** Null where the page cannot. */
export function withKernels(frame: Frame, lab: LabFilter, kernels: Float32Array): Frame | null {
  if (frame.detail.kernel.dtype !== "float32") return null;
  const maps = mapsWith(lab, kernels, frame.source, channelsOf(frame, lab.own.shape[0] ?? 1));
  if (!maps) return null;
  const { response, activation } = maps;
  const detail = {
    ...frame.detail,
    kernel: tensor(maps.kernels, frame.detail.kernel.shape),
    response: planeTensor(response, frame.detail.response.shape),
  };
  const pictures = {
    kernels: replaced(frame.kernels, frame.filter, maps.kernels),
    responses: replaced(frame.responses, frame.filter, response.data),
    activations: frame.activations,
  };
  if (activation) {
    detail.activation = planeTensor(activation, frame.detail.activation.shape);
    pictures.activations = replaced(frame.activations, frame.filter, activation.data);
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
