/** Edits the kernels of one layer in a saved page: the twin of `saved_page/lab.py`, and of `session/lab.py` in a notebook. */

import { mapsWith } from "../panels/lab/edited_frame";
import { sameNumbers } from "../panels/lab/kernel_trial";
import type { FrameArgs } from "../wire/frame";
import type { FilterArgs, History, HistoryStep, LabFilter, LabRequests, StepName } from "../wire/lab";
import type { RequestName } from "../wire/requests";
import { type FloatTensor, sliceOf } from "../wire/tensor";
import type { EditedFilters, SavedLabKernel } from "./lab_script";
import type { Parts } from "./parts";
import type { SavedLab, SavedLabImage } from "./types";

type Edit = LabRequests["edit_kernel"]["args"];
type Step = LabRequests["lab_history"]["args"];
/** By the filter: of each that is not as it was saved. */
type Kernels = ReadonlyMap<number, Float32Array>;

const MOST_STEPS = 1000;

export class LabKernel implements SavedLabKernel {
  readonly #parts: Parts;
  readonly #changed: (revision: number) => void;
  revision = 0;
  #kernels: Kernels = new Map();
  #past: Kernels[] = [];
  #future: Kernels[] = [];
  #gesture = "";

  constructor(parts: Parts, changed: (revision: number) => void) {
    this.#parts = parts;
    this.#changed = changed;
  }

  answer(name: RequestName, args: object): Promise<object> | null {
    if (name === "module") return Promise.resolve({ text: "" }); // it is in the page already
    if (name === "lab") return this.#filter(args as FrameArgs);
    if (name === "edit_kernel") return this.#edit(args as Edit);
    return name === "lab_history" ? this.#step(args as Step) : null;
  }

  async edited({ image, layer, source }: FrameArgs): Promise<EditedFilters | null> {
    const kernels = this.#kernels;
    if (kernels.size === 0) return null;
    const saved = await this.#parts.read<SavedLab>("lab");
    if (saved.layer !== layer) return null;
    const given = await this.#parts.read<SavedLabImage>(`lab-${image}`);
    return (filter, shown) => {
      const edited = kernels.get(filter);
      const maps = edited && mapsWith(computable(saved, given, filter), edited, source, shown);
      if (!maps?.activation) return null;
      return { kernels: maps.kernels, response: maps.response.data, activation: maps.activation.data };
    };
  }

  async #layer(layer: number): Promise<SavedLab> {
    const saved = await this.#parts.read<SavedLab>("lab");
    if (saved.layer === layer) return saved;
    throw new Error(
      `This page has the lab of ${saved.name} alone: select that layer. Each saved page has it of the layer that was selected then.`,
    );
  }

  async #filter({ image, layer, filter }: FilterArgs): Promise<LabFilter> {
    const saved = await this.#layer(layer);
    const given = await this.#parts.read<SavedLabImage>(`lab-${image}`);
    const own = sliceOf(saved.own, filter);
    return {
      ...this.#history(saved),
      image,
      layer,
      filter,
      why_not: "",
      ...computable(saved, given, filter),
      kernels: { ...own, data: this.#standing(saved, filter) },
      presets: [...saved.presets, ...saved.presets_of[filter]!],
    };
  }

  #standing(saved: SavedLab, filter: number): Float32Array {
    return this.#kernels.get(filter) ?? sliceOf(saved.kernels, filter).data;
  }

  #history(saved: SavedLab): History {
    const [filters = 0] = saved.own.shape;
    const edited = [...Array(filters).keys()].filter(
      (filter) => !sameNumbers(this.#standing(saved, filter), sliceOf(saved.own, filter).data),
    );
    return {
      revision: this.revision,
      edits: edited.map((filter) => ({ layer: saved.name, filter })),
      can_undo: this.#past.length > 0,
      can_redo: this.#future.length > 0,
    };
  }

  async #edit({ layer, filter, kernel, gesture }: Edit): Promise<History> {
    const saved = await this.#layer(layer);
    return this.#put(saved, [[filter, Float32Array.from(kernel)]], gesture && `${filter} ${gesture}`);
  }

  async #step({ layer, filter, step }: Step): Promise<HistoryStep> {
    const saved = await this.#layer(layer);
    const history = this.#go(saved, filter, step);
    const kernels = { ...sliceOf(saved.own, filter), data: this.#standing(saved, filter) };
    return { ...history, layer, filter, kernels };
  }

  #go(saved: SavedLab, filter: number, step: StepName): History {
    const own = (k: number) => [k, sliceOf(saved.own, k).data] as const;
    if (step === "own") return this.#put(saved, [own(filter)], "");
    if (step === "reset") return this.#put(saved, [...Array(saved.own.shape[0]).keys()].map(own), "");
    const [from, to] = step === "undo" ? [this.#past, this.#future] : [this.#future, this.#past];
    const kernels = from.pop();
    if (!kernels) return this.#history(saved);
    to.push(this.#kernels);
    return this.#now(saved, kernels, "");
  }

  /** A step: other kernels for some filters. Steps with the same word in a row are one. */
  #put(saved: SavedLab, changes: Iterable<readonly [number, Float32Array]>, gesture: string): History {
    const kernels = new Map(this.#kernels);
    for (const [filter, data] of changes) {
      if (sameNumbers(data, sliceOf(saved.kernels, filter).data)) kernels.delete(filter);
      else kernels.set(filter, data);
    }
    if (!gesture || gesture !== this.#gesture) this.#past = [...this.#past, this.#kernels].slice(-MOST_STEPS);
    this.#future = [];
    return this.#now(saved, kernels, gesture);
  }

  #now(saved: SavedLab, kernels: Kernels, gesture: string): History {
    this.#kernels = kernels;
    this.#gesture = gesture;
    this.revision += 1;
    this.#changed(this.revision);
    return this.#history(saved);
  }
}

/** What the page computes a filter of. */
function computable(saved: SavedLab, { input, over, same }: SavedLabImage, filter: number) {
  const [filters = 1, channels = 1] = saved.own.shape;
  const first = Math.floor(filter / (filters / saved.groups)) * channels;
  return {
    own: sliceOf(saved.own, filter),
    bias: { dtype: "float32", shape: [1], data: saved.bias.data.subarray(filter, filter + 1) } as FloatTensor,
    geometry: saved.geometry,
    steps: saved.steps[filter]!,
    input: planesOf(input, first, channels),
    over: same ? input : over,
  };
}

function planesOf({ dtype, shape, data }: FloatTensor, first: number, planes: number): FloatTensor {
  const [, height = 1, width = 1] = shape;
  const size = height * width;
  return {
    dtype,
    shape: [planes, height, width],
    data: data.subarray(first * size, (first + planes) * size),
  };
}
