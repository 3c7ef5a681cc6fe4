/** Rules that Python has too: what it made of these values stands in `tests/wire/`. */

import { describe, expect, it } from "vitest";
import { codesOf, rangeOf } from "../../src/draw/codes";
import { mosaicOf } from "../../src/draw/layout";
import { colourOf, type PaletteName, paletteFor } from "../../src/draw/palette";
import { Raster } from "../../src/draw/raster";
import { joined, planeOf } from "../../src/saved/maps";
import { drawnSlice, fitSelection } from "../../src/state/selection";
import { classesInWords, number, percent } from "../../src/text/format";
import { matching } from "../../src/view/strip/sheets";
import type { Description } from "../../src/wire/description";
import { type ClassName, MAP_NAMES, type Prediction, type Range, type Sample } from "../../src/wire/frame";
import type { Outcome } from "../../src/wire/strip";
import { summarize } from "../../src/wire/tensor";
import { NO_PATTERN } from "../../src/wire/verdicts";
import { readFixture } from "./fixtures.mjs";
import type { Value } from "./sent";

const floats = (values: readonly Value[]) => Float32Array.from(values, Number);

describe("codes and ranges", () => {
  interface Case {
    name: string;
    values: Value[];
    range: Range;
    codes: number[];
    fine: number[];
  }
  const {
    cases,
    beyond,
    joined: together,
  } = readFixture<{
    cases: Case[];
    beyond: { values: Value[]; low: number; high: number; codes: number[] };
    joined: { names: string[]; range: Range }[];
  }>("codes");
  const valuesOf = (name: string) => floats(cases.find((one) => one.name === name)!.values);

  it.each(cases)("are Python's of values: $name", ({ values, range, codes }) => {
    const data = floats(values);
    expect(rangeOf(summarize(data))).toEqual(range);
    expect([...codesOf(data, range.low, range.high)]).toEqual(codes);
  });

  it("are Python's of values beyond the range", () => {
    expect([...codesOf(floats(beyond.values), beyond.low, beyond.high)]).toEqual(beyond.codes);
  });

  it.each(together)("are Python's of several maps together: $names", ({ names, range }) => {
    expect(joined(names.map((name) => summarize(valuesOf(name))))).toEqual(range);
  });

  it.each(cases)(
    "of saved maps give back each value within half a step: $name",
    ({ values, range, codes, fine }) => {
      const { minimum, maximum, nan, infinite, low, high } = range;
      const data = Float32Array.of(minimum ?? Number.NaN, maximum ?? Number.NaN, nan, infinite);
      const ends = { dtype: "float32", shape: [1, 4], data } as const;
      const shape = [1, values.length];
      const eight = { dtype: "uint8", shape, data: Uint8Array.from(codes) } as const;
      const sixteen = { dtype: "uint16", shape, data: Uint16Array.from(fine) } as const;
      for (const [saved, steps] of [
        [eight, 252],
        [sixteen, 65_532],
      ] as const) {
        const plane = planeOf({ values: saved, ends }, 0, [0], values.length);
        const half = (high - low) / steps / 2;
        const rounding = 1e-6 * Math.max(high, -low) + 2 ** -149; // of float32
        floats(values).forEach((value, k) => {
          if (!Number.isFinite(value)) expect(plane.data[k]).toBe(value);
          else expect(Math.abs(plane.data[k]! - value)).toBeLessThanOrEqual(half + rounding);
        });
      }
    },
  );
});

describe("colours", () => {
  const { lookups, signed, unsigned } = readFixture<{
    lookups: Record<PaletteName, string>;
    signed: PaletteName;
    unsigned: PaletteName;
  }>("colours");

  it.each(Object.keys(lookups) as PaletteName[])("of each code are Python's: %s", (name) => {
    const bytes = Uint8Array.from(atob(lookups[name]), (letter) => letter.charCodeAt(0));
    for (let code = 0; code < 256; code++)
      expect(colourOf(code, name)).toEqual([...bytes.subarray(3 * code, 3 * code + 3)]);
  });

  it("fit a range by the same palette", () => {
    expect([paletteFor(true, "auto"), paletteFor(false, "auto")]).toEqual([signed, unsigned]);
  });
});

describe("mosaics", () => {
  const { cases } = readFixture<{
    cases: { n: number; height: number; width: number; shape: number[]; tiles: number[][] }[];
  }>("mosaics");

  it.each(cases)(
    "place $n tiles of $height × $width where Python does",
    ({ n, height, width, shape, tiles }) => {
      const mosaic = mosaicOf(n, width, height);
      expect([mosaic.height, mosaic.width]).toEqual(shape);
      const codes = Uint8Array.from({ length: n * height * width }, (_, k) => Math.floor(k / height / width));
      const numbered = Uint32Array.from({ length: 256 }, (_, code) => code + 1); // 0: nothing is drawn
      const raster = new Raster(mosaic.width, mosaic.height);
      raster.putMosaic(codes, 0, n, width, height, numbered);
      expect([...raster.words].map((word) => word - 1)).toEqual(tiles.flat());
    },
  );
});

describe("words", () => {
  const { numbers, percents, classes, no_pattern, maps } = readFixture<{
    numbers: [Value, string][];
    percents: [number, string][];
    classes: { label: ClassName | null; prediction: Prediction; words: string }[];
    no_pattern: string;
    maps: string[];
  }>("words");

  it.each(numbers)("%s is %s", (value, text) => expect(number(Number(value))).toBe(text));
  it.each(percents)("a share of %s is %s", (share, text) => expect(percent(share)).toBe(text));

  it.each(classes)("of classes: $words", ({ label, prediction, words }) => {
    const spoken = classesInWords({ label, prediction } as unknown as Sample);
    expect(["image 17", spoken].filter(Boolean).join(" · ")).toBe(words);
  });

  it("name the same maps, and what no template fits", () => {
    expect(MAP_NAMES).toEqual(maps);
    expect(NO_PATTERN).toBe(no_pattern);
  });
});

describe("selections", () => {
  const { slices, layers, fitted } = readFixture<{
    slices: [number, number | null, number, number][];
    layers: { filters: number; channels: number }[];
    fitted: {
      layer: number;
      filter: number;
      channel: number | null;
      fitted: { layer_index: number; filter_index: number; channel?: null };
    }[];
  }>("selections");

  it("draw the same slice of a volume", () => {
    for (const [depth, chosen, of, k] of slices)
      expect({ depth, chosen, of, k: drawnSlice(chosen, depth, of) }).toEqual({ depth, chosen, of, k });
  });

  it.each(fitted)(
    "fit layer $layer alike: filter $filter, channel $channel",
    ({ layer, filter, channel, fitted }) => {
      const description = { layers, images: 1 } as unknown as Description;
      const selection = fitSelection(
        { image: 0, layer, filter, channel, source: "input", checkpoint: null },
        description,
      );
      expect(selection).toMatchObject({
        layer: fitted.layer_index,
        filter: fitted.filter_index,
        channel: "channel" in fitted ? null : channel,
      });
    },
  );
});

describe("the strip's filter", () => {
  const { labels, predicted, cases } = readFixture<{
    labels: (ClassName | null)[];
    predicted: (ClassName | null)[];
    cases: { class: ClassName | null; outcome: Outcome | null; places: number[] }[];
  }>("matches");

  it.each(cases)("lets the same images through: $class, $outcome", ({ places, ...filter }) => {
    expect(matching(labels, predicted, filter)).toEqual(places);
  });
});
