/** What drives a filter, from the parts of a saved page: the answers that were saved, and those made of them. */

import { type BestCrops, type Exemplars, pixelsOf, type ScanRequests } from "../wire/scans";
import type { Parts } from "./parts";
import type { SavedExemplars } from "./types";

type Known = Exclude<SavedExemplars, { readonly error: string }>;

async function known(parts: Parts, layer: number, filter: number): Promise<Known> {
  const saved = await parts.read<SavedExemplars>(`exemplars-${layer}-${filter}`);
  if ("error" in saved) throw new Error(saved.error);
  return saved;
}

/** `notSaved`: what is said of the images of one bar, of which there are too many. */
export async function savedExemplars(
  parts: Parts,
  { layer, filter, kind }: ScanRequests["exemplars"]["args"],
  notSaved: string,
): Promise<Exemplars> {
  const { kinds } = await known(parts, layer, filter);
  if (kind === "bin") throw new Error(notSaved);
  return kinds[kind];
}

export async function savedDistribution(
  parts: Parts,
  { layer, filter }: ScanRequests["distribution"]["args"],
): Promise<object> {
  return (await known(parts, layer, filter)).distribution;
}

/** The first of the strongest of each filter. */
export async function savedBestCrops(
  parts: Parts,
  { layer, filters }: ScanRequests["best_crops"]["args"],
): Promise<BestCrops> {
  const tops = await Promise.all(
    filters.map(async (filter) => (await known(parts, layer, filter)).kinds.top),
  );
  const there = tops.filter(({ crops }) => crops.length > 0);
  const pixels = there.map((top) => pixelsOf(top)[0]!.data);
  const joined = new Uint8Array(pixels.reduce((sum, { length }) => sum + length, 0));
  let start = 0;
  for (const of of pixels) {
    joined.set(of, start);
    start += of.length;
  }
  const values = Float32Array.from(there, ({ values }) => values!.data[0]!);
  return {
    status: "done",
    number: 1,
    layer,
    filters,
    groups: tops.map(({ crops }) => ({ label: null, count: Math.min(1, crops.length) })),
    crops: there.map(({ crops }) => crops[0]!),
    values: { dtype: "float32", shape: [values.length], data: values } as BestCrops["values"],
    pixels: { dtype: "uint8", shape: [joined.length], data: joined },
  };
}
