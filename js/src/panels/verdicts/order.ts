/** What the grid can be sorted by, and filtered to, once filters were judged. */

import type { GridSort } from "../../view/host";
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
const SORTS: readonly Sort[] = [
  { value: "verdict", words: "verdict", by: () => (a, b) => rank(a) - rank(b) },
  ...AXES.flatMap(({ sort }) => sort ?? []),
];

/** `badgesOf`: those of a layer, none where nothing is known of it. Filters that are alike stay in turn. */
export function sortsOf(badgesOf: (layer: number) => readonly Badge[]): readonly GridSort[] {
  return SORTS.map(({ value, words, by }) => ({
    value,
    words,
    rank: ({ layer }) => {
      const badges = badgesOf(layer);
      const compare = by(badges);
      const order = [...badges.keys()].sort((a, b) => compare(badges[a]!, badges[b]!) || a - b);
      return { order: badges.length > 0 ? order : null, sentence: "" };
    },
  }));
}
