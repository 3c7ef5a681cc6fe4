/** A layer at each checkpoint, from the parts of a saved page: the twin of `saved_page/timeline.py` and `checkpoint_maps.py`. */

import { notKeptInWords } from "../panels/timeline/words";
import type { Traits } from "../state/selection";
import { spoken } from "../text/format";
import type { FrameArgs } from "../wire/frame";
import type { ArgsOf, RequestName } from "../wire/requests";
import { count, type FloatTensor } from "../wire/tensor";
import type { KeptTimeline, StripItem, Timeline, TimelineRequests } from "../wire/timeline";
import { type FrameParts, type Ranges, rangesOver } from "./frame";
import { planeOf } from "./maps";
import type { Parts } from "./parts";
import { savedStrip } from "./strip";
import type { SavedTimelineKernel } from "./timeline_script";
import type { SavedKernels, SavedMapsAt, SavedOutline, SavedTimeline, SavedTimelineImage } from "./types";

/** Of so many selections the ranges over all checkpoints are kept. */
const KEPT = 16;

export class TimelineKernel implements SavedTimelineKernel {
  readonly #parts: Parts;
  readonly #outline: SavedOutline;
  readonly #kept: KeptTimeline;
  readonly #ranges = new Map<string, Ranges>();
  /** The strip tells its predictions. */
  #checkpoint: number | null;

  constructor(parts: Parts, outline: SavedOutline) {
    this.#parts = parts;
    this.#outline = outline;
    this.#kept = outline.saved.timeline!;
    this.#checkpoint = this.#kept.shown;
  }

  answer(name: RequestName, args: object): Promise<object> | null {
    if (name === "timeline") return this.#body(args as ArgsOf<"timeline">);
    if (name === "timeline_strip") return this.#strip(args as ArgsOf<"timeline_strip">);
    return name === "strip" ? this.#images(args as ArgsOf<"strip">) : null;
  }

  instead(traits: Traits): { traits: Traits; sentence: string } | null {
    const { image_index: image, layer_index: layer, checkpoint_index: checkpoint } = traits;
    this.#checkpoint = checkpoint;
    const { shown } = this.#kept;
    if (checkpoint === shown || this.#kept.images.length === 0) return null;
    const sentence = checkpoint === null ? "The net itself was not saved." : this.#notKept(image, layer);
    if (sentence === null) return null;
    this.#checkpoint = shown;
    return { traits: { ...traits, checkpoint_index: shown }, sentence };
  }

  async partsAt(args: FrameArgs, parts: FrameParts, depth: number): Promise<FrameParts> {
    const { checkpoint, image, layer, scale } = args;
    const overAll = scale === "checkpoints";
    if ((checkpoint ?? this.#kept.shown) === this.#kept.shown && !overAll) return parts;
    const sentence = this.#notKept(image, layer);
    if (sentence !== null) throw new Error(overAll ? `${sentence} Choose another colour scale.` : sentence);
    const here = await this.#at(checkpoint, image, parts);
    return overAll ? { ...here, ranges: await this.#rangesOf(args, parts, depth) } : here;
  }

  #notKept(image: number, layer: number): string | null {
    return notKeptInWords(this.#kept, image, layer, spoken(this.#outline.description.layers[layer]!.name));
  }

  /** `parts`: at the checkpoint that the page is of. */
  async #at(checkpoint: number | null, image: number, parts: FrameParts): Promise<FrameParts> {
    if (checkpoint === null || checkpoint === this.#kept.shown) return parts;
    const name = `maps-at-${image}-${checkpoint}`;
    if (!this.#parts.has(name)) throw new Error(await this.#why(checkpoint, image));
    const [kernels, { prediction, overlay, ...maps }] = await Promise.all([
      this.#parts.read<SavedKernels>(`layer-at-${checkpoint}`),
      this.#parts.read<SavedMapsAt>(name),
    ]);
    return {
      ...parts,
      image: { ...parts.image, prediction, overlay },
      layer: { ...parts.layer, ...kernels, ...maps.own_kernels },
      maps,
      edited: null, // what the lab edits are the kernels of the checkpoint that the page is of
    };
  }

  async #why(checkpoint: number, image: number): Promise<string> {
    const { errors } = await this.#parts.read<SavedTimeline>("timeline");
    const ofImage = await this.#parts.read<SavedTimelineImage>(`timeline-${image}`);
    return errors[checkpoint] ?? ofImage.errors[checkpoint] ?? "This checkpoint was not saved.";
  }

  async #rangesOf(args: FrameArgs, parts: FrameParts, depth: number): Promise<Ranges> {
    const { image, channel, source, slice, kernel_slice } = args;
    const key = JSON.stringify([image, channel, source, slice, kernel_slice]);
    const known = this.#ranges.get(key);
    if (known) return known;
    const { titles, shown } = this.#kept;
    const there = (at: number) => at === shown || this.#parts.has(`maps-at-${image}-${at}`);
    const each = [...titles.keys()]
      .filter(there)
      .map((at) => this.#at(at, image, { ...parts, edited: null }));
    const ranges = rangesOver(args, await Promise.all(each), depth);
    this.#ranges.set(key, ranges);
    for (const oldest of [...this.#ranges.keys()].slice(0, -KEPT)) this.#ranges.delete(oldest);
    return ranges;
  }

  /** The data set's images, with the predictions of the checkpoint that is selected. */
  async #images(args: ArgsOf<"strip">): Promise<object> {
    const { strip } = this.#outline;
    const { predicted, shown } = this.#kept;
    const checkpoint = this.#checkpoint;
    const here = checkpoint === null || checkpoint === shown ? strip.predicted : predicted[checkpoint]!;
    return savedStrip({ ...strip, predicted: here }, args);
  }

  async #body({ layer, filter }: ArgsOf<"timeline">): Promise<Timeline> {
    const { body, steps } = await this.#parts.read<SavedTimeline>("timeline");
    return { ...body, layer, filter, steps: steps[filter]! };
  }

  /** All checkpoints from `start` on. */
  async #strip({
    image,
    filter,
    channel,
    start,
  }: ArgsOf<"timeline_strip">): Promise<TimelineRequests["timeline_strip"]["body"]> {
    const [saved, { maps, errors }] = await Promise.all([
      this.#parts.read<SavedTimeline>("timeline"),
      this.#parts.read<SavedTimelineImage>(`timeline-${image}`),
    ]);
    const [checkpoints = 0, filters = 1] = saved.kernels.shape;
    const shape = maps.values.shape.slice(1);
    const itemAt = (at: number): StripItem => {
      const error = saved.errors[at] ?? errors[at] ?? null;
      if (error !== null) return { kernel: null, activation: null, error };
      const place = at * filters + filter;
      const { data } = planeOf(maps, place, [0], count(shape));
      const activation = { dtype: "float32", shape, data } as const;
      return { kernel: kernelAt(saved.kernels, place, channel), activation, error };
    };
    const items = [...Array(checkpoints).keys()].slice(start).map(itemAt);
    return { start, count: checkpoints, items };
  }
}

/** `place`: of a checkpoint and filter. One channel's, where one is chosen and they were saved one by one. */
function kernelAt({ shape, data }: FloatTensor, place: number, channel: number | null): FloatTensor {
  const [channels = 1, ...size] = shape.slice(2);
  const alone = channel !== null && channel < channels;
  const values = count(size);
  const first = place * channels + (alone ? channel : 0);
  const shown = alone ? 1 : channels;
  return {
    dtype: "float32",
    shape: [shown, ...size],
    data: data.subarray(first * values, (first + shown) * values),
  };
}
