/** Frames from the parts of a saved page, as `frames/frame.py` makes them in a notebook's kernel. */

import { drawnSlice } from "../state/selection";
import { measureActivity } from "../view/grid/activity";
import { type FrameArgs, MAP_NAMES, type MapName, type Range } from "../wire/frame";
import { count, summarize } from "../wire/tensor";
import type { EditedFilters, EditedPlanes } from "./lab_script";
import { detailOf, joined, type Plane, pictureOf, planeOf } from "./maps";
import type { SavedImage, SavedLayer, SavedMaps, SavedMapsPart, SavedResponse, SavedTensor } from "./types";

export interface FrameParts {
  readonly image: SavedImage;
  readonly layer: SavedLayer;
  readonly maps: SavedMapsPart;
  readonly images: number;
  /** The filters that have other kernels than when the page was saved; null: none. */
  readonly edited: EditedFilters | null;
  /** Of each picture its range over all checkpoints, where that is its scale. */
  readonly ranges?: Ranges;
}

/** By the plurals of the pictures. */
export type Ranges = Readonly<Record<string, Range>>;

/** All filters' values of one picture. */
interface Planes {
  readonly shape: readonly number[];
  readonly planes: readonly Plane[];
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
  const k = drawnSlice(chosen, depth, of);
  return { start: k * count(sides), shape: sides, words: `; slice ${k} of ${depth}` };
}

/** One map of all filters, and what is drawn of it. */
interface MapPart {
  readonly maps: SavedMaps;
  readonly note: string;
  readonly drawn: Drawn;
}

/** The planes of these filters, or of all. */
class Drawing {
  readonly kernelShape: readonly number[];
  readonly #args: FrameArgs;
  readonly #layer: SavedLayer;
  readonly #kernel: Drawn;
  readonly response: SavedResponse;
  readonly #maps: Readonly<Record<MapName, MapPart>>;
  readonly #edits: EditedFilters | null;
  readonly #edited = new Map<number, EditedPlanes | null>();

