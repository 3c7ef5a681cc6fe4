// @vitest-environment node
import { describe, expect, it } from "vitest";
import { badgeInWords, chip } from "../../../src/panels/verdicts/axes";
import { SHOWN, sortsOf } from "../../../src/panels/verdicts/order";
import {
  estimateInWords,
  per100,
  percentOf,
  points,
  progressInWords,
  startInWords,
  time,
  trainingInWords,
} from "../../../src/panels/verdicts/words";
import type { Frame } from "../../../src/wire/frame";
import type { Badge, VerdictRow } from "../../../src/wire/verdicts";
import { BADGE } from "../../support/fake_verdicts";

const badge = (change: Partial<Badge> = {}): Badge => ({ ...BADGE, ...change });

const row = (change: Partial<VerdictRow>) => ({ ...BADGE, ...change }) as VerdictRow;

describe("what training did, in words", () => {
  it("promises no more than that it pulled, or says why that cannot be told", () => {
    expect(trainingInWords(row({ training: "pulled", p_training: 0.002 }))).toBe(
      "Training pulled on it: 0.2 in 100 random filters look as much along what varies in its input.",
    );
    expect(trainingInWords(row({ training: "can't tell", training_reason: "9 weights are too few" }))).toBe(
      "Pulled on by training: can't tell from its input; 9 weights are too few.",
    );
  });

  it("says how far it went where a start was given", () => {
    expect(startInWords(row({ start: "not given" }))).toBe("");
    expect(startInWords(row({ start: "left its start", start_share: 0.5 }))).toContain("0.50 times as far");
    expect(startInWords(row({ start: "never left its start", start_share: 0 }))).toBe(
      "It never left its start.",
    );
    expect(startInWords(row({ start: "can't tell", start_reason: "it lacks a" }))).toContain("it lacks a");
  });
});

const LAYER = [
  badge({ delta_loss: 0.2, name: "horizontal edge: dark above, bright below" }),
  badge({
    structure: "noise-like",
    training: "can't tell",
    start: "never left its start",
    use: "no measurable use",
    delta_loss: 0.3,
  }),
  badge({ state: "dead", structure: "noise-like", use: "no measurable use", delta_loss: 0 }),
  badge({ duplicate_of: 0, delta_loss: -0.1, use: "harmful", name: null }),
  badge({ delta_loss: 0.2, name: "bright spot on dark" }),
];

const orderOf = (badges: readonly Badge[], sort: string) =>
  sortsOf(() => badges)
    .find(({ value }) => value === sort)!
    .rank({ layer: 0 } as Frame).order;
const shown = (choice: string) => {
  const { holds } = SHOWN.find(({ value }) => value === choice)!;
  return [...LAYER.keys()].filter((filter) => holds(LAYER[filter]!));
};

describe("the order of the grid", () => {
  it("is none while nothing is known", () => {
    expect(orderOf([], "use")).toBeNull();
  });

  it("goes by use, the highest first, and leaves what is alike in turn", () => {
    expect(orderOf(LAYER, "use")).toEqual([1, 0, 4, 2, 3]);
  });

  it("goes by the estimate while no filter was ablated", () => {
    const early = [3, 9, 4].map((estimate) => badge({ estimate, delta_loss: null, use: "withheld" }));
    expect(orderOf(early, "use")).toEqual([1, 2, 0]);
  });

  it("goes by name, those without a plain one last", () => {
    expect(orderOf(LAYER, "name")).toEqual([4, 0, 1, 2, 3]);
  });

  it("goes by verdict: learned and used first, then noise, then copies, then what says nothing", () => {
    expect(orderOf(LAYER, "verdict")).toEqual([0, 4, 1, 3, 2]);
  });

  it("shows some of them, also none", () => {
    expect(shown("")).toEqual([0, 1, 2, 3, 4]);
    expect(shown("noise")).toEqual([1, 2]);
    expect(shown("used")).toEqual([0, 4]);
    expect(shown("still")).toEqual([2]);
    expect(shown("duplicate")).toEqual([3]);
    expect(shown("named")).toEqual([0, 4]);
    expect(shown("unclear")).toEqual([]);
    expect(shown("pulled")).toEqual([0, 2, 3, 4]);
    expect(shown("unmoved")).toEqual([1]);
  });
});

describe("words of verdicts", () => {
  it("say what stands in a badge", () => {
    expect(LAYER.map(chip)).toEqual(["▲ used", "– no use", "✕ dead", "= 0 ▼", "▲ used"]);
    expect(chip(badge({ use: "withheld" }))).toBe("");
    expect(badgeInWords(LAYER[3])).toBe("structured, duplicate of 0, training pulled on it, harmful");
    expect(badgeInWords(LAYER[2])).toBe("noise-like, dead, training pulled on it, no measurable use");
    expect(badgeInWords(undefined)).toBe("");
  });

  it("write shares, points and times", () => {
    expect([0.5, 0.032, 0.0005, 0.00005].map(per100)).toEqual(["50", "3.2", "0.05", "0.005"]);
    expect([0.012, -0.0001, -0.5].map(points)).toEqual(["+1.2", "0.0", "−50.0"]);
    expect([0.531, 0.0234, -0.02].map(percentOf)).toEqual(["53\u00a0%", "2.3\u00a0%", "−2.0\u00a0%"]);
    expect([3.2, 89, 100].map(time)).toEqual(["4 s", "89 s", "2 min"]);
  });

  it("say how far it is", () => {
    const at = {
      stage: "images",
      done: 320,
      total: 1000,
      per_second: 410.4,
      seconds_left: 1.7,
      seconds_after: null,
    };
    expect(progressInWords(at)).toBe("image 320 of 1,000 · 410 a second · 2 s left");
    expect(progressInWords({ ...at, stage: "weights", done: 1, total: 2, seconds_left: null })).toBe(
      "weights of layer 1 of 2",
    );
    expect(progressInWords({ ...at, stage: "" })).toBe("starting …");
    expect(progressInWords({ ...at, seconds_after: 350 })).toBe(
      "image 320 of 1,000 · 410 a second · 2 s left, then 6 min for use",
    );
    const filters = { ...at, stage: "filters", done: 0, total: 4800, per_second: 0, seconds_left: 1740 };
    expect(progressInWords(filters)).toBe("without each filter: 0 of 4,800 · 29 min left");
  });

  it("say what filters would cost together, and that it is estimated", () => {
    const estimate = { rise: 0.031, share: 0.016, images: 1000 };
    expect(estimateInWords({ estimate, filters: [1, 2] })).toBe(
      "Together about +0.0310 nats, 1.6\u00a0% of what the net knows: estimated from gradients on 1,000 images, not measured.",
    );
    expect(estimateInWords({ estimate: { ...estimate, share: null }, filters: [1] })).toMatch(
      /^On average about \+0\.0310 nats: estimated/,
    );
    expect(estimateInWords({ estimate: null, filters: [1] })).toBe("");
  });
});
