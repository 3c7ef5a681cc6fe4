import { describe, expect, it } from "vitest";
import { aligned, asChoice, exact, number, percent, spoken } from "../../src/text/format";

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

describe("asChoice", () => {
  it.each([
    ["cat", "cat"],
    ["a".repeat(60), "a".repeat(60)],
    ["a".repeat(61), `${"a".repeat(59)}…`],
  ])("%s is %s", (text, choice) => expect(asChoice(text)).toBe(choice));
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

describe("aligned", () => {
  it("gives all cells the decimals that the largest needs", () => {
    expect(aligned(Float32Array.of(0.4, -0.001, 0), 2)).toEqual(["0.40", "0.00", "0.00"]);
    expect(aligned(Float32Array.of(0.04, -0.012), 2)).toEqual(["0.040", "−0.012"]);
    expect(aligned(Float32Array.of(12, -3.5), 2)).toEqual(["12", "−4"]);
    expect(aligned(Float32Array.of(0, 0), 2)).toEqual(["0", "0"]);
  });

  it("gives the largest as many digits as are wanted, and leaves very small and large ones their own form", () => {
    expect(aligned([1.25, -0.5], 6)).toEqual(["1.25000", "−0.50000"]);
    expect(aligned([12_345, -0.2], 4)).toEqual(["12345", "0"]);
    expect(aligned([12_345], 2)).toEqual(["12345"].map(() => number(12_345)));
    expect(aligned([5e-4, 0], 4)).toEqual([number(5e-4), "0"]);
  });

  it("names what is not finite", () => {
    expect(aligned(Float32Array.of(Number.NaN, 0.5), 2)).toEqual(["NaN", "0.50"]);
  });
});

describe("spoken", () => {
  it.each([
    ["conv1", "conv1"],
    ["layer1.0.conv2", "layer1.0.conv2"],
    ["3", "layer 3"],
    ["0.1", "layer 0.1"],
  ])("%s is %s", (name, text) => expect(spoken(name)).toBe(text));
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
