import { describe, expect, it } from "vitest";
import { drawnSlice } from "../../src/state/selection";

const numbers = (count: number) => Array.from({ length: count }, (_, k) => k);

describe("the slice that is drawn of a volume", () => {
  it("is the chosen one where the volume has as many slices as are counted", () => {
    for (const depth of [1, 2, 3, 8, 11])
      expect(numbers(depth).map((chosen) => drawnSlice(chosen, depth))).toEqual(numbers(depth));
  });

  it("is the one that holds the middle of the chosen one where the volume has other slices", () => {
    for (const [depth, of] of [
      [4, 8],
      [3, 8],
      [8, 4],
      [5, 3],
      [1, 7],
    ] as const)
      for (const chosen of numbers(of)) {
        const middle = (chosen + 0.5) / of;
        const k = drawnSlice(chosen, depth, of);
        expect(k / depth).toBeLessThanOrEqual(middle);
        expect((k + 1) / depth).toBeGreaterThan(middle);
      }
  });

  it("is the middle one while none is chosen", () => {
    expect([1, 2, 3, 8].map((depth) => drawnSlice(null, depth))).toEqual([0, 1, 1, 4]);
  });
});
