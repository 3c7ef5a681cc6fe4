import { describe, expect, it } from "vitest";
import { codeOf, codesOf } from "../../src/draw/codes";

describe("codeOf", () => {
  it("keeps three codes for what is not finite", () => {
    expect(codeOf(Number.NaN, -1, 1)).toBe(0);
    expect(codeOf(Number.NEGATIVE_INFINITY, -1, 1)).toBe(1);
    expect(codeOf(Number.POSITIVE_INFINITY, -1, 1)).toBe(255);
  });

  it("spreads low to high over 2 to 254, and zero of a signed range is exactly 128", () => {
    expect(codeOf(-3, -3, 3)).toBe(2);
    expect(codeOf(0, -3, 3)).toBe(128);
    expect(codeOf(-0, -0.7, 0.7)).toBe(128);
    expect(codeOf(3, -3, 3)).toBe(254);
  });

  it("clamps finite values beyond the range", () => {
    expect(codeOf(-9, 0, 1)).toBe(2);
    expect(codeOf(9, 0, 1)).toBe(254);
  });

  it("gives the lowest code where the range is a point", () => {
    expect(codeOf(5, 5, 5)).toBe(2);
    expect(codeOf(7, 5, 5)).toBe(2);
    expect(codeOf(Number.NaN, 5, 5)).toBe(0);
  });

  it("rounds half up, in float64", () => {
    expect(codeOf(0.5, 0, 252)).toBe(3);
    expect(codeOf(0.4999, 0, 252)).toBe(2);
    expect(codeOf(1.5, 0, 252)).toBe(4);
  });

  it("does the same for an array", () => {
    const values = Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY, -1, 0, 1, Number.POSITIVE_INFINITY);
    expect([...codesOf(values, -1, 1)]).toEqual([0, 1, 2, 128, 254, 255]);
  });
});
