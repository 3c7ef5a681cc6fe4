/**
 * What makes the next move quick: the neighbours' frames, the other filters of a large layer, the layers before and
 * behind, a large net's prediction. Asked for one at a time, while nobody waits for a picture.
 */

import { Client, type Listener, type Wire } from "../wire/client";
import { type Frame, type FrameArgs, MAP_NAMES } from "../wire/frame";
import { type ArgsOf, decode, type ReplyTo, type RequestName } from "../wire/requests";
import { argsOf, type Frames, sameArgs, withFilter } from "./frames";
import { LOST_AFTER, RESTS_AFTER } from "./timing";

/** Of the other filters of one frame. */
const MOST_BYTES = 2 ** 23;
/** Of one filter in full precision; hover tells the others' values to the half of a code. */
const MOST_VALUES = 2 ** 21;
/** Of one message of other filters, which may delay a move: VS Code takes 80 ms for it, JupyterLab 5. */
const MESSAGE_BYTES = 2 ** 16;

type Name = "prefetch" | "prediction" | "filters";
type Question = { [name in Name]: readonly [name: name, args: ArgsOf<name>] }[Name];

/** What a person moves along: the next frames are those behind the last move. */
type Axis = "image" | "checkpoint";

export interface PrefetchOptions {
  readonly frames: Frames;
  /** The frame on screen, where that is what is selected. */
  current(): Frame | null;
  /** How many images there are, null where nobody knows; and how many checkpoints. */
  lengths(): { readonly [axis in Axis]: number | null };
  /** What is selected, in another layer; null where there is none. */
  inLayer(layer: number): FrameArgs | null;
  /** Takes a frame that may be selected next. */
  framed(reply: ReplyTo<"prefetch">): void;
  /** More is known of the frame on screen. */
  more(): void;
  /** A person waits for a picture. */
  someoneWaits(): boolean;
  visible(): boolean;
}

export class Prefetch implements Listener {
  readonly #options: PrefetchOptions;
  readonly #client: Client;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #before: Frame | null = null;
  #axis: Axis = "image";
  #step = 0;
  #moved = 0;
  #asked: Question | null = null;
  /** What could not be had is not asked for again before the next move. */
  #failed = false;

  constructor(wire: Wire, options: PrefetchOptions) {
    this.#options = options;
    const { someoneWaits, visible } = options;
    const patience = LOST_AFTER.prefetch;
    this.#client = new Client(wire, this, { patience, inFlight: 1, someoneWaits, visible });
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#client.dispose();
  }

  /** Called after each frame that was painted as selected. */
  painted(frame: Frame): void {
    const before = this.#before;
    if (!before || !sameArgs(before, frame)) {
      this.#before = frame;
      const along = (axis: Axis) => (frame[axis] ?? 0) - (before?.[axis] ?? 0);
      const same = before?.layer === frame.layer;
      this.#axis = same && along("checkpoint") && !along("image") ? "checkpoint" : "image";
      this.#step = same ? along(this.#axis) : 0;
      this.#moved = performance.now();
      this.#failed = false;
    }
    this.#ask();
  }

  reply(reply: ReplyTo<RequestName>): void {
    const { frames, framed, more } = this.#options;
    const args = this.#asked![1];
    if (reply.error) this.#failed = true;
    else if (reply.name === "prefetch") framed(reply);
    else if (reply.name === "prediction") {
      frames.predict(args.image, decode(reply));
      more();
    } else if (reply.name === "filters") {
      frames.addFilters(args, decode(reply));
      if (!("codes" in args && args.codes)) more();
    }
    this.#ask();
  }

  skipped(): void {
    this.#ask();
  }

  changed(): void {
    this.#failed = false;
  }

  refused(): void {}

  #ask(): void {
    clearTimeout(this.#timer);
    const { someoneWaits, visible, current } = this.#options;
    const frame = current();
    if (!frame || this.#failed || this.#client.busy || someoneWaits() || !visible()) return; // the next frame painted comes back to this
    const rest = this.#moved + RESTS_AFTER.prefetch - performance.now();
    const question =
      rest <= 0 ? this.#next(frame) : Math.abs(this.#step) === 1 && this.#neighbour(frame, this.#step);
    if (question) {
      this.#asked = question;
      this.#client.ask(question[0], question[1]);
    } else if (rest > 0) this.#timer = setTimeout(() => this.#ask(), rest);
  }

  #next(frame: Frame): Question | null {
    const args = argsOf(frame);
    const forth = this.#step < 0 ? -1 : 1;
    const maps = MAP_NAMES.map((name) => frame.detail[name]);
    if (maps.some(({ dtype }) => dtype === "uint8") && maps.every(({ data }) => data.length <= MOST_VALUES))
      return ["filters", { ...args, filters: [frame.filter], codes: false }];
    if (!frame.sample.prediction) return ["prediction", args];
    return (
      this.#neighbour(frame, forth) ||
      this.#neighbour(frame, -forth) ||
      this.#others(frame) ||
      this.#layer(frame, 1) ||
      this.#layer(frame, -1)
    );
  }

  /** A neighbour's frame, and then its prediction. */
  #neighbour(frame: Frame, step: number): Question | null {
    const { frames, lengths } = this.#options;
    const axis = this.#axis;
    const at = (frame[axis] ?? -1) + step;
    if (frame[axis] === null || at < 0 || at >= (lengths()[axis] ?? Number.POSITIVE_INFINITY)) return null;
    const args = { ...argsOf(frame), [axis]: at };
    const predicted = frame.cell_runs || frames.find(args)?.sample.prediction;
    return this.#frame(frame, args) || (predicted ? null : ["prediction", args]);
  }

  /** What the layer before or behind does to the image. */
  #layer(frame: Frame, step: number): Question | null {
    const args = this.#options.inLayer(frame.layer + step);
    return args && this.#frame(frame, args);
  }

  /** A frame that is not kept. While a cell runs, it would soon be of old weights. */
  #frame({ cell_runs }: Frame, args: FrameArgs): Question | null {
    const { frames } = this.#options;
    return cell_runs || frames.find(args)
      ? null
      : ["prefetch", { ...args, kernels_held: frames.withKernels(args)?.revision }];
  }

  /** Filters that the page could not show by itself, those near the selected one first. */
  #others(frame: Frame): Question | null {
    const { detail } = frame;
    const codes = MAP_NAMES.reduce((bytes, name) => bytes + detail[name].data.length, 0);
    const each = 4 * detail.kernel.data.length + codes;
    if (frame.others.size * each > MOST_BYTES) return null;
    const distance = (filter: number) => Math.abs(filter - frame.filter);
    const filters = [...Array(frame.kernels.tensor.shape[0]).keys()]
      .filter((filter) => !withFilter(frame, filter))
      .sort((a, b) => distance(a) - distance(b))
      .slice(0, Math.ceil(MESSAGE_BYTES / each));
    return filters.length > 0 ? ["filters", { ...argsOf(frame), filters, codes: true }] : null;
  }
}
