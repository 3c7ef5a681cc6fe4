// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { open, usePage } from "../../support/page";

const painted = (root: HTMLElement) =>
  [root.dataset.image, root.dataset.layer, root.dataset.filter].map(Number);

usePage();

describe("the grid", () => {
  const key = (canvas: HTMLElement, name: string) =>
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));

  it("moves a cursor by arrows and selects by Enter", () => {
    const { model, root, canvas } = open();
    key(canvas("grid"), "ArrowRight");
    expect(canvas("grid").getAttribute("aria-valuetext")).toBe("filter 1");
    expect(painted(root)).toEqual([0, 0, 0]);
    key(canvas("grid"), "Enter");
    expect(model.saves).toEqual([{ filter_index: 1 }]);
    expect(painted(root)).toEqual([0, 0, 1]);
  });

  it("selects the clicked cell, by the geometry it states", () => {
    const { model, canvas } = open();
    const { columns, cellWidth, cellHeight } = canvas("grid").dataset;
    const k = 2;
    const event = new MouseEvent("click", { bubbles: true });
    Object.defineProperties(event, {
      offsetX: { value: ((k % Number(columns)) + 0.5) * Number(cellWidth) },
      offsetY: { value: (Math.floor(k / Number(columns)) + 0.5) * Number(cellHeight) },
    });
    canvas("grid").dispatchEvent(event);
    expect(model.saves).toEqual([{ filter_index: k }]);
  });

  it("lets no key out of the widget", () => {
    const { canvas } = open();
    const outside = vi.fn();
    document.addEventListener("keydown", outside);
    key(canvas("grid"), "a");
    document.removeEventListener("keydown", outside);
    expect(outside).not.toHaveBeenCalled();
  });
});
