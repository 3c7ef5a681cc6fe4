/** Two nets, in words. */

import { className, number, percent } from "../../text/format";
import type { ComparedFilter, FilterPair, Swaps } from "../../wire/comparison";

export function cellsInWords({
  partner,
  merged_into,
  correlation,
  distance,
  damage,
}: ComparedFilter): string[] {
  const which =
    partner !== null ? String(partner) : merged_into !== null ? `merged into ${merged_into}` : "none";
  return [
    which,
    correlation === null ? "" : correlation.toFixed(2),
    distance === null ? "" : `${number(100 * distance)} %`,
    damage === null ? "" : number(damage),
  ];
}

export function pairInWords({ filter, filter_b, relation, correlation }: FilterPair): string {
  const r = correlation === null ? "" : `, correlation ${correlation.toFixed(2)}`;
  if (relation === "left out") return `Filter ${filter} of a was left out of b: its mean stands in for it.`;
  if (filter_b === null) return `Filter ${filter} of a has nothing to be compared with in b.`;
  if (relation === "partner") return `Filter ${filter} of a is filter ${filter_b} of b${r}.`;
  if (relation === "merged")
    return `Filter ${filter} of a went into filter ${filter_b} of b, which is another one's partner, too${r}.`;
  return `Filter ${filter} of a has no partner; nearest is filter ${filter_b} of b${r}, as arbitrary filters do.`;
}

export function swapsInWords({ class_name, of_a, of_b, swaps }: Swaps): string[] {
  return [
    `${className(class_name)}: ${percent(of_a)} in a, ${percent(of_b)} in b; in b with the map that a has`,
    ...swaps.map(
      ({ filter, partner, probability }) =>
        `of filter ${filter}${partner === filter ? "" : ` for its filter ${partner}`}: ${percent(probability)}`,
    ),
  ];
}
