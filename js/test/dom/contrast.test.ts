import { describe, expect, it } from "vitest";
import { type Colour, colourFrom, contrast, mix, readableShare } from "../../src/dom/contrast";

const WHITE: Colour = [255, 255, 255];
const BLACK: Colour = [0, 0, 0];
const SOLARIZED = { text: [101, 123, 131], background: [253, 246, 227] } as const;

describe("contrast", () => {
  it("is that of WCAG 2", () => {
    expect(contrast(WHITE, BLACK)).toBeCloseTo(21, 6);
    expect(contrast([119, 119, 119], WHITE)).toBeCloseTo(4.48, 2);
    expect(contrast(SOLARIZED.background, SOLARIZED.text)).toBeCloseTo(4.13, 2);
  });
});

describe("a colour", () => {
  it("is read in the ways that browsers write it", () => {
    expect(colourFrom("rgb(1, 2, 3)")).toEqual([1, 2, 3]);
    expect(colourFrom("rgba(1, 2, 3, 0.5)")).toEqual([1, 2, 3]);
    expect(colourFrom("color(srgb 1 0.5 1e-3)")).toEqual([255, 127.5, 0.255]);
    expect(colourFrom("")).toBeNull();
  });
});

describe("the share of a colour", () => {
  const text = { least: 5.2, from: 100, step: -5 };
  it("is all of it where it can be read", () => {
    expect(readableShare([59, 59, 59], BLACK, [WHITE], text)).toBe(100);
  });

  it("is the most with which it can be read on all backgrounds", () => {
    const behind = [SOLARIZED.background, [221, 214, 193]] as const;
    const share = readableShare(SOLARIZED.text, BLACK, behind, text);
    const worst = (percent: number) =>
      Math.min(...behind.map((each) => contrast(mix(SOLARIZED.text, percent, BLACK), each)));
    expect(worst(share)).toBeGreaterThanOrEqual(5.2);
    expect(worst(share + 5)).toBeLessThan(5.2);
  });

  it("ends at the other colour where nothing can be read", () => {
    expect(readableShare([128, 128, 128], [130, 130, 130], [[127, 127, 127]], text)).toBe(0);
  });
});
