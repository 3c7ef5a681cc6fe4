// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { codeOf } from "../../src/draw/codes";
import { colourOf } from "../../src/draw/palette";
import { pixel } from "../support/canvas";
import { FakeModel } from "../support/fake_kernel";
import { marker, mouse, press, readout } from "../support/mouse";
import { choose, open, render, slide, usePage } from "../support/page";

usePage();

describe("the readout", () => {
  it("names the value under the pointer in full, and the range otherwise", () => {
    const { canvas } = open({ image_index: 3, filter_index: 1 });
    expect(readout(canvas("kernel"))).toEqual(["values", "0 … 0.750"]);
    mouse(canvas("kernel"), "pointermove", 1, 0);
    expect(readout(canvas("kernel"))).toEqual(["row 1, col 0", "0.5"]);
    expect(canvas("kernel").getAttribute("aria-valuetext")).toBe("row 1, col 0: 0.5");
    mouse(canvas("kernel"), "pointerleave");
    expect(readout(canvas("kernel"))).toEqual(["values", "0 … 0.750"]);
    expect(readout(canvas("response"))).toEqual(["constant, every value is", "3.25"]);
  });

  it("gives the image's bytes, of which 255 is white", () => {
    const { canvas } = open({ image_index: 3 });
    mouse(canvas("image"), "pointermove", 2, 3);
    expect(readout(canvas("image"))).toEqual(["row 2, col 3", "3/255"]);
  });

  it("names the place in a large image, and says that it is a mean", () => {
    const model = new FakeModel();
    model.behaviour.reduced = 8;
    const { canvas, root } = render(model);
    model.answerAll();
    mouse(canvas("image"), "pointermove", 2, 3);
    expect(readout(canvas("image"))).toEqual(["row 16, col 24", "0/255, mean of 8×8"]);
    expect(root.querySelector(".fs-image .fs-size")!.textContent).toBe("32×32");
  });

  it("marks the pixel over the canvas, not in it", () => {
    const { canvas } = open();
    const before = pixel(canvas("response"), 1, 1);
    mouse(canvas("response"), "pointermove", 1, 1);
    expect(marker(canvas("response")).hidden).toBe(false);
    expect(marker(canvas("response")).style.top).toContain("25%");
    expect(pixel(canvas("response"), 1, 1)).toEqual(before);
    expect(canvas("response").width).toBe(4);
    mouse(canvas("response"), "pointerleave");
    expect(marker(canvas("response")).hidden).toBe(true);
  });

  it("steps by arrows while the picture has the focus, as far as the edge; Escape leaves", () => {
    const { canvas } = open();
    press(canvas("activation"), "ArrowRight"); // the first one shows where keys start: the middle
    expect(readout(canvas("activation"))[0]).toBe("row 1, col 1");
    press(canvas("activation"), "ArrowUp", "ArrowLeft", "ArrowLeft");
    expect(readout(canvas("activation"))[0]).toBe("row 0, col 0");
    expect(canvas("activation").getAttribute("aria-valuenow")).toBe("0");
    press(canvas("activation"), "Escape");
    expect(readout(canvas("activation"))[0]).not.toContain("row");
    expect(marker(canvas("activation")).hidden).toBe(true);
  });

  it("goes to the ends of its row by Home and End, and ten rows by the Page keys", () => {
    const { canvas } = open();
    const response = canvas("response"); // 4 × 4
    const at = (...keys: string[]) => {
      press(response, ...keys);
      return readout(response)[0];
    };
    expect(at("End")).toBe("row 2, col 2"); // the first key shows where keys start
    expect([at("End"), at("Home"), at("Home")]).toEqual(["row 2, col 3", "row 2, col 0", "row 2, col 0"]);
    expect([at("PageUp"), at("PageDown"), at("End")]).toEqual([
      "row 0, col 0",
      "row 3, col 0",
      "row 3, col 3",
    ]);
    const key = new KeyboardEvent("keydown", { key: "PageDown", bubbles: true, cancelable: true });
    response.dispatchEvent(key);
    expect(key.defaultPrevented).toBe(true); // the notebook does not scroll
  });

  it("goes with an error, and comes back with the next picture", () => {
    const { model, query, canvas } = open();
    mouse(canvas("image"), "click", 1, 1);
    model.behaviour.error = "broken";
    slide(query("input[name=image]"), 7);
    model.answerAll();
    expect(readout(canvas("image"))).toEqual(["", ""]);
    expect(marker(canvas("image")).hidden).toBe(true);
    delete model.behaviour.error;
    slide(query("input[name=image]"), 8);
    model.answerAll();
    expect(readout(canvas("image"))).toEqual(["row 1, col 1", "8/255"]);
  });
});

