/** The frames that a view keeps, and the questions they can answer without the kernel. */

import {
  type Filters,
  type Frame,
  type FrameArgs,
  PICTURE_NAMES,
  type Picture,
  type PredictionBody,
  pictureOf,
} from "../wire/frame";
import { type FloatTensor, sliceOf } from "../wire/tensor";

const ARGS = [
  "image",
  "layer",
  "filter",
  "channel",
  "source",
  "checkpoint",
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

/** The frame with another filter of the same layer selected, or null where that filter's values are not here. */
export function withFilter(frame: Frame, filter: number): Frame | null {
  if (filter === frame.filter) return frame;
  const full = PICTURE_NAMES.map((name) => [name, fullValues(pictureOf(frame, name), filter)] as const);
  const known = Object.fromEntries(full.filter(([, values]) => values));
  const detail = full.every(([, values]) => values) ? known : frame.others.get(filter);
  return detail ? { ...frame, filter, detail: { ...detail, ...known } as Frame["detail"] } : null;
}

function fullValues({ tensor, reduced }: Picture, filter: number): FloatTensor | null {
  if (tensor.dtype !== "float32" || reduced !== 1) return null; // codes, or a thumbnail
  return filter < (tensor.shape[0] ?? 0) ? sliceOf(tensor, filter) : null;
}

function bytesOf(frame: Frame): number {
  const details = [frame.detail, ...frame.others.values()].flatMap((detail) =>
    PICTURE_NAMES.map((name) => detail[name]),
  );
  const pictures = PICTURE_NAMES.map((name) => pictureOf(frame, name).tensor);
  return [...details, ...pictures, frame.sample.display].reduce(
    (sum, tensor) => sum + tensor.data.byteLength,
    0,
  );
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
    this.#frames = [frame, ...this.#frames.filter((other) => other !== before)];
    this.trim();
  }

  /** What frames hold may grow after they came. */
  trim(): void {
    let bytes = 0;
    this.#frames = this.#frames.filter((frame, place) => {
      bytes += bytesOf(frame);
      return place === 0 || bytes <= this.#limit;
    });
  }

  /** A kept frame for this question, at this revision or newer. */
  answer(args: FrameArgs, revision: number): Frame | null {
    for (const frame of this.#frames) {
      if (frame.revision < revision || !sameArgs({ ...frame, filter: args.filter }, args)) continue;
      const answer = withFilter(frame, args.filter);
      if (!answer) continue;
      this.#frames = [frame, ...this.#frames.filter((other) => other !== frame)];
      return answer;
    }
    return null;
  }

  /** A kept frame with the kernels of this question, of whatever image; of this revision, if one is given. */
  withKernels(args: FrameArgs, revision?: number): Frame | undefined {
    return this.#frames.find(
      (frame) =>
        sameArgs({ ...frame, image: args.image, filter: args.filter }, args) &&
        (revision === undefined || frame.revision === revision),
    );
  }

  /** The kept frame for this question, whatever its filter. */
  find(args: FrameArgs): Frame | undefined {
    return this.#frames.find((frame) => sameArgs({ ...frame, filter: args.filter }, args));
  }

  /** An image's prediction comes after its pictures where the net is large. */
  predict(image: number, { revision, prediction, overlay }: PredictionBody): void {
    this.#frames = this.#frames.map((frame) =>
      frame.image === image && frame.revision === revision
        ? { ...frame, sample: { ...frame.sample, prediction, overlay } }
        : frame,
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
