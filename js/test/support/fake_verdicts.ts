/** What the fake kernel answers about verdicts: all filters alike, and what is said tells which question it answers. */

import type { Badge } from "../../src/wire/verdicts";
import { type Behaviour, LAYERS } from "./fake_net";

interface Args {
  readonly layer: number;
  readonly filter: number;
  readonly image: number;
  readonly filters: readonly number[];
  readonly replaced_by: string;
  readonly cancel?: boolean;
}
type Put = (data: number[], shape: number[]) => object;
export type VerdictName = keyof typeof VERDICT_ANSWERS;

export const CLASSES = ["Coat", "Bag", "Boot", "Shirt"];
export const BADGE: Badge = {
  structure: "structured",
  state: "live",
  training: "pulled",
  start: "not given",
  use: "used",
  duplicate_of: null,
  mirror_of: null,
  name: "no simple pattern",
  delta_loss: 0.1,
  estimate: 0.1,
};
const PROGRESS = { stage: "images", done: 3, total: 10, per_second: 1, seconds_left: 7, seconds_after: null };
const CHANCE = { low: 0, high: 1, mark: 0.5, alike: null };

const verdicts = (_put: Put, { layer }: Args, { diagnosis }: Behaviour) => ({
  layer,
  status: diagnosis ?? "none",
  error: null,
  progress: PROGRESS,
  images: 200,
  asked: 200,
  images_in_all: 1000,
  earlier: false,
  number: 1,
  summary: diagnosis ? `${LAYERS[layer]!.name}: all structured` : "",
  knowledge: "",
  notes: [],
  filters: diagnosis ? Array.from({ length: LAYERS[layer]!.filters }, () => BADGE) : [],
});

const estimate = (value: number) => ({ value, low: value - 0.01, high: value + 0.01 });

export const VERDICT_ANSWERS = {
  verdicts,
  diagnose: verdicts,
  cancel_diagnosis: verdicts,
  /** Of the four classes one was not seen and one has too few images for an interval. */
  verdict: (put: Put, { layer, filter }: Args) => ({
    number: 1,
    layer,
    filter,
    verdict: {
      ...BADGE,
      sentence: "",
      p_structured: 0.01,
      p_noise: 1,
      noise_score: 0.5,
      structure_reason: "",
      p_training: 0.002,
      training_reason: "",
      start_share: null,
      start_reason: "",
      name_reason: "",
      state_reason: "",
      use_reason: "",
      ci_low: 0.05,
      ci_high: 0.15,
      share: 0.1,
      template: "spot",
      match: 0.5,
      p_match: 0.1,
      one_pattern: 1,
      fires: 0.5,
      drives_most: "Coat",
      drives_least: "Bag",
      correlation: null,
      merge_cost: null,
      images: 200,
      ablated: 200,
      labelled: true,
      score: "",
    },
    words: `of ${layer} ${filter}`,
    looks: null,
    structure_chance: { ...CHANCE, random: put([0.5, 0.5], [2]) },
    classes: CLASSES,
    class_rise: {
      value: put([0.1, -0.05, 0.02, Number.NaN], [4]),
      low: put([0.05, -0.2, Number.NaN, Number.NaN], [4]),
      high: put([0.15, 0.1, Number.NaN, Number.NaN], [4]),
      fewest: 50,
    },
    kernel: put([1, 0, 0, -1], [2, 2]),
    partner: null,
  }),
  without: (_put: Put, { layer, filters, replaced_by, image }: Args, { preparing }: Behaviour) =>
    preparing
      ? { preparing }
      : {
          preparing: false,
          layer: LAYERS[layer]!.name,
          filters,
          replaced_by,
          mean_images: 64,
          image,
          estimate: replaced_by === "mean" ? { rise: 0.031, share: 0.016, images: 200 } : null,
          before: [["Coat", 0.6, 0.2]],
          after: [["Bag", 0.7]],
        },
  filter_effects: (put: Put, { image, layer, cancel }: Args, { filterEffects }: Behaviour) => {
    const filters = LAYERS[layer]!.filters;
    const known = typeof filterEffects === "string" || cancel ? null : filterEffects;
    const values = known === undefined ? Array.from({ length: filters }, (_, k) => k / 4 - image) : known;
    return {
      image,
      layer,
      status: cancel ? "cancelled" : values ? "done" : filterEffects,
      error: filterEffects === "failed" ? "there is no prediction" : null,
      progress: { stage: "filters", done: 3, total: 10, per_second: 1, seconds_left: 7, seconds_after: null },
      predicted: values ? "Shirt" : null,
      effects: values ? put([...values], [filters]) : null,
    };
  },
  effect: (_put: Put, _args: Args, behaviour: Behaviour) => ({
    status: behaviour.effect ?? "running",
    error: null,
    progress: PROGRESS,
    effect:
      behaviour.effect === "done"
        ? {
            images: 10,
            labelled: true,
            score: "",
            accuracy_before: 0.9,
            accuracy_after: 0.8,
            accuracy_change: estimate(-0.1),
            loss_before: 0.3,
            loss_after: 0.5,
            loss_change: estimate(0.2),
            classes: [{ name: "Coat", images: 5, accuracy_change: estimate(-0.1) }],
            notes: ["The net refuses two images; one at a time."],
          }
        : null,
  }),
};

export function verdictReply(id: string, name: VerdictName, args: Args, behaviour: Behaviour) {
  const tensors: { dtype: string; shape: number[] }[] = [];
  const buffers: DataView[] = [];
  const put: Put = (data, shape) => {
    tensors.push({ dtype: "float32", shape });
    buffers.push(new DataView(Float32Array.from(data).buffer));
    return { tensor: tensors.length - 1 };
  };
  return {
    content: { kind: "reply", id, name, body: VERDICT_ANSWERS[name](put, args, behaviour), tensors },
    buffers,
  };
}