  constructor(args: FrameArgs, { layer, maps, edited }: FrameParts, depth: number) {
    this.#args = args;
    this.#edits = edited;
    this.#layer = layer;
    const response = maps.responses.find(
      ({ source, channel }) => source === args.source && channel === args.channel,
    );
    if (!response) throw new Error("this page was saved without that channel and source");
    this.response = response;
    this.#kernel = drawnOf(layer.kernels.values, 2, args.kernel_slice, layer.kernels.values.shape[2]!);
    this.kernelShape = [response.kernels.length, ...this.#kernel.shape];
    const part = (name: MapName): MapPart => {
      const saved = name === "response" ? response.maps : maps[`${name}s`];
      const note = name === "response" ? response.note : layer[`${name}_note`];
      return { maps: saved, note, drawn: drawnOf(saved.values, 1, args.slice, depth) };
    };
    this.#maps = byName(MAP_NAMES, part);
  }

  #editedOf(filter: number): EditedPlanes | null {
    if (!this.#edits) return null;
    const known = this.#edited.get(filter);
    if (known !== undefined) return known;
    const planes = this.#edits(filter, this.response.kernels);
    this.#edited.set(filter, planes);
    return planes;
  }

  #kernelPlane(filter: number): Plane {
    const edited = this.#editedOf(filter);
    if (edited) return exactly(edited.kernels);
    const { kernels } = this.#layer;
    const size = count(kernels.values.shape.slice(2));
    const starts = this.response.kernels.map((channel) => channel * size + this.#kernel.start);
    return planeOf(kernels, filter, starts, count(this.#kernel.shape));
  }

  #mapPlane(name: MapName, filter: number): Plane {
    const edited = this.#editedOf(filter);
    if (edited) return exactly(edited[name]);
    const { maps, drawn } = this.#maps[name];
    return planeOf(maps, filter, [drawn.start], count(drawn.shape));
  }

  detail(filter: number): object {
    return {
      kernel: detailOf(this.#kernelPlane(filter), this.kernelShape),
      ...byName(MAP_NAMES, (name) => detailOf(this.#mapPlane(name, filter), this.#maps[name].drawn.shape)),
    };
  }

  /** By their plurals, as a frame has them. */
  pictures(ranges: Ranges | undefined): object {
    const { scale } = this.#args;
    return Object.fromEntries(
      Object.entries(this.planes()).map(([name, { planes, shape }]) => [
        name,
        pictureOf(planes, shape, scale, ranges?.[name]),
      ]),
    );
  }

  planes(): Readonly<Record<string, Planes>> {
    const { kernels, summed: mean } = this.#layer;
    const summed = this.response.kernels.length === kernels.values.shape[1] ? mean : null;
    const summedShape = summed?.values.shape.slice(1) ?? [];
    const all = (shape: readonly number[], plane: (filter: number) => Plane) => ({
      shape,
      planes: Array.from({ length: kernels.values.shape[0]! }, (_, k) => plane(k)),
    });
    const maps = MAP_NAMES.map((name) => [
      `${name}s`,
      all(this.#maps[name].drawn.shape, (filter) => this.#mapPlane(name, filter)),
    ]);
    const size = count(summedShape);
    const summedPlane = (filter: number) => {
      const edited = this.#editedOf(filter);
      return edited ? exactly(meanSquare(edited.kernels, size)) : planeOf(summed!, filter, [0], size);
    };
    return {
      kernels: summed
        ? all(summedShape, summedPlane)
        : all(this.kernelShape, (filter) => this.#kernelPlane(filter)),
      ...Object.fromEntries(maps),
    };
  }

  /** Of the whole maps, of which a volume's picture shows one slice. */
  activity(): object {
    const { maps } = this.#maps.activation;
    const [filters = 0, ...shape] = maps.values.shape;
    const whole = (filter: number) => {
      const edited = this.#editedOf(filter);
      return edited ? exactly(edited.activation) : planeOf(maps, filter, [0], count(shape));
    };
    const tensor = (data: Float32Array) => ({ dtype: "float32", shape: [filters], data });
    const { maximum, mean } = measureActivity(filters, (filter) => whole(filter).data);
    const exact = maximum.map((most, filter) =>
      Number.isFinite(most) ? whole(filter).summary.maximum : most,
    );
    return { maximum: tensor(exact), mean: tensor(mean) };
  }

  notes(): object {
    const channels = this.response.kernels;
    const kernel = this.#layer.notes[channels.length > 1 ? 0 : channels[0]! + 1]!;
    return {
      kernel: kernel + this.#kernel.words,
      ...byName(MAP_NAMES, (name) => {
        const { note, drawn } = this.#maps[name];
        return note.replace("{slice}", () => drawn.words);
      }),
    };
  }
}

/** Values that the page has computed. */
function exactly(data: Float32Array): Plane {
  return { data, summary: summarize(data), half: 0 };
}

/** The root mean square of kernels over their channels, as the grid shows many. */
function meanSquare(kernels: Float32Array, size: number): Float32Array {
  const channels = kernels.length / size;
  return Float32Array.from({ length: size }, (_, cell) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += kernels[c * size + cell]! ** 2;
    return Math.sqrt(sum / channels);
  });
}

function byName<Name extends string, Value>(names: readonly Name[], value: (name: Name) => Value) {
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, Value>;
}

/** The body of a frame's reply but for the revision. `depth`: slices of the layer's maps, in which a chosen slice counts. */
export function savedFrame(args: FrameArgs, parts: FrameParts, depth: number): object {
  const { image, layer, maps, images } = parts;
  const drawing = new Drawing(args, parts, depth);
  const own = args.channel !== null && maps.own_channels ? args.channel : 0;
  const plane = Math.min(args.plane ?? own, image.planes.length - 1);
  const { agreement } = drawing.response;
  return {
    ...args,
    images,
    sample: { ...image.planes[plane], prediction: image.prediction, overlay: image.overlay },
    ...drawing.pictures(parts.ranges),
    detail: drawing.detail(args.filter),
    activity: drawing.activity(),
    // Of the net's own kernels.
    agreement: parts.edited ? null : agreement && { ...agreement, bias: layer.bias },
    notes: drawing.notes(),
    cell_runs: false,
  };
}

/** The ranges of a frame's pictures over all of these parts, each of another checkpoint. */
export function rangesOver(args: FrameArgs, each: readonly FrameParts[], depth: number): Ranges {
  const drawn = each.map((parts) => new Drawing(args, parts, depth).planes());
  const over = (name: string) =>
    joined(drawn.flatMap((pictures) => pictures[name]!.planes.map(({ summary }) => summary)));
  return Object.fromEntries(Object.keys(drawn[0] ?? {}).map((name) => [name, over(name)]));
}

/** The body of a reply with more filters of a frame, but for the revision. */
export function savedFilters(
  args: FrameArgs,
  filters: readonly number[],
  parts: FrameParts,
  depth: number,
): object {
  const drawing = new Drawing(args, parts, depth);
  return {
    filters: filters.map((filter) => ({ filter, ...drawing.detail(filter) })),
  };
}
