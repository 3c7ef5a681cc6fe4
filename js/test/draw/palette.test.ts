import { describe, expect, it } from "vitest";
import { colourOf, lookupOf, paletteFor, type Rgb, rgbOf } from "../../src/draw/palette";
import anchors from "../../src/draw/palette.json";

const CODES = Array.from({ length: 253 }, (_, i) => i + 2);

/** CIE lightness, 0 to 100. */
function lightness(rgb: Rgb): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((byte) => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 116 * Math.cbrt(0.2126 * red + 0.7152 * green + 0.0722 * blue) - 16;
}

describe("colourOf", () => {
  it("meets the anchors at the ends and in the middle", () => {
    for (const name of ["sequential", "diverging", "gray"] as const) {
      expect(colourOf(2, name)).toEqual(rgbOf(anchors[name][0]!));
      expect(colourOf(254, name)).toEqual(rgbOf(anchors[name].at(-1)!));
    }
    expect(colourOf(128, "diverging")).toEqual(rgbOf(anchors.diverging[(anchors.diverging.length - 1) / 2]!));
  });

  it("is linear between anchors, half rounded up", () => {
    expect(colourOf(128, "gray")).toEqual([128, 128, 128]);
    expect(colourOf(3, "gray")).toEqual([1, 1, 1]); // 255 / 252 = 1.01
    expect(colourOf(65, "gray")).toEqual([64, 64, 64]); // 63.75
  });

  it("marks what is not finite in every palette alike", () => {
    for (const name of ["sequential", "diverging", "gray"] as const) {
      expect(colourOf(0, name)).toEqual(rgbOf(anchors.nan));
      expect(colourOf(1, name)).toEqual(rgbOf(anchors["-inf"]));
      expect(colourOf(255, name)).toEqual(rgbOf(anchors["+inf"]));
    }
  });
});

describe("the palettes", () => {
  it("sequential and gray grow lighter from code to code", () => {
    for (const name of ["sequential", "gray"] as const) {
      const values = CODES.map((code) => lightness(colourOf(code, name)));
      for (let i = 1; i < values.length; i++) expect(values[i]).toBeGreaterThanOrEqual(values[i - 1]!);
      for (let i = 3; i < values.length; i++) expect(values[i]).toBeGreaterThan(values[i - 3]!);
    }
  });

  it("diverging is lightest at zero, alike on both sides, blue below and red above", () => {
    for (let step = 1; step <= 126; step++) {
      const below = lightness(colourOf(128 - step, "diverging"));
      const above = lightness(colourOf(128 + step, "diverging"));
      expect(Math.abs(below - above)).toBeLessThan(7);
      expect(below).toBeLessThan(lightness(colourOf(129 - step, "diverging")));
      expect(above).toBeLessThan(lightness(colourOf(127 + step, "diverging")));
    }
    const [redBelow, , blueBelow] = colourOf(60, "diverging");
    const [redAbove, , blueAbove] = colourOf(200, "diverging");
    expect(blueBelow).toBeGreaterThan(redBelow);
    expect(redAbove).toBeGreaterThan(blueAbove);
  });
});

describe("lookupOf and paletteFor", () => {
  it("packs red, green, blue, opaque in the order of canvas bytes", () => {
    const bytes = new Uint8Array(lookupOf("diverging").buffer);
    expect([...bytes.subarray(90 * 4, 91 * 4)]).toEqual([...colourOf(90, "diverging"), 255]);
  });

  it("shows the upper half of the diverging palette where nothing is negative: zero is white on every range", () => {
    expect(paletteFor(true, "diverging")).toBe("diverging");
    expect(paletteFor(false, "diverging")).toBe("upper");
    expect(colourOf(2, "upper")).toEqual(colourOf(128, "diverging"));
    for (let step = 0; step <= 126; step++)
      expect(colourOf(2 + 2 * step, "upper")).toEqual(colourOf(128 + step, "diverging"));
    expect(paletteFor(true, "sequential")).toBe("sequential");
    expect(paletteFor(false, "sequential")).toBe("sequential");
  });

  it("fits the palette to the range, unless gray is asked for", () => {
    expect(paletteFor(true, "auto")).toBe("diverging");
    expect(paletteFor(false, "auto")).toBe("sequential");
    expect(paletteFor(true, "gray")).toBe("gray");
    expect(paletteFor(false, "gray")).toBe("gray");
  });
});
