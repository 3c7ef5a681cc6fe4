// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { installCanvas } from "../../support/canvas";
import { open, setUp, WIDTH } from "../../support/strip_fixture";

beforeEach(() => {
  installCanvas();
  vi.useFakeTimers();
});

afterEach(() => {
  document.body.replaceChildren();
  vi.useRealTimers();
});

describe("paging", () => {
  it("ends at both ends of the list", () => {
    const { starts, answer, query } = open({ total: 24 });
    const next = query("[aria-label='next page']");
    const previous = query("[aria-label='previous page']");
    expect(previous.getAttribute("aria-disabled")).toBe("true");
    for (let k = 0; k < 4; k++) {
      next.click();
      answer();
    }
    expect(starts()).toEqual([0, 10, 14]);
    expect(next.getAttribute("aria-disabled")).toBe("true");
    for (let k = 0; k < 4; k++) {
      previous.click();
      answer();
    }
    expect(starts()).toEqual([0, 10, 14, 4, 0]);
  });

  it("jumps to a number, and to the last where there is none so high", () => {
    const { starts, answer, query, picked } = open();
    const number = query<HTMLInputElement>("input[name=strip-number]");
    for (const value of ["37", "1000", "-3"]) {
      number.value = value;
      number.dispatchEvent(new Event("change"));
      answer();
    }
    expect(starts()).toEqual([0, 37, 90, 0]);
    expect(picked).toEqual([]);
  });

  it("shows no more than there is room for when a page comes that was asked for before", () => {
    const { strip, answer, items } = setUp();
    strip.layout(WIDTH);
    strip.layout(8.5 * 82);
    answer();
    expect(items().filter((item) => !item.hidden)).toHaveLength(8);
  });

  it("keeps its place when the width changes, and the selected image in sight", () => {
    const { strip, sent, answer } = open();
    strip.mark(9, null);
    for (const width of [800, 780, 760, 740, 720]) strip.layout(width);
    expect(sent).toHaveLength(1);
    vi.advanceTimersByTime(121);
    expect(sent).toHaveLength(2);
    expect(sent[1]!.args).toMatchObject({ start: 9, count: 8 });
    answer();
    expect(strip.root.dataset.ready).toBe("true");
  });
});

describe("keys", () => {
  it("move a cursor through the pages, and Enter picks", () => {
    const { press, cursor, answer, starts, picked } = open();
    expect(press("ArrowRight")).toBe(true);
    expect(cursor()?.dataset.index).toBe("1");
    press("Enter");
    expect(picked).toEqual([1]);
    for (let k = 0; k < 9; k++) press("ArrowRight");
    expect(starts()).toEqual([0, 10]);
    answer();
    expect(cursor()?.dataset.index).toBe("10");
    press("ArrowLeft");
    answer();
    expect(cursor()?.dataset.index).toBe("9");
    press("End");
    answer();
    expect(cursor()?.dataset.index).toBe("99");
    press("PageUp");
    press(" ");
    expect(picked).toEqual([1, 89]); // not painted yet, but without a filter its place is its name
  });

  it("wait for the page where only the kernel knows the image", () => {
    const { press, cursor, answer, choose, picked } = open();
    choose("outcome", "wrong");
    answer();
    press("PageDown");
    press("Enter");
    expect(picked).toEqual([]);
    answer();
    expect(cursor()?.dataset.index).toBe("54");
    press("Enter");
    expect(picked).toEqual([54]);
  });

  it("leave other keys to others", () => {
    const { press, list } = open();
    expect(press("Tab")).toBe(false);
    expect(press("a")).toBe(false);
    expect(list.tabIndex).toBe(0);
    expect(list.querySelectorAll("[tabindex]")).toHaveLength(0);
  });
});