describe("a pin", () => {
  it("stays when the pointer goes, and follows its pixel from filter to filter", () => {
    const { query, canvas } = open();
    mouse(canvas("response"), "click", 2, 3);
    mouse(canvas("response"), "pointermove", 0, 0);
    mouse(canvas("response"), "pointerleave");
    expect(readout(canvas("response"))).toEqual(["row 2, col 3", "0"]);
    expect(marker(canvas("response")).classList.contains("fs-pinned")).toBe(true);
    slide(query("input[name=filter]"), 2);
    expect(readout(canvas("response"))).toEqual(["row 2, col 3", "0.5"]);
  });

  it.each([
    ["the same click again", (canvas: HTMLCanvasElement) => mouse(canvas, "click", 2, 3)],
    ["Escape", (canvas: HTMLCanvasElement) => press(canvas, "Escape")],
    ["Enter", (canvas: HTMLCanvasElement) => press(canvas, "Enter")],
  ])("is taken out by %s", (_, act) => {
    const { canvas } = open();
    mouse(canvas("response"), "click", 2, 3);
    act(canvas("response"));
    mouse(canvas("response"), "pointerleave");
    expect(readout(canvas("response"))[0]).not.toContain("row");
  });

  it("moves with a click elsewhere, and with keys", () => {
    const { canvas } = open();
    mouse(canvas("response"), "click", 2, 3);
    mouse(canvas("response"), "click", 0, 1);
    press(canvas("response"), "ArrowDown");
    mouse(canvas("response"), "pointerleave");
    expect(readout(canvas("response"))[0]).toBe("row 1, col 1");
  });

  it("is dropped where the next picture has no such pixel", () => {
    const { model, query, canvas } = open({ layer_index: 1, source: "input" });
    expect(canvas("kernel").width).toBe(5);
    press(canvas("kernel"), "ArrowRight", "ArrowUp", "ArrowRight", "ArrowRight");
    expect(readout(canvas("kernel"))[0]).toBe("channel 1 (0, 0)");
    choose(query("select[name=channel]"), "1");
    model.answerAll();
    expect(readout(canvas("kernel"))[0]).toBe("values");
  });
});

describe("an image whose channels are drawn one at a time", () => {
  it("offers them, asks for the chosen one, and follows the kernel again", () => {
    const model = new FakeModel();
    model.behaviour.planes = 5;
    const { query } = render(model);
    model.answerAll();
    const chooser = query<HTMLSelectElement>("select[name=plane]");
    expect([...chooser.options].map(({ text }) => text)).toEqual([
      "kernel's channel",
      ...[0, 1, 2, 3, 4].map((c) => `channel ${c}`),
    ]);
    choose(chooser, "3");
    expect(model.sent[0]!.args).toMatchObject({ plane: 3 });
    model.answerAll();
    expect(chooser.value).toBe("3");
    choose(chooser, ""); // held: nothing is asked
    expect(model.sent).toEqual([]);
    expect(chooser.value).toBe("");
  });

  it("offers nothing for any other image", () => {
    const { query } = open();
    expect(query("select[name=plane]").parentElement!.hidden).toBe(true);
  });
});

describe("a data set that grows while it is read", () => {
  it("lengthens the slider", () => {
    const { model, query } = open();
    const slider = query<HTMLInputElement>("input[name=image]");
    expect(slider.max).toBe("99");
    model.behaviour.images = 164;
    slide(slider, 70);
    model.answerAll();
    expect(slider.max).toBe("163");
  });
});

describe("a mosaic of kernels", () => {
  it("names the channel, steps over the lines between kernels, and a click shows one alone", () => {
    const { model, canvas, query } = open({ layer_index: 1, source: "input" });
    mouse(canvas("kernel"), "pointermove", 0, 3);
    expect(readout(canvas("kernel"))).toEqual(["channel 1 (0, 0)", "0"]);
    mouse(canvas("kernel"), "pointermove", 0, 2);
    expect(readout(canvas("kernel"))[0]).toBe("values");
    mouse(canvas("kernel"), "pointermove", 4, 4);
    expect(readout(canvas("kernel"))[0]).toBe("values"); // three kernels: the fourth place is empty
    mouse(canvas("kernel"), "click", 3, 1);
    expect(model.saves).toEqual([{ channel: 2 }]);
    model.answerAll();
    expect(query<HTMLSelectElement>("select[name=channel]").value).toBe("2");
    mouse(canvas("kernel"), "click", 1, 1); // a single kernel's values are pinned like any other's
    expect(marker(canvas("kernel")).classList.contains("fs-pinned")).toBe(true);
  });

  it("keeps its signs where the grid shows but the kernels' root mean square", () => {
    const model = new FakeModel();
    Object.assign(model.traits, { layer_index: 1, source: "input" });
    model.behaviour.manyKernels = true;
    const { canvas, query } = render(model);
    model.answerAll();
    // The first value is −1, in values from −1 to 1.75: its own symmetric range.
    expect(pixel(canvas("kernel"), 0, 0)).toEqual([...colourOf(codeOf(-1, -1.75, 1.75), "diverging"), 255]);
    expect(query(".fs-kernel .fs-ticks").textContent).toBe("−1.7501.75");
    expect(query(".fs-grid .fs-note").textContent).toContain(
      "kernels as root mean square over their channels",
    );
  });
});

