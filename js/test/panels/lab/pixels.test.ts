/** What a person types into a cell, and what is done to a picture. */

import { describe, expect, it } from "vitest";
import { Cells, stepFor } from "../../../src/panels/lab/cells";
import {
  asBase64,
  blurred,
  boxed,
  brightened,
  dabbed,
  type Pixels,
  shapeOf,
  shifted,
  turned,
} from "../../../src/panels/lab/pixels";

describe("a number that is typed", () => {
  it.each([
    ["0.25", 0.25],
    ["−1", -1],
    [" 1,5 ", 1.5],
    ["+.5", 0.5],
    ["2.", 2],
    ["1e-3", 1e-3],
  ])("%s is one", (text, value) => expect(Cells.numberIn(text)).toBe(value));

  it.each(["", "one", "NaN", "Infinity", "1e99", "1.2.3", "0x10", "--1", "1 2"])("%s is none", (text) =>
    expect(Cells.numberIn(text)).toBeNull(),
  );

  it("is stepped by about a twentieth of the largest, a round number", () => {
    expect([2, 0.61, 100, 0].map(stepFor)).toEqual([0.1, 0.05, 5, 0.1]);
  });
});

describe("a picture", () => {
  const of = (rows: number[][]): Pixels => ({
    height: rows.length,
    width: rows[0]!.length,
    channels: 1,
    data: Uint8ClampedArray.from(rows.flat()),
  });
  const rows = ({ width, data }: Pixels) =>
    Array.from({ length: data.length / width }, (_, row) => [
      ...data.subarray(row * width, (row + 1) * width),
    ]);
  const picture = of([
    [10, 20, 30],
    [40, 50, 60],
    [70, 80, 90],
  ]);

  it("is shifted with black behind it, and turned about its middle", () => {
    expect(rows(shifted(picture, 1, 0))).toEqual([
      [0, 0, 0],
      [10, 20, 30],
      [40, 50, 60],
    ]);
    expect(rows(shifted(picture, 0, -1))[0]).toEqual([20, 30, 0]);
    expect(rows(turned(picture, 90))).toEqual([
      [30, 60, 90],
      [20, 50, 80],
      [10, 40, 70],
    ]);
    expect(rows(turned(picture, 0))).toEqual(rows(picture));
  });

  it("is painted by a dab or a box, blurred, and brightened up to white", () => {
    expect(rows(dabbed(picture, 0, 0, 0, 255))[0]).toEqual([255, 20, 30]);
    expect(rows(dabbed(picture, 1, 1, 1, 0))).toEqual([
      [10, 0, 30],
      [0, 0, 0],
      [70, 0, 90],
    ]);
    expect(rows(boxed(picture, [0, 1, 1, 2], 5))).toEqual([
      [10, 5, 5],
      [40, 5, 5],
      [70, 80, 90],
    ]);
    expect(rows(blurred(picture))[1]![1]).toBe(50);
    expect(rows(brightened(picture, 10))[0]).toEqual([100, 200, 255]);
    expect(rows(picture)[0]).toEqual([10, 20, 30]);
  });

  it("travels as its shape and its bytes", () => {
    expect(shapeOf(picture)).toEqual([3, 3]);
    expect([...atob(asBase64(picture))].map((letter) => letter.charCodeAt(0))).toEqual([...picture.data]);
  });
});
