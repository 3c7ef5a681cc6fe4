/** Which filters of a layer the grid shows, and in which order. */

import type { Badge } from "../../wire/verdicts";
import { AXES, type Shown } from "./axes";

type Compare = (a: Badge, b: Badge) => number;

interface Sort {
  readonly value: string;
  readonly words: string;
  by(badges: readonly Badge[]): Compare;
}

/** What can be shown alone, in the order of the list. */
export const SHOWN: readonly Shown[] = [
  { value: "", words: "all filters", holds: () => true },
  ...AXES.flatMap(({ shown }) => shown),
];

/** Best first: what learned and is used; last what says nothing at all. */
const rank = (badge: Badge) => AXES.reduce((sum, axis) => sum + (axis.rank?.(badge) ?? 0), 0);

/** In the order of the list. */
export const SORTS: readonly Sort[] = [
  { value: "index", words: "index", by: () => () => 0 },
  { value: "verdict", words: "verdict", by: () => (a, b) => rank(a) - rank(b) },
  ...AXES.flatMap(({ sort }) => sort ?? []),
];

/** Null where that is all of them in turn. Those that are alike stay in turn. */
export function orderOf(badges: readonly Badge[], sort: string, shown: string): readonly number[] | null {
  if (badges.length === 0 || (sort === "index" && shown === "")) return null;
  const { holds } = SHOWN.find(({ value }) => value === shown) ?? SHOWN[0]!;
  const compare = (SORTS.find(({ value }) => value === sort) ?? SORTS[0]!).by(badges);
  return [...badges.keys()]
    .filter((filter) => holds(badges[filter]!))
    .sort((a, b) => compare(badges[a]!, badges[b]!) || a - b);
}
