/** Which filters of a layer the grid shows, and in which order. */

import type { Badge } from "../../wire/verdicts";
import { NO_PATTERN } from "./words";

export type Sort = "index" | "verdict" | "use" | "name";

/** What can be shown alone, in the order of the list. */
export const SHOWN: readonly (readonly [value: string, words: string, holds: (badge: Badge) => boolean])[] = [
  ["", "all filters", () => true],
  ["structured", "structured", ({ structure }) => structure === "structured"],
  ["noise", "noise-like", ({ structure }) => structure === "noise-like"],
  ["unclear", "can't tell", ({ structure }) => structure === "can't tell"],
  ["still", "dead or constant", ({ state }) => state === "dead" || state === "constant"],
  ["duplicate", "duplicates", ({ duplicate_of }) => duplicate_of !== null],
  ["used", "used", ({ use }) => use === "used"],
  ["harmful", "harmful", ({ use }) => use === "harmful"],
  ["unused", "no measurable use", ({ use }) => use === "no measurable use"],
  ["named", "with a plain name", ({ name }) => name !== null && name !== NO_PATTERN],
];

const STRUCTURES = ["structured", "can't tell", "noise-like"];
const USES = ["used", "withheld", "no measurable use", "harmful"];

/** Best first: what learned and is used; last what says nothing at all. */
function rank({ structure, state, use, duplicate_of }: Badge): number {
  const still = state === "dead" || state === "constant" ? 1000 : 0;
  const copy = duplicate_of === null ? 0 : 100;
  return still + copy + 10 * STRUCTURES.indexOf(structure) + USES.indexOf(use);
}

const LAST = Number.NEGATIVE_INFINITY;

/** By how much the loss rises; before that is measured, by the estimate. */
function use({ delta_loss, estimate }: Badge, measured: boolean): number {
  return (measured ? delta_loss : estimate) ?? LAST;
}

function name({ name: said }: Badge): string {
  return said === null ? "\uffff\uffff" : said === NO_PATTERN ? "\uffff" : said;
}

/** Null where that is all of them in turn. Those that are alike stay in turn. */
export function orderOf(badges: readonly Badge[], sort: Sort, shown: string): readonly number[] | null {
  if (badges.length === 0 || (sort === "index" && shown === "")) return null;
  const holds = SHOWN.find(([value]) => value === shown)?.[2] ?? (() => true);
  const kept = badges.map((_, filter) => filter).filter((filter) => holds(badges[filter]!));
  const measured = badges.some(({ delta_loss }) => delta_loss !== null);
  const compare: Record<Sort, (one: Badge, two: Badge) => number> = {
    index: () => 0,
    verdict: (one, two) => rank(one) - rank(two),
    use: (one, two) => use(two, measured) - use(one, measured) || 0,
    name: (one, two) => (name(one) < name(two) ? -1 : name(one) > name(two) ? 1 : 0),
  };
  return kept.sort((one, two) => compare[sort](badges[one]!, badges[two]!) || one - two);
}
