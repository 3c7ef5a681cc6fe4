/** The selection: six traits of the model, shared with Python and with every other view. */

import type { AnyModel } from "@anywidget/types";
import type { Description, LayerInfo } from "../wire/description";
import type { Slices, Source } from "../wire/frame";

export interface Traits {
  image_index: number;
  layer_index: number;
  filter_index: number;
  channel: number | null;
  source: Source;
  checkpoint_index: number | null;
}

export interface Selection {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly channel: number | null;
  readonly source: Source;
  /** Null: the net itself. */
  readonly checkpoint: number | null;
}

/** What the person chooses of the colours: such that fit the range, or one palette for all. It holds for one view alone. */
export type PaletteChoice = "auto" | "sequential" | "diverging" | "gray";

const TRAIT_OF = {
  image: "image_index",
  layer: "layer_index",
  filter: "filter_index",
  channel: "channel",
  source: "source",
  checkpoint: "checkpoint_index",
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
    checkpoint: model.get("checkpoint_index"),
  };
}

/** Within what there is: after a change of layer the filter is clamped and a channel that is not there becomes null. */
export function fitSelection(selection: Selection, description: Description | null): Selection {
  if (!description || description.layers.length === 0) return selection;
  const clamp = (value: number, length: number) => Math.min(Math.max(0, value), length - 1);
  const layer = clamp(selection.layer, description.layers.length);
  const { filters, channels } = description.layers[layer]!;
  const { channel, checkpoint } = selection;
  const { checkpoints } = description;
  return {
    ...selection,
    image: clamp(selection.image, description.images ?? Number.POSITIVE_INFINITY),
    layer,
    filter: clamp(selection.filter, filters),
    channel: channel !== null && channel >= channels ? null : channel,
    checkpoint:
      checkpoint === null || checkpoints.length === 0 ? null : clamp(checkpoint, checkpoints.length),
  };
}

/** How many slices there are to choose from: of a layer's maps, and of its kernels; null where they are no volumes. */
export function depthsOf(layer: LayerInfo | undefined): { [key in keyof Slices]: number | null } {
  const volume = layer?.kernel.length === 3;
  return { slice: volume ? layer.out_shape[1]! : null, kernel_slice: volume ? layer.kernel[0]! : null };
}

/**
 * Which slice of a volume of so many is drawn: the middle one, or the chosen one, which counts in `of` slices, of which
 * the volume may have others. The rule of `slice_of` in Python.
 */
export function drawnSlice(chosen: number | null, depth: number, of: number = depth): number {
  return chosen === null ? Math.floor(depth / 2) : Math.floor(((2 * chosen + 1) * depth) / (2 * of));
}

/** A slice stays chosen from layer to layer; one that is not there becomes the middle one. */
export function fitSlices(chosen: Slices, layer: LayerInfo | undefined): Slices {
  const depths = depthsOf(layer);
  const within = (key: keyof Slices) => ((chosen[key] ?? 0) < (depths[key] ?? 0) ? chosen[key] : null);
  return { slice: within("slice"), kernel_slice: within("kernel_slice") };
}

/** Sets what differs, to be saved once: what changes together reaches Python together. */
export function writeSelection(
  model: AnyModel<Traits>,
  change: Partial<Selection>,
  description: Description | null,
): boolean {
  const current = readSelection(model);
  const next = fitSelection({ ...current, ...change }, description);
  const changed = KEYS.filter((key) => next[key] !== current[key]);
  for (const key of changed) model.set(TRAIT_OF[key], next[key]);
  return changed.length > 0;
}
