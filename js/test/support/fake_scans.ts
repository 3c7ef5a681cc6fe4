/** What the fake kernel answers about scans: crops whose pixels and values tell which question they answer. */

import type { Bar, Kind } from "../../src/wire/scans";
import type { Behaviour } from "./fake_net";

interface Args extends Bar {
  readonly layer: number;
  readonly filter: number;
  readonly kind: Kind;
  readonly filters: readonly number[];
}
type Put = (data: number[], shape: number[], dtype?: "float32" | "uint8") => object;
export type ScanName = keyof typeof SCAN_ANSWERS;

export const NAMES = ["Coat", "Bag"] as const;
const BINS = 4;

const scans = (_put: Put, { layer }: Args, { scan, scanNumber = 3, unscanned = false }: Behaviour) => ({
  layer,
  status: scan ?? "none",
  error: scan === "failed" ? "disk on fire" : null,
  progress: scan ? { stage: "images", done: 30, total: 100, per_second: 10, seconds_left: 7 } : null,
  images: scan ? 30 : 0,
  asked: 100,
  images_in_all: 100,
  is_stream: false,
  earlier: false,
  fits: scan !== undefined && !unscanned,
  maps: "activation",
  number: scan ? scanNumber : 0,
  notes: scan === "done" ? ["No image is missing."] : [],
});

/** A crop of 2×3 pixels, all of them the image's number. */
const crop = (image: number, more: object = {}) => ({
  image,
  label: NAMES[image % 2],
  predicted: NAMES[image % 3 === 0 ? (image + 1) % 2 : image % 2],
  copies: 1,
  position: [1, image % 2],
  box: [0, 0, 2, 3],
  centre: [1, 1.5],
  status: "exact",
  whole: false,
  shape: [2, 3, 1],
  error: null,
  ...more,
});

const crops = (put: Put, made: readonly ReturnType<typeof crop>[], value: (k: number) => number) => ({
  crops: made,
  values: put(
    made.map((_, k) => value(k)),
    [made.length],
  ),
  pixels: put(
    made.flatMap(({ image, shape }) => new Array(shape[0]! * shape[1]! * shape[2]!).fill(image)),
    [made.reduce((sum, { shape }) => sum + shape[0]! * shape[1]! * shape[2]!, 0)],
    "uint8",
  ),
});

const GROUPS: Readonly<Record<Kind, readonly (readonly [label: string | null, count: number])[]>> = {
  top: [[null, 3]],
  bottom: [[null, 2]],
  typical: Array.from({ length: 5 }, () => [null, 1] as const),
  class: [
    ["Coat", 2],
    ["Bag", 1],
  ],
  bin: [[null, 1]],
};

export const SCAN_ANSWERS = {
  scans,
  scan: (put: Put, args: Args, behaviour: Behaviour) => {
    behaviour.scan ??= "running";
    return scans(put, args, behaviour);
  },
  cancel_scan: (put: Put, args: Args, behaviour: Behaviour) => {
    if (behaviour.scan === "running") behaviour.scan = "cancelled";
    return scans(put, args, behaviour);
  },
  distribution: (put: Put, { layer, filter }: Args, behaviour: Behaviour) => {
    const asked = { layer, filter, number: behaviour.scanNumber ?? 3 };
    if (behaviour.counting) {
      behaviour.counting -= 1;
      return { ...asked, status: "running" };
    }
    return {
      ...asked,
      status: "done",
      rows: [
        { label: null, images: 30, fires: 0.5, mean: 1 },
        { label: "Coat", images: 20, fires: 0.75, mean: 2 },
        { label: "Bag", images: 10, fires: 0, mean: 0 },
      ],
      classes: behaviour.manyClasses ?? 2,
      edges: put([0, 1, 2, 3, 4], [BINS + 1]),
      counts: put([10, 0, 15, 5, 5, 0, 10, 5, 5, 0, 5, 0], [3, BINS]),
      nan: 2,
      infinite: 0,
      mean_map: {
        tensor: put([2, 254, 128, 2], [2, 2], "uint8"),
        encoding: "codes",
        reduced: 1,
        ranges: [
          { low: 0, high: 4, signed: false, minimum: 0, maximum: 4, nan: 0, infinite: 0, constant: false },
        ],
      },
      why: "",
    };
  },
  exemplars: (put: Put, { layer, filter, kind, bin, label }: Args, behaviour: Behaviour) => {
    const asked = { layer, filter, kind, bin, label, number: behaviour.scanNumber ?? 3 };
    if (behaviour.cutting) {
      behaviour.cutting -= 1;
      return { ...asked, status: "running", groups: [], crops: [], values: null, pixels: null };
    }
    const groups = GROUPS[kind].map(([name, count]) => ({ label: kind === "bin" ? label : name, count }));
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    const made = Array.from({ length: count }, (_, k) =>
      crop(10 * filter + k, {
        ...(k === 1 && { copies: 3 }),
        ...(behaviour.seesAll && { whole: true, centre: [0.5, 3] }),
        ...(behaviour.unreadable === k && { error: "gone", shape: [0, 0, 1] }),
      }),
    );
    return { ...asked, status: "done", groups, ...crops(put, made, (k) => (kind === "bin" ? bin : 10 - k)) };
  },
  best_crops: (put: Put, { layer, filters }: Args, { scanNumber = 3 }: Behaviour) => ({
    layer,
    number: scanNumber,
    filters,
    status: "done",
    groups: filters.map((filter) => ({ label: null, count: filter === 2 ? 0 : 1 })),
    ...crops(
      put,
      filters.filter((filter) => filter !== 2).map((filter) => crop(filter + 50)),
      () => 1,
    ),
  }),
} as const;

export function scanReply(id: string, name: ScanName, args: Args, behaviour: Behaviour) {
  const tensors: { dtype: string; shape: number[] }[] = [];
  const buffers: DataView[] = [];
  const put: Put = (data, shape, dtype = "float32") => {
    const values = dtype === "float32" ? Float32Array.from(data) : Uint8Array.from(data);
    tensors.push({ dtype, shape });
    buffers.push(new DataView(values.buffer));
    return { tensor: tensors.length - 1 };
  };
  const made = SCAN_ANSWERS[name](put, args, behaviour) as Record<string, unknown>;
  const map = made.mean_map as { tensor?: { tensor: number } } | undefined;
  const body = map?.tensor ? { ...made, mean_map: { ...map, tensor: map.tensor.tensor } } : made;
  return { content: { kind: "reply", id, name, body, tensors }, buffers };
}
