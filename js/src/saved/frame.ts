/** Frames from the parts of a saved page, as `frame.py` makes them in a notebook's kernel. */

import type { FrameArgs } from "../wire/messages";
import { count } from "../wire/tensor";
import { detailOf, type Plane, pictureOf, planeOf } from "./maps";
import type { SavedImage, SavedLayer, SavedMapsPart, SavedTensor } from "./types";

export interface FrameParts {
  readonly image: SavedImage;
  readonly layer: SavedLayer;
  readonly maps: SavedMapsPart;
  readonly images: number;
}

/** What is drawn of maps that may be volumes: where it starts, its shape, and which slice it is in words. */
interface Drawn {
  readonly start: number;
  readonly shape: readonly [number, number];
  readonly words: string;
}

/** `leading`: axes before the map's own. The slice's number counts in `of` slices, of which a map may have others. */
function drawnOf({ shape }: SavedTensor, leading: number, chosen: number | null, of: number): Drawn {
  const own = shape.slice(leading);
  const sides = own.slice(-2) as [number, number];
  if (own.length < 3) return { start: 0, shape: sides, words: "" };
  const depth = own[0]!;
  const k = chosen === null ? Math.floor(depth / 2) : Math.floor(((2 * chosen + 1) * depth) / (2 * of));
  return { start: k * count(sides), shape: sides, words: `; slice ${k} of ${depth}` };
}

/** The planes of these filters, or of all. */
class Drawing {
  readonly kernelShape: readonly number[];
  readonly #args: FrameArgs;
  readonly #parts: FrameParts;
  readonly #kernel: Drawn;
  readonly response;
  readonly #response: Drawn;
  readonly #activation: Drawn;

  constructor(args: FrameArgs, parts: FrameParts, depth: number) {
    this.#args = args;
    this.#parts = parts;
    const { layer, maps } = parts;
    const found = maps.responses.find((one) => one.source === args.source && one.channel === args.channel);
    if (!found) throw new Error("this page was saved without that channel and source");
    this.response = found;
    this.#kernel = drawnOf(layer.kernels.values, 2, args.kernel_slice, layer.kernels.values.shape[2]!);
    this.#response = drawnOf(found.maps.values, 1, args.slice, depth);
    this.#activation = drawnOf(maps.activations.values, 1, args.slice, depth);
    this.kernelShape = [found.kernels.length, ...this.#kernel.shape];
  }

  get filters(): number {
    return this.#parts.layer.kernels.values.shape[0]!;
  }

  kernel(filter: number): Plane {
    const { kernels } = this.#parts.layer;
    const size = count(kernels.values.shape.slice(2));
    const starts = this.response.kernels.map((channel) => channel * size + this.#kernel.start);
    return planeOf(kernels, filter, starts, count(this.#kernel.shape));
  }

  responseOf(filter: number): Plane {
    return planeOf(this.response.maps, filter, [this.#response.start], count(this.#response.shape));
  }

  activationOf(filter: number): Plane {
    const { activations } = this.#parts.maps;
    return planeOf(activations, filter, [this.#activation.start], count(this.#activation.shape));
  }

  detail(filter: number): object {
    return {
      kernel: detailOf(this.kernel(filter), this.kernelShape),
      response: detailOf(this.responseOf(filter), this.#response.shape),
      activation: detailOf(this.activationOf(filter), this.#activation.shape),
    };
  }

  pictures(): object {
    const { scale } = this.#args;
    const { kernels: every, summed: mean } = this.#parts.layer;
    const summed = this.response.kernels.length === every.values.shape[1] ? mean : null;
    const all = Array.from({ length: this.filters }, (_, filter) => filter);
    const kernels = summed
      ? pictureOf(
          all.map((filter) => planeOf(summed, filter, [0], count(summed.values.shape.slice(1)))),
          summed.values.shape.slice(1),
          scale,
        )
      : pictureOf(
          all.map((filter) => this.kernel(filter)),
          this.kernelShape,
          scale,
        );
    return {
      kernels,
      responses: pictureOf(
        all.map((filter) => this.responseOf(filter)),
        this.#response.shape,
        scale,
      ),
      activations: pictureOf(
        all.map((filter) => this.activationOf(filter)),
        this.#activation.shape,
        scale,
      ),
    };
  }

  notes(): object {
    const { layer } = this.#parts;
    const kernel = layer.notes[this.response.kernels.length > 1 ? 0 : this.response.kernels[0]! + 1]!;
    return {
      kernel: kernel + this.#kernel.words,
      response: this.response.note.replace("{slice}", () => this.#response.words),
      activation: layer.activation_note.replace("{slice}", () => this.#activation.words),
    };
  }
}

/** The body of a frame's reply. `depth`: slices of the layer's maps, in which a chosen slice counts. */
export function savedFrame(args: FrameArgs, parts: FrameParts, depth: number): object {
  const { image, layer, maps, images } = parts;
  const drawing = new Drawing(args, parts, depth);
  const own = args.channel !== null && maps.own_channels ? args.channel : 0;
  const plane = Math.min(args.plane ?? own, image.planes.length - 1);
  const { agreement } = drawing.response;
  return {
    ...args,
    revision: 0,
    images,
    sample: { ...image.planes[plane], prediction: image.prediction },
    ...drawing.pictures(),
    detail: drawing.detail(args.filter),
    agreement: agreement && { ...agreement, bias: layer.bias },
    notes: drawing.notes(),
    cell_runs: false,
  };
}

/** The body of a reply with more filters of a frame. */
export function savedFilters(
  args: FrameArgs,
  filters: readonly number[],
  parts: FrameParts,
  depth: number,
): object {
  const drawing = new Drawing(args, parts, depth);
  return {
    revision: 0,
    filters: filters.map((filter) => ({ filter, ...drawing.detail(filter) })),
  };
}
