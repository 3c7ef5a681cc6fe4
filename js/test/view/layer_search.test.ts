// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { depthsOf, fitSlices } from "../../src/state/selection";
import { search } from "../../src/view/layer_search";
import { LAYERS } from "../support/fake_net";
import { open, usePage } from "../support/page";

const NET = [
  "stem · Conv2d(3→10, 7×7, stride 2) · 10×20×20",
  "layer3.0.conv1 · Conv2d(10→20, 1×1) · 20×11×11",
  "layer3.0.conv2 · Conv2d(20→20, 3×3, padding 1, groups 20) · 20×11×11",
  "layer4.conv2 · Conv2d(20→10, 3×3, padding 1) · 10×11×11",
].map((title, k) => ({ ...LAYERS[0]!, name: title.split(" ")[0]!, title, channels: k === 2 ? 1 : 20 }));

describe("a search", () => {
  it.each([
    ["", [0, 1, 2, 3]],
    [" ", [0, 1, 2, 3]],
    ["layer3", [1, 2]],
    ["CONV2", [2, 3]], // a name, and not Conv2d
    ["conv2d", [0, 1, 2, 3]],
    ["1x1", [1]], // not part of 11×11
    ["3×3 layer", [2, 3]],
    ["20->10", [3]],
    ["20→10", [3]],
    ["depthwise", [2]],
    ["3x3 depthwise layer4", []],
    ["7x7 stride", [0]],
    ["20x11x11", [1, 2]],
    ["linear", []],
  ])("for %j", (typed, found) => expect(search(NET, typed)).toEqual(found));
});

describe("the layer in words", () => {
  usePage();

  function find() {
    const view = open();
    const input = view.query<HTMLInputElement>("input[name=layer-name]");
    const rows = () => [...view.root.querySelectorAll<HTMLElement>(".fs-matches > [id]")];
    const press = (key: string) =>
      input.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
    const type = (text: string) => {
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const active = () =>
      view.root.querySelector(`[id="${input.getAttribute("aria-activedescendant")}"]`)?.textContent;
    return { ...view, input, rows, press, type, active };
  }

  it("follow the selection, and the list says which it is", () => {
    const { input, query, press, rows, active } = find();
    expect(input.value).toBe(LAYERS[0]!.title);
    const range = query<HTMLInputElement>("input[name=layer]");
    range.value = "1";
    range.dispatchEvent(new Event("input"));
    expect(input.value).toBe(LAYERS[1]!.title);
    expect(range.getAttribute("aria-valuetext")).toBe(`1, ${LAYERS[1]!.title}`);
    press("ArrowDown");
    expect(rows().map((row) => [row.textContent, row.getAttribute("aria-selected")])).toEqual([
      [LAYERS[0]!.title, "false"],
      [LAYERS[1]!.title, "true"],
    ]);
    expect(active()).toBe(LAYERS[1]!.title);
    press("ArrowUp");
    press("ArrowUp");
    expect(active()).toBe(LAYERS[0]!.title);
  });

  it("are searched, chosen from with Enter, and left with Escape", () => {
    const { model, input, press, type, rows } = find();
    type("conv2");
    expect(input.getAttribute("aria-expanded")).toBe("true");
    expect(rows()).toHaveLength(1);
    press("Escape");
    expect([input.value, input.getAttribute("aria-expanded"), rows().length]).toEqual([
      LAYERS[0]!.title,
      "false",
      0,
    ]);
    expect(model.saves).toEqual([]);
    type("conv2");
    press("Enter");
    expect(model.saves).toEqual([{ layer_index: 1 }]);
    expect([input.value, rows().length]).toEqual([LAYERS[1]!.title, 0]);
  });

  it("say when nothing matches, and choose nothing then", () => {
    const { model, root, press, type } = find();
    type("linear");
    expect(root.querySelector(".fs-matches")?.textContent).toBe("no layer matches");
    press("Enter");
    press("ArrowDown");
    root.querySelector<HTMLElement>(".fs-matches > *")!.click();
    expect(model.saves).toEqual([]);
  });

  it("stay as they are typed when an answer comes", () => {
    const { model, input, query, type } = find();
    query<HTMLInputElement>("input[name=image]").value = "5";
    query("input[name=image]").dispatchEvent(new Event("input"));
    type("conv2");
    model.answerAll();
    expect(input.value).toBe("conv2");
    model.behaviour.revision = 2;
    model.message({ kind: "changed", revision: 2 }); // and the net is described anew
    expect(model.sent.map(({ name }) => name)).toContain("describe");
    model.answerAll();
    expect(input.value).toBe("conv2");
  });
});

describe("slices", () => {
  const volume = { ...LAYERS[0]!, kernel: [3, 3, 3], out_shape: [4, 8, 5, 5] };

  it("are those of volumes only", () => {
    expect(depthsOf(volume)).toEqual({ slice: 8, kernel_slice: 3 });
    expect(depthsOf(LAYERS[0])).toEqual({ slice: null, kernel_slice: null });
    expect(depthsOf(undefined)).toEqual({ slice: null, kernel_slice: null });
  });

  it("stay from layer to layer where they fit", () => {
    const chosen = { slice: 6, kernel_slice: 1 };
    expect(fitSlices(chosen, volume)).toEqual(chosen);
    expect(fitSlices(chosen, { ...volume, out_shape: [4, 6, 5, 5] })).toEqual({
      slice: null,
      kernel_slice: 1,
    });
    expect(fitSlices(chosen, LAYERS[0])).toEqual({ slice: null, kernel_slice: null });
    expect(fitSlices({ slice: 0, kernel_slice: null }, volume)).toEqual({ slice: 0, kernel_slice: null });
  });
});
