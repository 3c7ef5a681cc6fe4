import { describe, expect, it } from "vitest";
import { cellsInWords, pairInWords, swapsInWords } from "../../../src/panels/comparison/words";
import type { ComparedFilter, FilterPair } from "../../../src/wire/comparison";
import type { FloatTensor } from "../../../src/wire/tensor";

const COMPARED: ComparedFilter = {
  filter: 4,
  partner: 7,
  merged_into: null,
  correlation: 0.9312,
  distance: 0.25,
  damage: 0.5,
};
const TENSOR: FloatTensor = { dtype: "float32", shape: [1, 1], data: new Float32Array(1) };
const PAIR: FilterPair = {
  image: 0,
  layer: 0,
  filter: 4,
  filter_b: 7,
  relation: "partner",
  correlation: 0.931,
  kernels: [TENSOR, null, null],
  activations: [TENSOR, null, null],
};

describe("two nets in words", () => {
  it("tells the partner, and leaves out what is not known", () => {
    expect(cellsInWords(COMPARED)).toEqual(["7", "0.93", "25.0 %", "0.500"]);
    const alone = { ...COMPARED, partner: null, correlation: null, distance: null, damage: null };
    expect(cellsInWords(alone)).toEqual(["none", "", "", ""]);
    expect(cellsInWords({ ...alone, merged_into: 2 })[0]).toBe("merged into 2");
  });

  it("says what the filter shown beside another is to it", () => {
    expect(pairInWords(PAIR)).toBe("Filter 4 of a is filter 7 of b, correlation 0.93.");
    expect(pairInWords({ ...PAIR, relation: "merged" })).toContain("which is another one's partner, too");
    expect(pairInWords({ ...PAIR, relation: "nearest" })).toContain("has no partner; nearest is filter 7");
    expect(pairInWords({ ...PAIR, relation: "none", filter_b: null })).toContain(
      "nothing to be compared with",
    );
    expect(pairInWords({ ...PAIR, relation: "left out", filter_b: null })).toBe(
      "Filter 4 of a was left out of b: its mean stands in for it.",
    );
  });

  it("tells which maps explain a disagreement", () => {
    const swaps = [
      { filter: 3, partner: 5, probability: 0.75 },
      { filter: 2, partner: 2, probability: 0.2 },
    ];
    expect(swapsInWords({ image: 0, layer: 0, class_name: "Shirt", of_a: 0.8, of_b: 0.1, swaps })).toEqual([
      "Shirt: 80 % in a, 10 % in b; in b with the map that a has",
      "of filter 3 for its filter 5: 75 %",
      "of filter 2: 20 %",
    ]);
  });
});
