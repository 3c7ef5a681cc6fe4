/** A kernel for tests of the strip: image i has the class i mod 3, and the net takes every fifth for the next class. */

import type { Outcome, Strip, StripArgs } from "../../src/wire/strip";

export const CLASSES = ["Coat", "Shirt", "Bag"] as const;
export const SIDE = 4;

export interface StripRequest {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly args: StripArgs;
}

export interface StripBehaviour {
  total?: number;
  revision?: number;
  classes?: readonly (string | number)[];
  predicted?: boolean;
  survey?: Partial<Strip["survey"]>;
  /** The survey came this far. */
  upTo?: number;
  unreadable?: number;
}

export function stripReply(id: string, args: StripArgs, behaviour: StripBehaviour = {}) {
  const { total = 100, classes = CLASSES, predicted = true, upTo = total } = behaviour;
  const label = (image: number) => classes[image % 3] ?? null;
  const said = (image: number) => classes[(image + (image % 5 === 4 ? 1 : 0)) % 3] ?? null;
  const outcome = (image: number): Outcome => (label(image) === said(image) ? "right" : "wrong");
  const all = Array.from({ length: upTo }, (_, image) => image).filter(
    (image) =>
      (args.class === null || label(image) === args.class) &&
      (args.outcome === null || outcome(image) === args.outcome),
  );
  const images = all.slice(args.start, args.start + args.count);
  const bad = (image: number) => image === behaviour.unreadable;
  const thumbs = new Uint8Array(images.length * SIDE * SIDE * 3);
  for (const [k, image] of images.entries())
    thumbs.fill(image + 1, k * SIDE * SIDE * 3, (k + 1) * SIDE * SIDE * 3);
  const body = {
    revision: behaviour.revision ?? 1,
    start: args.start,
    images,
    labels: images.map((image) => (bad(image) ? null : label(image))),
    predicted: images.map((image) => (predicted && !bad(image) ? said(image) : null)),
    right: images.map(() => null),
    thumbs: { tensor: 0 },
    sizes: images.map(() => [SIDE, 2]),
    errors: images.map((image) => (bad(image) ? "Image 1 is no picture: <b>broken</b>" : null)),
    matching: all.length,
    total,
    classes,
    survey: { done: upTo, total, running: false, needed: false, error: null, ...behaviour.survey },
  };
  const tensors = [{ dtype: "uint8", shape: [images.length, SIDE, SIDE, 3] }];
  return {
    content: { kind: "reply", id, name: "strip", body, tensors },
    buffers: [new DataView(thumbs.buffer)],
  };
}
