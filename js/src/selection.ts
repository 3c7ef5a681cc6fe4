/** The selection: five traits of the model, shared with Python and with every other view. */

import type { AnyModel } from "@anywidget/types";
import type { Description, Source } from "./protocol";

export interface Traits {
  image_index: number;
  layer_index: number;
  filter_index: number;
  channel: number | null;
  source: Source;
}

export interface Selection {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly channel: number | null;
  readonly source: Source;
}

const TRAIT_OF = {
  image: "image_index",
  layer: "layer_index",
  filter: "filter_index",
  channel: "channel",
  source: "source",
} as const satisfies Record<keyof Selection, keyof Traits>;

const KEYS = Object.keys(TRAIT_OF) as (keyof Selection)[];

export const TRAITS: readonly (keyof Traits)[] = Object.values(TRAIT_OF);

export function readSelection(model: AnyModel<Traits>): Selection {
  return {
    image: model.get("image_index"),
    layer: model.get("layer_index"),
    filter: model.get("filter_index"),
    channel: model.get("channel"),
    source: model.get("source"),
  };
}

/** Within what there is: after a change of layer the filter is clamped and a channel that is not there becomes null. */
export function fitSelection(selection: Selection, description: Description | null): Selection {
  if (!description || description.layers.length === 0) return selection;
  const clamp = (value: number, length: number) => Math.min(Math.max(0, value), length - 1);
  const layer = clamp(selection.layer, description.layers.length);
  const { filters, channels } = description.layers[layer]!;
  const { channel } = selection;
  return {
    ...selection,
    image: clamp(selection.image, description.images ?? Number.POSITIVE_INFINITY),
    layer,
    filter: clamp(selection.filter, filters),
    channel: channel !== null && channel >= channels ? null : channel,
  };
}

/** Sets what differs, and saves once: what changes together reaches Python together. */
export function writeSelection(
  model: AnyModel<Traits>,
  change: Partial<Selection>,
  description: Description | null,
): void {
  const current = readSelection(model);
  const next = fitSelection({ ...current, ...change }, description);
  const changed = KEYS.filter((key) => next[key] !== current[key]);
  for (const key of changed) model.set(TRAIT_OF[key], next[key]);
  if (changed.length > 0) model.save_changes();
}
