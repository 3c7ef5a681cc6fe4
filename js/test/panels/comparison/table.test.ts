// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { ImageList } from "../../../src/panels/comparison/images";
import { ComparedFilters } from "../../../src/panels/comparison/table";

const filters = (count: number) =>
  Array.from({ length: count }, (_, k) => ({
    filter: count - 1 - k,
    partner: k,
    merged_into: null,
    correlation: 0.5,
    distance: null,
    damage: null,
  }));

describe("the comparison's lists", () => {
  it("has those that changed most, all on request, and selects a filter", () => {
    const picked: number[] = [];
    const table = new ComparedFilters((filter) => picked.push(filter));
    const rows = () => [...table.root.querySelectorAll<HTMLElement>("tbody tr")];
    table.paint(filters(20));
    expect(rows().map((row) => row.dataset.filter)).toEqual("19 18 17 16 15 14 13 12 11 10".split(" "));
    table.root.querySelector<HTMLButtonElement>("[name=all-compared]")!.click();
    expect(rows()).toHaveLength(20);
    table.mark(3);
    const marked = rows().filter((row) => row.getAttribute("aria-current") === "true");
    expect(marked.map((row) => row.dataset.filter)).toEqual(["3"]);
    rows()[1]!.querySelector("button")!.click();
    expect(picked).toEqual([18]);
  });

  it("has the images on which one net alone is right, or is not there", () => {
    const picked: number[] = [];
    const list = new ImageList("a alone is right on image", (image) => picked.push(image));
    list.paint([]);
    expect(list.root.hidden).toBe(true);
    list.paint([5, 9]);
    list.mark(9);
    const buttons = [...list.root.querySelectorAll("button")];
    expect(buttons.map((button) => button.getAttribute("aria-pressed"))).toEqual(["false", "true"]);
    buttons[0]!.click();
    expect(picked).toEqual([5]);
  });
});
