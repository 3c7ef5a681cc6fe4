import { describe, expect, it } from "vitest";
import { cellNumbers, exact, number, percent } from "../src/format";

describe("number", () => {
  it.each([
    [0, "0"],
    [-0, "0"],
    [1, "1.00"],
    [-0.44512, "−0.445"],
    [1234.5, "1235"],
    [0.00012, "1.2e−4"],
    [-2.5e7, "−2.5e+7"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "−∞"],
  ])("%f is %s", (value, text) => expect(number(value)).toBe(text));
});

describe("exact", () => {
  it.each([
    [0.1, "0.1"],
    [-0, "0"],
    [1, "1"],
    [1500, "1500"],
    [-0.43543753, "−0.43543753"],
    [16777217, "16777216"],
    [1e-7, "1e−7"],
    [-3.4028235e38, "−3.4028235e+38"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "∞"],
  ])("%f as float32 is %s", (value, text) => expect(exact(Math.fround(value))).toBe(text));

  it("is read back as the same float32, whatever its bits", () => {
    const bits = new Uint32Array(1);
    const values = new Float32Array(bits.buffer);
    for (let seed = 1; seed < 4e9; seed += 12345678) {
      bits[0] = seed;
      if (!Number.isFinite(values[0]!)) continue;
      expect(Math.fround(Number(exact(values[0]!).replace(/−/g, "-")))).toBe(values[0]);
    }
  });
});

describe("cellNumbers", () => {
  it("gives all cells the decimals that the largest needs", () => {
    expect(cellNumbers(Float32Array.of(0.4, -0.001, 0))).toEqual(["0.40", "0.00", "0.00"]);
    expect(cellNumbers(Float32Array.of(0.04, -0.012))).toEqual(["0.040", "−0.012"]);
    expect(cellNumbers(Float32Array.of(12, -3.5))).toEqual(["12", "−4"]);
    expect(cellNumbers(Float32Array.of(0, 0))).toEqual(["0", "0"]);
  });

  it("names what is not finite", () => {
    expect(cellNumbers(Float32Array.of(Number.NaN, 0.5))).toEqual(["NaN", "0.50"]);
  });
});

describe("percent", () => {
  it.each([
    [0.607, "61 %"],
    [1, "100 %"],
    [0.0123, "1 %"],
    [0.0031, "0.3 %"],
    [0.001, "0.1 %"],
    [0.00049, "<0.1 %"],
    [4e-15, "<0.1 %"],
    [0, "<0.1 %"],
  ])("%s is %s", (probability, text) => expect(percent(probability)).toBe(text));
});
