import { describe, expect, it } from "vitest";
import { rangeOver } from "../../../src/panels/range_over";
import { marksInWords, runsInWords, statusInWords } from "../../../src/panels/timeline/words";
import type { FloatTensor } from "../../../src/wire/tensor";
import type { Timeline, TimelineStep } from "../../../src/wire/timeline";

const NONE: TimelineStep = { structure: null, state: null, use: null, best: null };
const steps = (...states: (string | null)[]) => states.map((state) => ({ ...NONE, state }));
const titles = ["a", "b", "c", "d", "e", "f", "g"];
const states = (...values: (string | null)[]) =>
  runsInWords("state", steps(...values), ({ state }) => state, titles);

const TIMELINE: Timeline = {
  layer: 0,
  filter: 0,
  count: 7,
  read: 7,
  status: "none",
  error: null,
  judged: 0,
  images: 0,
  of_these: true,
  from_start: null,
  to_end: null,
  step: null,
  steps: [],
  events: [],
  never_left: [],
  summary: "",
};

describe("runsInWords", () => {
  it("tells runs, and what is not known in none", () => {
    expect(states("dead", "dead", "live", "live")).toBe("state: dead, live from c on");
    expect(states("live", "live")).toBe("state: live throughout");
    expect(states(null, "live", null, "dead")).toBe("state: live, dead from d on");
    expect(states(null, null)).toBe("");
    expect(states()).toBe("");
    expect(states("a", "b", "a", "b", "a", "b", "c")).toBe("state: a at first, c at last, 6 changes");
  });
});

describe("statusInWords", () => {
  it("says how far it is, and of what it is", () => {
    expect(statusInWords(TIMELINE)).toBe("");
    expect(statusInWords({ ...TIMELINE, read: 3 })).toBe("reading 3 of 7 checkpoints …");
    expect(statusInWords({ ...TIMELINE, status: "running", judged: 2 })).toBe("judged 2 of 7 checkpoints …");
    const done = { ...TIMELINE, status: "done", judged: 7, images: 1000 } as const;
    expect(statusInWords(done)).toBe("7 of 7 checkpoints judged on 1,000 images");
    expect(statusInWords({ ...done, of_these: false })).toContain("before there were more checkpoints");
    expect(statusInWords({ ...TIMELINE, status: "failed", error: "no data" })).toBe("no data");
  });
});

describe("marksInWords", () => {
  it("explains the marks that are there, and who never left", () => {
    expect(marksInWords(TIMELINE)).toBe("");
    const events = [
      [1, 0, "died"],
      [2, 3, "died"],
      [2, 1, "born"],
    ] as const;
    expect(marksInWords({ ...TIMELINE, events })).toBe("+ born · × died");
    expect(marksInWords({ ...TIMELINE, never_left: [4] })).toBe("filter 4 never left its start");
    expect(marksInWords({ ...TIMELINE, never_left: [0, 1, 2, 3, 4, 5, 6] })).toBe(
      "filters 0, 1, 2, 3, 4, 5 and 1 more never left their start",
    );
  });
});

describe("rangeOver", () => {
  const tensor = (...values: number[]): FloatTensor => ({
    dtype: "float32",
    shape: [values.length],
    data: new Float32Array(values),
  });

  it("is one for all of them: about zero where signs differ, else from zero", () => {
    expect(rangeOver([tensor(1, 3), null, tensor(-2)])).toMatchObject({ low: -3, high: 3, signed: true });
    expect(rangeOver([tensor(1, 3), tensor(0.5)])).toMatchObject({ low: 0, high: 3, signed: false });
    expect(rangeOver([tensor(Number.NaN, Number.POSITIVE_INFINITY, 2)])).toMatchObject({
      high: 2,
      minimum: 2,
    });
    expect(rangeOver([null, tensor()])).toMatchObject({ low: 0, constant: true });
  });
});
