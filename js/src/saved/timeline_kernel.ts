/** A layer over the checkpoints, from the parts of a saved page: the twin of `saved_page/timeline.py`. */

import type { ArgsOf, RequestName } from "../wire/requests";
import { count, type FloatTensor } from "../wire/tensor";
import type { StripItem, Timeline, TimelineRequests } from "../wire/timeline";
import { planeOf } from "./maps";
import type { Parts } from "./parts";
import type { SavedTimeline, SavedTimelineImage } from "./types";

export function answerOverTime(parts: Parts, name: RequestName, args: object): Promise<object> | null {
  if (name === "timeline") return bodyOf(parts, args as ArgsOf<"timeline">);
  return name === "timeline_strip" ? stripOf(parts, args as ArgsOf<"timeline_strip">) : null;
}

async function bodyOf(parts: Parts, { layer, filter }: ArgsOf<"timeline">): Promise<Timeline> {
  const { body, steps } = await parts.read<SavedTimeline>("timeline");
  return { ...body, layer, filter, steps: steps[filter]! };
}

/** All checkpoints from `start` on. */
async function stripOf(
  parts: Parts,
  { image, filter, channel, start }: ArgsOf<"timeline_strip">,
): Promise<TimelineRequests["timeline_strip"]["body"]> {
  const [saved, { maps, errors }] = await Promise.all([
    parts.read<SavedTimeline>("timeline"),
    parts.read<SavedTimelineImage>(`timeline-${image}`),
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
