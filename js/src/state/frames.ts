/** The frames the page holds, and the questions they can answer without the kernel. */

import type { Detail, Filters, Frame, FrameArgs, Picture, Prediction } from "../wire/messages";
import { type FloatTensor, sliceOf } from "../wire/tensor";

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

/** The question that a frame answers, without what it holds. */
export function argsOf(frame: FrameArgs): FrameArgs {
  return Object.fromEntries(ARGS.map((key) => [key, frame[key]])) as unknown as FrameArgs;
}

/** The frame with another filter of the same layer selected, or null where that filter's values are not held. */
export function withFilter(frame: Frame, filter: number): Frame | null {
  if (filter === frame.filter) return frame;
  const kernel = fullValues(frame.kernels, filter);
  const response = fullValues(frame.responses, filter);
  const activation = fullValues(frame.activations, filter);
  if (kernel && response && activation) return { ...frame, filter, detail: { kernel, response, activation } };
  const detail = frame.others.get(filter);
  return detail ? { ...frame, filter, detail: kernel ? { ...detail, kernel } : detail } : null;
}

function fullValues({ tensor, reduced }: Picture, filter: number): FloatTensor | null {
  if (tensor.dtype !== "float32" || reduced !== 1) return null; // codes, or a thumbnail
  return filter < (tensor.shape[0] ?? 0) ? sliceOf(tensor, filter) : null;
}

function bytesOf(frame: Frame): number {
  const { kernels, responses, activations, detail, others, sample } = frame;
  const tensors = [kernels.tensor, responses.tensor, activations.tensor, sample.display];
  for (const one of [detail, ...others.values()]) tensors.push(...Object.values(one as Detail));
  return tensors.reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
}

/** A few recent frames, the least recently used dropped first. */
export class Frames {
  #frames: Frame[] = [];

  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A frame for any filter serves the others too: the newest takes the place of one that was there. */
  add(frame: Frame): void {
    const before = this.find(frame);
    if (before && before.revision === frame.revision) {
      for (const [filter, detail] of before.others) frame.others.set(filter, detail);
      frame.others.set(before.filter, before.detail);
    }
    this.#frames = [frame, ...this.#frames.filter((held) => held !== before)];
    this.trim();
  }

  /** What frames hold may grow after they came. */
  trim(): void {
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

  /** A held frame with the kernels of this question, of whatever image. */
  withKernels(args: FrameArgs): Frame | undefined {
    return this.#frames.find((held) => sameArgs({ ...held, image: args.image, filter: args.filter }, args));
  }

  /** The held frame for this question, whatever its filter. */
  find(args: FrameArgs): Frame | undefined {
    return this.#frames.find((held) => sameArgs({ ...held, filter: args.filter }, args));
  }

  /** An image's prediction comes after its pictures where the net is large. */
  predict(image: number, { revision, prediction }: { revision: number; prediction: Prediction }): void {
    this.#frames = this.#frames.map((held) =>
      held.image === image && held.revision === revision
        ? { ...held, sample: { ...held.sample, prediction } }
        : held,
    );
  }

  addFilters(args: FrameArgs, { revision, filters }: Filters): void {
    const frame = this.find(args);
    if (frame?.revision !== revision) return;
    for (const { filter, ...detail } of filters) frame.others.set(filter, detail);
    this.trim();
  }

  clear(): void {
    this.#frames = [];
  }
}
