/** The frames the page holds, and the questions they can answer without the kernel. */

import type { Frame, FrameArgs, Picture } from "./protocol";
import { type FloatTensor, sliceOf } from "./tensor";

const ARGS = [
  "image",
  "layer",
  "filter",
  "channel",
  "source",
  "scale",
  "plane",
  "slice",
  "kernel_slice",
] as const satisfies (keyof FrameArgs)[];

export function sameArgs(a: FrameArgs, b: FrameArgs): boolean {
  return ARGS.every((key) => a[key] === b[key]);
}

/** The frame with another filter of the same layer selected, or null where that filter's full values are not held. */
export function withFilter(frame: Frame, filter: number): Frame | null {
  if (filter === frame.filter) return frame;
  const kernel = fullValues(frame.kernels, filter);
  const response = fullValues(frame.responses, filter);
  const activation = fullValues(frame.activations, filter);
  if (!kernel || !response || !activation) return null;
  return { ...frame, filter, detail: { kernel, response, activation } };
}

function fullValues({ tensor, reduced }: Picture, filter: number): FloatTensor | null {
  if (tensor.dtype !== "float32" || reduced !== 1) return null; // codes, or a thumbnail
  return filter < (tensor.shape[0] ?? 0) ? sliceOf(tensor, filter) : null;
}

function bytesOf(frame: Frame): number {
  const { kernels, responses, activations, detail, sample } = frame;
  const tensors = [
    kernels.tensor,
    responses.tensor,
    activations.tensor,
    sample.display,
    ...Object.values(detail),
  ];
  return tensors.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}

/** A few recent frames, the least recently used dropped first. */
export class Frames {
  #frames: Frame[] = [];

  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(frame: Frame): void {
    this.#frames = [frame, ...this.#frames.filter((held) => !sameArgs(held, frame))];
    let bytes = 0;
    this.#frames = this.#frames.filter((held, place) => {
      bytes += bytesOf(held);
      return place === 0 || bytes <= this.#limit;
    });
  }

  /** A held frame for this question, at this revision or newer. */
  answer(args: FrameArgs, revision: number): Frame | null {
    for (const held of this.#frames) {
      if (held.revision < revision || !sameArgs({ ...held, filter: args.filter }, args)) continue;
      const frame = withFilter(held, args.filter);
      if (!frame) continue;
      this.#frames = [held, ...this.#frames.filter((other) => other !== held)];
      return frame;
    }
    return null;
  }

  clear(): void {
    this.#frames = [];
  }
}