describe("words under and over the pictures", () => {
  const notes = (canvas: HTMLElement) => canvas.closest("figure")!.querySelector(".fs-notes")!.textContent;

  it("say that response and bias are what the net computes, for each filter, without a message", () => {
    const { model, query, canvas } = open({ layer_index: 1, source: "input" });
    expect(notes(canvas("response"))).toContain(
      "response + bias (−0.500) = the net's pre-activation (largest difference 1.0e−7)",
    );
    slide(query("input[name=filter]"), 1);
    expect(model.sent).toEqual([]);
    expect(notes(canvas("response"))).toContain("response + bias 0.500 =");
    choose(query("select[name=channel]"), "0");
    model.answerAll();
    expect(notes(canvas("response"))).not.toContain("bias");
  });

  it("do not say so where it is not so", () => {
    const model = new FakeModel();
    Object.assign(model.traits, { source: "input" });
    model.behaviour.difference = 0.25;
    const { canvas } = render(model);
    model.answerAll();
    expect(notes(canvas("response"))).toContain("differs from the net's pre-activation by up to 0.250");
    Object.assign(model.behaviour, { difference: Number.NaN, revision: 2 });
    model.message({ kind: "changed", revision: 2 });
    model.answerAll();
    expect(notes(canvas("response"))).toContain("values that are not finite cannot be compared");
  });

  it("explain source, channel, scale and palette as they are chosen", () => {
    const { query, root } = open({ layer_index: 1, source: "input" });
    const said = () => [...root.querySelectorAll(".fs-sentence")].map((sentence) => sentence.textContent);
    expect(said()[0]).toBe(
      "Over what conv2 is given; summed over its 3 channels, plus any bias, it is what the net computes.",
    );
    expect(said()[1]).toContain("One range for the layer");
    choose(query("select[name=channel]"), "2");
    expect(said()[0]).toContain("Over channel 2 of what conv2 is given: one of the 3 parts");
    choose(query("select[name=source]"), "image");
    expect(said()[0]).toContain("The classic notebook technique: over the image itself");
    choose(query("select[name=scale]"), "map");
    choose(query("select[name=palette]"), "gray");
    expect(said()[1]).toBe(
      "A range for each map: faint ones show, but do not compare; black is the lowest value, white the highest.",
    );
    for (const name of ["source", "channel", "scale", "palette"]) {
      const id = query(`select[name=${name}]`).getAttribute("aria-describedby");
      expect(root.querySelector(`#${id}`)?.className).toContain("fs-sentence");
    }
  });

  it("recolour without a message; diverging keeps white for zero where nothing is negative", () => {
    const { model, query, canvas } = open();
    choose(query("select[name=palette]"), "diverging");
    expect(model.sent).toEqual([]);
    expect(pixel(canvas("activation"), 0, 0)).toEqual([...colourOf(128, "diverging"), 255]);
    choose(query("select[name=palette]"), "sequential");
    expect(pixel(canvas("response"), 0, 0)).toEqual([...colourOf(128, "sequential"), 255]);
    choose(query("select[name=palette]"), "gray");
    expect(pixel(canvas("response"), 0, 0)).toEqual([128, 128, 128, 255]);
  });
});

describe("a slow kernel", () => {
  it("is never said to be busy while each answer takes less than 150 ms", () => {
    const { model, root, query } = open();
    for (let image = 1; image < 20; image++) {
      slide(query("input[name=image]"), image);
      vi.advanceTimersByTime(120);
      model.answerAll();
      expect(root.dataset.busy).toBeUndefined();
    }
  });

  it("is said to be busy from 150 ms on, without a gap, until what is selected is painted", () => {
    const { model, root, query } = open();
    slide(query("input[name=image]"), 1);
    vi.advanceTimersByTime(151);
    for (let image = 2; image < 6; image++) {
      expect(root.dataset.busy).toBe("true");
      slide(query("input[name=image]"), image);
      model.answer(model.sent[0]!); // an older one: painted, and still not the one that is selected
      vi.advanceTimersByTime(100);
    }
    expect(root.dataset.busy).toBe("true");
    model.answerAll();
    expect(root.dataset.busy).toBeUndefined();
    expect(root.dataset.image).toBe("5");
  });
});
