import { describe, expect, it } from "vitest";
import {
  imageInWords,
  NO_FILTER,
  placeInWords,
  progressInWords,
  shapeOf,
  sheetHolding,
  troubleInWords,
  withinList,
} from "../../../src/view/strip/sheets";
import { type StripBehaviour, stripReply } from "../../support/strip_kernel";

const WRONG = { class: null, outcome: "wrong" } as const;

function strip(start: number, count: number, filter = NO_FILTER, behaviour: StripBehaviour = {}) {
  return stripReply("1", { start, count, ...filter }, behaviour).content.body as never;
}

describe("a page", () => {
  it("fills the width: one row, two where it is narrow, 60 images at most", () => {
    expect(shapeOf(1300)).toEqual({ columns: 15, rows: 1, size: 15 });
    expect(shapeOf(410)).toEqual({ columns: 5, rows: 2, size: 10 });
    expect(shapeOf(20).size).toBe(2);
    expect(shapeOf(1e5).size).toBe(60);
  });

  it("stays where it holds the place, else lies whole pages away, and ends with a full page", () => {
    expect(sheetHolding(29, 20, 10, 100)).toBe(20);
    expect(sheetHolding(30, 20, 10, 100)).toBe(30);
    expect(sheetHolding(19, 20, 10, 100)).toBe(10);
    expect(sheetHolding(99, 0, 7, 100)).toBe(93);
    expect(sheetHolding(2, 5, 10, 100)).toBe(0);
    expect(sheetHolding(3, 0, 10, 4)).toBe(0);
  });

  it("always holds the place it was asked for", () => {
    for (let place = 0; place < 53; place++) {
      for (const start of [0, 3, 20, 46]) {
        const found = sheetHolding(place, start, 7, 53);
        expect(place - found).toBeGreaterThanOrEqual(0);
        expect(place - found).toBeLessThan(7);
        expect(withinList(found, 7, 53)).toBe(found);
      }
    }
  });
});

describe("words", () => {
  it("name images by their index and count matches from one", () => {
    expect(placeInWords(strip(20, 20, NO_FILTER, { total: 10_000 }), NO_FILTER)).toBe(
      "images 20–39 of 10,000",
    );
    expect(placeInWords(strip(4, 4, WRONG), WRONG)).toBe("matches 5–8 of 20");
    expect(placeInWords(strip(0, 1, WRONG), WRONG)).toBe("match 1 of 20");
  });

  it("say how far a survey is, only where a filter waits for it", () => {
    const behaviour = { total: 10_000, upTo: 3200, survey: { running: true, needed: true } };
    const surveyed = strip(0, 2, WRONG, behaviour);
    expect(progressInWords(surveyed, WRONG)).toBe("right or wrong: 3,200 of 10,000 images");
    expect(placeInWords(surveyed, WRONG)).toBe("matches 1–2 of 640 so far");
    expect(progressInWords(surveyed, NO_FILTER)).toBe("");
    expect(progressInWords(strip(0, 2, WRONG), WRONG)).toBe("");
    expect(progressInWords(surveyed, { class: "Coat", outcome: null })).toMatch(/^classes: /);
  });

  it("tell an empty answer from one that is not finished, and both from an empty data set", () => {
    const none = { class: "Hat", outcome: null };
    expect(troubleInWords(strip(0, 5, none), none)).toBe("No image matches.");
    expect(troubleInWords(strip(0, 5, none, { survey: { running: true } }), none)).toBe("");
    expect(troubleInWords(strip(0, 5, NO_FILTER, { total: 0 }), NO_FILTER)).toBe(
      "The data set has no images.",
    );
    expect(troubleInWords(strip(0, 5, WRONG, { survey: { error: "It stopped." } }), WRONG)).toBe(
      "It stopped.",
    );
  });

  it("say right and wrong, and nothing where that is not known", () => {
    expect(imageInWords(17, "Coat", "Shirt")).toBe("image 17: Coat, predicted Shirt, wrong");
    expect(imageInWords(17, "Coat", "Coat")).toBe("image 17: Coat, predicted Coat, right");
    expect(imageInWords(17, 0, 1)).toBe("image 17: class 0, predicted class 1, wrong");
    expect(imageInWords(17, "Coat", null)).toBe("image 17: Coat");
    expect(imageInWords(17, null, "Coat")).toBe("image 17, predicted Coat");
  });
});
