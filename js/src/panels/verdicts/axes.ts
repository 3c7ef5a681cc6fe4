/**
 * The axes of a verdict. What a badge says, and what the grid can be sorted by and filtered to, comes from this table: a
 * new axis is its field in `wire/verdicts.ts` and its row here.
 */

import { type Badge, NO_PATTERN } from "../../wire/verdicts";

type Compare = (a: Badge, b: Badge) => number;

/** What the grid can show alone. */
export interface Shown {
  readonly value: string;
  readonly words: string;
  holds(badge: Badge): boolean;
}

export interface Axis {
  /** For those who do not see the badge; empty where there is nothing to say. */
  words(badge: Badge): string;
  /** Beside the letter in a cell: the first axis that has something to say says it. */
  chip?(badge: Badge): string;
  /** What the chips mean. */
  readonly meaning?: string;
  /** A member of the badge by which style sheets and tests tell the cells apart. */
  readonly attribute?: "structure" | "state" | "use";
  /** What it adds to the rank by which the whole verdict is sorted: best first. */
  rank?(badge: Badge): number;
  /** The axis's own order of the grid. `badges`: all of the layer. */
  readonly sort?: { readonly value: string; readonly words: string; by(badges: readonly Badge[]): Compare };
  readonly shown: readonly Shown[];
}

/** The letter that stands for the structure, in a shape of its own: a disc, a dashed ring, nothing. */
export const LETTERS = { structured: "S", "noise-like": "N", "can't tell": "?" } as const;
/** Beside the words of the use. */
export const MARKS = { used: "▲", harmful: "▼", "no measurable use": "–", withheld: "" } as const;
const SHORT = { used: "used", harmful: "harmful", "no measurable use": "no use", withheld: "" } as const;

const STRUCTURES = ["structured", "can't tell", "noise-like"];
const USES = ["used", "withheld", "no measurable use", "harmful"];

/** Dead or constant: what else is measured of such a filter says nothing. */
const isStill = ({ state }: Badge) => state === "dead" || state === "constant";

const structure: Axis = {
  words: ({ structure: word }) => (word === "can't tell" ? "structure: can't tell" : word),
  attribute: "structure",
  rank: ({ structure: word }) => 10 * STRUCTURES.indexOf(word),
  shown: [
    { value: "structured", words: "structured", holds: (badge) => badge.structure === "structured" },
    { value: "noise", words: "noise-like", holds: (badge) => badge.structure === "noise-like" },
    { value: "unclear", words: "can't tell", holds: (badge) => badge.structure === "can't tell" },
  ],
};

const state: Axis = {
  words: (badge) => (isStill(badge) ? badge.state : ""),
  chip: (badge) => (isStill(badge) ? `✕ ${badge.state}` : ""),
  meaning: "✕ dead or constant",
  attribute: "state",
  rank: (badge) => (isStill(badge) ? 1000 : 0),
  shown: [{ value: "still", words: "dead or constant", holds: isStill }],
};

const duplicate: Axis = {
  words: ({ duplicate_of }) => (duplicate_of === null ? "" : `duplicate of ${duplicate_of}`),
  chip: ({ duplicate_of, use: word }) =>
    duplicate_of === null ? "" : `= ${duplicate_of} ${MARKS[word]}`.trim(),
  meaning: "= 7 duplicate of filter 7",
  rank: ({ duplicate_of }) => (duplicate_of === null ? 0 : 100),
  shown: [{ value: "duplicate", words: "duplicates", holds: ({ duplicate_of }) => duplicate_of !== null }],
};

const training: Axis = {
  words: ({ training: word }) => (word === "pulled" ? "training pulled on it" : ""),
  shown: [{ value: "pulled", words: "pulled on by training", holds: (badge) => badge.training === "pulled" }],
};

const NEVER_LEFT = "never left its start";

/** Only where a checkpoint of the start was given. */
const start: Axis = {
  words: ({ start: word }) => (word === NEVER_LEFT ? NEVER_LEFT : ""),
  shown: [{ value: "unmoved", words: NEVER_LEFT, holds: (badge) => badge.start === NEVER_LEFT }],
};

const use: Axis = {
  words: ({ use: word }) => (word === "withheld" ? "" : word),
  chip: ({ use: word }) => `${MARKS[word]} ${SHORT[word]}`.trim(),
  meaning: "▲ used · ▼ harmful · – no measurable use",
  attribute: "use",
  rank: ({ use: word }) => USES.indexOf(word),
  /** By how much the loss rises; before that is measured, by the estimate. */
  sort: {
    value: "use",
    words: "use",
    by: (badges) => {
      const measured = badges.some(({ delta_loss }) => delta_loss !== null);
      const rise = ({ delta_loss, estimate }: Badge) =>
        (measured ? delta_loss : estimate) ?? Number.NEGATIVE_INFINITY;
      return (a, b) => rise(b) - rise(a) || 0; // two that are not known differ by NaN
    },
  },
  shown: [
    { value: "used", words: "used", holds: (badge) => badge.use === "used" },
    { value: "harmful", words: "harmful", holds: (badge) => badge.use === "harmful" },
    {
      value: "unused",
      words: "no measurable use",
      holds: (badge) => badge.use === "no measurable use",
    },
  ],
};

const isNamed = ({ name: words }: Badge) => words !== null && words !== NO_PATTERN;

const name: Axis = {
  words: (badge) => (isNamed(badge) ? badge.name! : ""),
  /** Those without a plain name last. */
  sort: {
    value: "name",
    words: "name",
    by: () => {
      const key = (badge: Badge) =>
        isNamed(badge) ? badge.name! : badge.name === null ? "\uffff\uffff" : "\uffff";
      return (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0);
    },
  },
  shown: [{ value: "named", words: "with a plain name", holds: isNamed }],
};

/** In the order in which a badge says them. */
export const AXES: readonly Axis[] = [structure, state, duplicate, training, start, use, name];

/** What stands beside the letter in a cell: what is wrong with the filter, else whether it is used. */
export function chip(badge: Badge): string {
  return AXES.map((axis) => axis.chip?.(badge) ?? "").find(Boolean) ?? "";
}

/** The whole badge, for those who do not see it. */
export function badgeInWords(badge: Badge | undefined): string {
  return badge
    ? AXES.map((axis) => axis.words(badge))
        .filter(Boolean)
        .join(", ")
    : "";
}

/** What the chips mean; those that are met most often first. */
export const MEANINGS = [use, ...AXES.filter((axis) => axis !== use)]
  .map(({ meaning }) => meaning)
  .filter(Boolean)
  .join(" · ");
