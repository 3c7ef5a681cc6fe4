import { describe, expect, it } from "vitest";
import { fitPicture, GRID_HEIGHT, gridGeometry, mosaicOf } from "../../src/draw/layout";

describe("fitPicture", () => {
  it.each([1, 1.25, 1.5, 2, 3])("gives every value whole device pixels at ratio %f", (ratio) => {
    for (const [columns, rows] of [
      [28, 28],
      [3, 3],
      [26, 11],
      [90, 90],
    ] as const) {
      const { width, height, crisp } = fitPicture(columns, rows, 200, ratio);
      expect(crisp).toBe(true);
      expect((width * ratio) / columns).toBeCloseTo(Math.round((width * ratio) / columns), 9);
      expect(width / columns).toBeCloseTo(height / rows, 9);
      expect(Math.max(width, height)).toBeLessThanOrEqual(200);
      expect(Math.max(width, height)).toBeGreaterThan(100);
    }
  });

  it("shrinks what has more values than pixels, in proportion", () => {
    expect(fitPicture(400, 300, 200, 1)).toEqual({ width: 200, height: 150, crisp: false });
  });

  it("fills the box where one device pixel a value would leave it half empty, and two would not fit", () => {
    expect(fitPicture(112, 112, 219, 1)).toEqual({ width: 219, height: 219, crisp: true });
    expect(fitPicture(112, 112, 224, 1)).toEqual({ width: 224, height: 224, crisp: true });
    expect(fitPicture(190, 190, 219, 1)).toEqual({ width: 190, height: 190, crisp: true });
    expect(fitPicture(112, 56, 219, 2)).toEqual({ width: 168, height: 84, crisp: true });
  });

  it("stretches a single row, so that it can be seen", () => {
    expect(fitPicture(100, 1, 200, 1)).toEqual({ width: 200, height: 25, crisp: true });
    expect(fitPicture(150, 1, 200, 1)).toEqual({ width: 200, height: 25, crisp: true });
    expect(fitPicture(400, 1, 200, 1)).toEqual({ width: 200, height: 25, crisp: false });
  });
});

describe("mosaicOf", () => {
  it("has ceil(sqrt(n)) columns and one pixel between tiles", () => {
    expect(mosaicOf(1, 3, 3)).toEqual({ columns: 1, rows: 1, width: 3, height: 3 });
    expect(mosaicOf(10, 3, 3)).toEqual({ columns: 4, rows: 3, width: 15, height: 11 });
  });

  it("is about as wide as high, whatever the tiles' shape", () => {
    expect(mosaicOf(16, 3, 1)).toEqual({ columns: 3, rows: 6, width: 11, height: 11 });
    expect(mosaicOf(12, 1, 7)).toMatchObject({ columns: 7, rows: 2 });
    expect(mosaicOf(1, 10, 99)).toEqual({ columns: 1, rows: 1, width: 10, height: 99 });
    expect(mosaicOf(2, 99, 1)).toMatchObject({ columns: 1, rows: 2 });
  });
});

describe("gridGeometry", () => {
  const content = { filters: 20, kernel: { width: 3, height: 3 }, map: { width: 28, height: 28 } };

  it.each([376, 676, 976, 1300])(
    "fits %i pixels, tiles inside their cells and not over each other",
    (width) => {
      const { columns, rows, cellWidth, filled, cellHeight, kernel, map } = gridGeometry(content, width, 1);
      expect((columns - 1) * cellWidth + filled).toBeLessThanOrEqual(width);
      expect(filled).toBeLessThanOrEqual(cellWidth);
      expect(columns * rows).toBeGreaterThanOrEqual(20);
      expect(map.x).toBeGreaterThanOrEqual(kernel.x + kernel.width);
      expect(map.x + map.width).toBeLessThanOrEqual(filled);
      expect(Math.max(map.y + map.height, kernel.y + kernel.height)).toBeLessThanOrEqual(cellHeight);
    },
  );

  it("spreads the cells over the width, but not far apart", () => {
    const { columns, cellWidth, filled } = gridGeometry(content, 976, 1);
    expect(976 - (columns - 1) * cellWidth - filled).toBeLessThan(columns);
    const few = gridGeometry({ ...content, filters: 2 }, 976, 1);
    expect(few.cellWidth).toBe(Math.floor(1.5 * few.filled));
    expect(gridGeometry({ ...content, filters: 1 }, 976, 1).cellWidth).toBeGreaterThan(0);
  });

  it("has no more columns than its rows need", () => {
    const { columns, rows } = gridGeometry({ ...content, filters: 10 }, 1300, 1);
    expect([columns, rows]).toEqual([5, 2]);
  });

  it("shows the layer without scrolling where it can, in the largest tiles that allow it", () => {
    for (const width of [676, 976, 1300]) {
      const { rows, cellHeight } = gridGeometry(content, width, 1);
      expect(rows * cellHeight).toBeLessThanOrEqual(GRID_HEIGHT);
    }
    expect(gridGeometry(content, 1300, 1).map.width).toBeGreaterThan(gridGeometry(content, 676, 1).map.width);
    const large = gridGeometry({ ...content, filters: 2048 }, 976, 1);
    expect(large.rows * large.cellHeight).toBeGreaterThan(GRID_HEIGHT);
    expect(large.map.width).toBe(56);
  });

  it("draws a 1-D net's map as a strip that can be seen", () => {
    const signal = { filters: 8, kernel: { width: 5, height: 1 }, map: { width: 400, height: 1 } };
    const { kernel, map, cellHeight } = gridGeometry(signal, 976, 1);
    expect(map.height).toBeGreaterThanOrEqual(20);
    expect(kernel.height).toBeGreaterThanOrEqual(11);
    expect(map.y + map.height).toBeLessThanOrEqual(cellHeight);
  });

  it("enlarges by whole device pixels", () => {
    const { kernel, map } = gridGeometry(content, 976, 1.5);
    for (const factor of [(kernel.width * 1.5) / 3, (map.width * 1.5) / 28]) {
      expect(factor).toBeCloseTo(Math.round(factor), 9);
      expect(factor).toBeGreaterThan(1);
    }
  });
});
