// @vitest-environment jsdom
import { beforeAll, describe, expect, it } from "vitest";
import { colourOf, OverlayView } from "../../src/view/overlay";
import type { Overlay, Sample } from "../../src/wire/frame";
import { installCanvas, pixel } from "../support/canvas";

beforeAll(installCanvas);

const NOTHING: Overlay = { tells: "embedding", boxes: null, mask: null, numbers: [] };

function painted(overlay: Overlay | null) {
  const mount = document.createElement("div");
  const view = new OverlayView(mount);
  document.body.append(mount, view.control); // what is in no page fires no change
  view.paint({ overlay, size: [20, 40] } as unknown as Sample);
  return { mount, view, layer: mount.querySelector<HTMLElement>(".fs-overlay")! };
}

describe("what is laid over the image", () => {
  it("draws boxes in the image's pixels, each in its class's colour", () => {
    const data = new Float32Array([2, 3, 12, 9, 20, 0, 40, 20]);
    const boxes = { dtype: "float32" as const, shape: [2, 4], data };
    const { layer, view } = painted({ ...NOTHING, tells: "boxes", boxes, numbers: [0, 9] });
    const rectangles = [...layer.querySelectorAll("rect")];
    const edges = (name: string) => rectangles.map((each) => Number(each.getAttribute(name)));
    expect(layer.querySelector("svg")!.getAttribute("viewBox")).toBe("0 0 40 20");
    expect([edges("x"), edges("y")]).toEqual([
      [2, 20],
      [3, 0],
    ]);
    expect([edges("width"), edges("height")]).toEqual([
      [10, 20],
      [6, 20],
    ]);
    expect(rectangles.map((each) => each.getAttribute("stroke"))).toEqual([colourOf(0), colourOf(9)]);
    expect(colourOf(9)).toBe(colourOf(1)); // eight colours
    expect(view.control.hidden).toBe(false);
  });

  it("lays a mask over the image, its first class clear", () => {
    const mask = { dtype: "uint8" as const, shape: [1, 3], data: new Uint8Array([0, 1, 2]) };
    const { layer } = painted({ ...NOTHING, tells: "masks", mask, numbers: [0, 1, 2] });
    const canvas = layer.querySelector("canvas")!;
    const rgb = (number: number) =>
      [1, 3, 5].map((at) => Number.parseInt(colourOf(number).slice(at, at + 2), 16));
    expect(pixel(canvas, 0, 0)![3]).toBe(0);
    expect(pixel(canvas, 0, 1)).toEqual([...rgb(1), 0x90]);
    expect(pixel(canvas, 0, 2)).toEqual([...rgb(2), 0x90]);
  });

  it("can be taken away, and offers that only where there is something", () => {
    const mask = { dtype: "uint8" as const, shape: [1, 1], data: new Uint8Array([1]) };
    const { layer, view } = painted({ ...NOTHING, tells: "masks", mask });
    const box = view.control.querySelector("input")!;
    expect(box.checked).toBe(true);
    box.click();
    expect(layer.hidden).toBe(true);
    box.click();
    expect(layer.hidden).toBe(false);
    for (const overlay of [null, NOTHING]) expect(painted(overlay).view.control.hidden).toBe(true);
  });
});
