/** What the fake kernel answers about positions: a stride of 2 over an image of 8×8 with a padding of 1. */

import type { PositionArgs } from "../../src/wire/positions";
import type { Behaviour } from "./fake_net";

type Args = PositionArgs & { input_channel?: number };
type Put = (data: number[], shape: number[], dtype?: "float32" | "uint8") => object;
export type PointName = keyof typeof POINT_ANSWERS;

/** Fields of n positions along an axis of so many pixels: windows of `size`, `stride` apart, from `start` on. */
function axis(
  put: Put,
  along: number,
  n: number,
  pixels: number,
  size: number,
  stride: number,
  start: number,
) {
  const each = Array.from({ length: n }, (_, k) => [start + k * stride, start + k * stride + size] as const);
  const inside = each.flatMap(([a, b]) => [Math.max(0, a), Math.min(pixels, b)]);
  return {
    along,
    inside: put(inside, [n, 2]),
    theoretical: put(each.flat(), [n, 2]),
    doubt: put(new Array(n).fill(0), [n], "uint8"),
    centres: put(
      each.map(([a, b]) => (a + b) / 2),
      [n],
    ),
  };
}

const map = (put: Put, n: number, stride: number) => ({
  shape: [n, n],
  image: [4, 4],
  everywhere: false,
  place: "",
  axes: [0, 1].map((along) => axis(put, along, n, 4, 3, stride, -1)),
});

export const POINT_ANSWERS = {
  fields: (put: Put, _args: Args, behaviour: Behaviour) => {
    if (behaviour.givesWay) {
      behaviour.givesWay -= 1;
      return { fields: null, error: "" };
    }
    if (behaviour.noFields) return { fields: null, error: behaviour.noFields };
    return { fields: { pre_activation: map(put, 4, 1), activation: map(put, 2, 2) }, error: "" };
  },
  /** Channel c has the patch c + 1 and the kernel (−1)^c everywhere. */
  arithmetic: (put: Put, { image, layer, filter, row, column }: Args, behaviour: Behaviour) => {
    const { channels, side } = behaviour.arithmetic ?? { channels: 2, side: 2 };
    const cells = side * side;
    const all = (value: (channel: number) => number) =>
      put(
        Array.from({ length: channels * cells }, (_, k) => value(Math.floor(k / cells))),
        [channels, side, side],
      );
    const one = (value: number) => put([value], [1]);
    const sums = Array.from({ length: channels }, (_, c) => cells * (c + 1) * (-1) ** c);
    const total = sums.reduce((sum, value) => sum + value, 0);
    const span = (start: number) => Array.from({ length: side }, (_, k) => (start + k < 0 ? -1 : start + k));
    const outside = Array.from({ length: cells }, (_, k) => Number(row === 0 && k < side));
    return {
      image,
      layer,
      filter,
      position: [row, column],
      patch: all((c) => c + 1),
      kernel: all((c) => (-1) ** c),
      products: all((c) => (c + 1) * (-1) ** c),
      channel_sums: put(sums, [channels]),
      order: sums.map((_, c) => channels - 1 - c),
      first_channel: 0,
      sources: [span(row - 1), span(column - 1)],
      padding: put(outside, [side, side], "uint8"),
      between: put(new Array(cells).fill(0), [side, side], "uint8"),
      padding_mode: "zeros",
      numbers: {
        bias: one(0.5),
        pre_activation: one(total + 0.5),
        activation: one(Math.max(0, total + 0.5)),
        recomputed: one(total + 0.5),
        difference: one(1e-7),
        rounding: one(1e-6),
      },
      agrees: true,
      steps: [{ name: "relu", value: one(Math.max(0, total + 0.5)), note: "" }],
      activation_name: "conv → relu",
    };
  },
  effective: (put: Put) => side(put, [4, 4]),
  input: (put: Put, { input_channel = 0 }: Args) => ({
    channel: input_channel,
    size: [4, 4],
    ...side(put, [4, 4]),
  }),
};

function side(put: Put, shape: [number, number]) {
  const [rows, columns] = shape;
  const codes = Array.from({ length: rows * columns }, (_, k) => 2 + k);
  const range = {
    low: 0,
    high: 1,
    signed: false,
    minimum: 0,
    maximum: 1,
    nan: 0,
    infinite: 0,
    constant: false,
  };
  return { ...put(codes, shape, "uint8"), encoding: "codes", reduced: 1, ranges: [range] };
}

export function pointReply(id: string, name: PointName, args: Args, behaviour: Behaviour) {
  const tensors: { dtype: string; shape: number[] }[] = [];
  const buffers: DataView[] = [];
  const put: Put = (data, shape, dtype = "float32") => {
    const array = dtype === "uint8" ? Uint8Array.from(data) : Float32Array.from(data);
    tensors.push({ dtype, shape });
    buffers.push(new DataView(array.buffer));
    return { tensor: tensors.length - 1 };
  };
  const body = { revision: behaviour.revision ?? 1, ...POINT_ANSWERS[name](put, args, behaviour) };
  return { content: { kind: "reply", id, name, body, tensors }, buffers };
}
