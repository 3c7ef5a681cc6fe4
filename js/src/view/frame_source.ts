/** Where a view's frames come from: one that is kept answers at once, for another the kernel is asked. */

import { Frames, sameArgs } from "../state/frames";
import type { Client } from "../wire/client";
import { decodeFrame, type Frame, type FrameArgs } from "../wire/frame";
import type { ReplyTo } from "../wire/requests";

const KEPT_BYTES = 32 * 2 ** 20;

export class FrameSource {
  readonly kept = new Frames(KEPT_BYTES);
  readonly #client: Client;
  /** The question whose answer is awaited. */
  #asked: FrameArgs | null = null;
  /** Of the net's own weights, the newest that is known: frames from before it, of whatever checkpoint, are out of date. */
  #revision = Number.NEGATIVE_INFINITY;

  constructor(client: Client) {
    this.#client = client;
  }

  get waits(): boolean {
    return this.#asked !== null;
  }

  /** Whether a frame answers the question, of the weights that the net has. */
  answers(frame: Frame, args: FrameArgs): boolean {
    return frame.revision >= this.#revision && sameArgs(frame, args);
  }

  find(args: FrameArgs): Frame | null {
    return this.kept.answer(args, this.#revision);
  }

  ask(args: FrameArgs): void {
    if (this.#asked && sameArgs(this.#asked, args)) return;
    this.#asked = args;
    this.#client.ask("frame", { ...args, kernels_held: this.kept.withKernels(args)?.revision });
  }

  /** What is selected is on screen: whatever is on its way is not wanted any more. */
  settle(): void {
    this.#asked = null;
    this.#client.forget("frame");
  }

  /** Keeps the reply's frame; null where that is of no use. `newest`: nothing newer was asked for. */
  take(reply: ReplyTo<"frame">, newest: boolean): Frame | null {
    const frame = this.#decode(reply);
    if (!frame && newest) this.#asked = null; // so that it is asked again
    if (!frame || (frame.revision < this.#revision && !newest)) return null;
    if (frame.checkpoint === null) this.#revision = frame.revision;
    this.kept.add(frame);
    if (newest) this.#asked = null;
    return frame;
  }

  /** Keeps a frame that may be selected next. */
  keep(reply: ReplyTo<"prefetch">): void {
    const frame = this.#decode(reply);
    if (frame) this.kept.add(frame);
  }

  /** The net has other weights. */
  changed(revision: number): void {
    this.reached(revision);
    this.kept.clear();
    this.#asked = null;
  }

  reached(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
  }

  /**
   * What the reply leaves out, because the page had it when it asked, is put in. Null where the reply is out of date, or
   * where what it leaves out has been dropped meanwhile.
   */
  #decode(reply: ReplyTo<"frame" | "prefetch">): Frame | null {
    const head = (reply.body ?? {}) as Frame;
    if (head.revision < this.#revision) return null;
    const kernels = head.kernels ?? this.kept.withKernels(head, head.revision)?.kernels;
    return kernels ? decodeFrame(reply, kernels) : null;
  }
}
