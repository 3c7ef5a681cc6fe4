// @vitest-environment jsdom
/** Pointing at positions: what is marked where, what is asked, and what stands below the pictures. */

import { describe, expect, it, vi } from "vitest";
import { codeOf } from "../../../src/draw/codes";
import { colourOf } from "../../../src/draw/palette";
import makePanels from "../../../src/panels";
import { rowsAndColumns } from "../../../src/panels/positions/receptive_field";
import type { MakePanels, Panels } from "../../../src/view/host";
import { pixel } from "../../support/canvas";
import { FakeModel } from "../../support/fake_kernel";
import { marker, mouse, press, readout } from "../../support/mouse";
import { choose, render, seenAgain, slide, usePage } from "../../support/page";

usePage();

const REST = 300;

function openInput(behaviour: FakeModel["behaviour"] = {}) {
  const model = new FakeModel({
    image_index: 0,
    layer_index: 0,
    filter_index: 0,
    checkpoint_index: null,
    channel: null,
    source: "input",
  });
  model.behaviour = { images: 1, ...behaviour };
  const view = render(model);
  settle(model);
  const box = (kind: string) => view.root.querySelector<HTMLElement>(`.fs-image .fs-${kind}`)!;
  const panel = view.root.querySelector<HTMLElement>(".fs-arithmetic")!;
  return { model, box, panel, ...view };
}

/** Lets the page rest, and answers all that it asks. */
function settle(model: FakeModel) {
  model.answerAll();
  vi.advanceTimersByTime(REST);
  model.answerAll();
}

const percents = ({ style }: HTMLElement) => [style.top, style.height, style.left, style.width];

describe("a position that is pointed at", () => {
  it("shows what it sees of the image, from what the page holds", () => {
    const { model, canvas, box } = openInput();
    expect(box("field").hidden).toBe(true);
    mouse(canvas("response"), "pointermove", 1, 2);
    expect(model.sent).toEqual([]);
    expect(percents(box("field"))).toEqual(["0%", "75%", "25%", "75%"]);
    expect(box("formula").hidden).toBe(true); // the same
    mouse(canvas("response"), "pointermove", 0, 3);
    expect(percents(box("field"))).toEqual(["0%", "50%", "50%", "50%"]);
    expect(percents(box("formula"))).toEqual(["-25%", "75%", "50%", "75%"]);
    expect(box("hatch").hidden).toBe(false);
    mouse(canvas("response"), "pointerleave");
    expect(box("field").hidden).toBe(true);
    expect(readout(canvas("image"))[0]).toBe("values");
  });

  it("of a smaller activation sees its own part", () => {
    const { canvas, box } = openInput();
    mouse(canvas("activation"), "pointermove", 1, 0);
    expect(percents(box("field"))).toEqual(["25%", "75%", "0%", "50%"]);
    expect(readout(canvas("image"))).toEqual(["sees rows 1–3, cols 0–1", "exact"]);
    expect(marker(canvas("response")).hidden).toBe(true); // another grid
  });

  it("is marked in the image where it stands on a pixel, and from there in the maps", () => {
    const { canvas } = openInput();
    mouse(canvas("response"), "pointermove", 1, 2);
    expect(readout(canvas("image"))[0]).toBe("row 1, col 2");
    mouse(canvas("response"), "pointerleave");
    mouse(canvas("image"), "pointermove", 3, 0);
    expect(readout(canvas("response"))[0]).toBe("row 3, col 0");
    expect(marker(canvas("activation")).hidden).toBe(true); // smaller
  });

  it("asks at once where nothing is held yet, and again where the search gave way", () => {
    const model = new FakeModel();
    model.behaviour = { images: 1, givesWay: 1 };
    Object.assign(model.traits, { source: "input" });
    const { canvas, root } = render(model);
    model.answerAll();
    vi.advanceTimersByTime(150);
    model.answerAll();
    mouse(canvas("response"), "pointermove", 1, 1);
    expect(model.sent.map(({ name }) => name)).toEqual(["fields"]);
    model.answerAll();
    expect(root.querySelector<HTMLElement>(".fs-field")!.hidden).toBe(true);
    vi.advanceTimersByTime(700);
    expect(model.sent.map(({ name }) => name)).toEqual(["fields"]);
    model.answerAll();
    expect(root.querySelector<HTMLElement>(".fs-field")!.hidden).toBe(false);
  });

  it("has no box over the image where the response runs over the image, but the same pixel", () => {
    const { model, query, canvas, box } = openInput();
    choose(query("select[name=source]"), "image");
    settle(model);
    mouse(canvas("response"), "pointermove", 1, 2);
    expect(box("field").hidden).toBe(true);
    expect(marker(canvas("image")).hidden).toBe(false);
    expect(readout(canvas("image"))[0]).toBe("row 1, col 2");
  });
});

describe("a pinned position", () => {
  it("is announced with what it sees, also where that comes behind its numbers", () => {
    const model = new FakeModel();
    model.behaviour = { images: 1, givesWay: 1 };
    Object.assign(model.traits, { source: "input" });
    const { canvas, query } = render(model);
    model.answerAll();
    vi.advanceTimersByTime(150);
    model.answerAll();
    mouse(canvas("response"), "click", 1, 2);
    model.answerAll();
    vi.advanceTimersByTime(500);
    expect(query("[aria-live]").textContent).toMatch(/^Pinned conv1 .* row 1, col 2/);
    expect(query("[aria-live]").textContent).not.toContain("(exact)");
    vi.advanceTimersByTime(700);
    model.answerAll();
    vi.advanceTimersByTime(500);
    expect(query("[aria-live]").textContent).toContain("of the image (exact)");
  });

  it("stands below the pictures with its arithmetic", () => {
    const { model, canvas, panel, query } = openInput();
    expect(panel.hidden).toBe(true);
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    expect(panel.hidden).toBe(false);
    expect(panel.querySelector("h3")!.textContent).toBe("conv1 · filter 0 · row 1, col 2");
    expect(panel.textContent).toContain("pre-activation −3.5 → activation 0");
    expect(panel.textContent).toContain("It sees rows 0 … 2, cols 1 … 3 of the image (exact).");
    const cells = (part: string) =>
      [...query(`[data-part=${part}]`).querySelectorAll("td")].map(({ textContent }) => textContent);
    expect(cells("patch")).toEqual(["2.000", "2.000", "2.000", "2.000"]); // channel 1 adds most
    expect(cells("kernel")[0]).toBe("−1.000");
    expect(cells("products")[0]).toBe("−2.000");
    const rows = [...panel.querySelectorAll("tr")].map(({ textContent }) => textContent);
    expect(rows).toContain("+ bias0.50000");
    expect(rows).toContain("the net's pre-activation−3.50000differs by 1.0e−7: rounding");
    expect(rows.at(-1)).toBe("activation0.00000conv → relu");
    vi.advanceTimersByTime(500);
    expect(query("[aria-live]").textContent).toContain("Pinned conv1 · filter 0 · row 1, col 2");
  });

  it("lets another channel be looked at, without a change of the selection", () => {
    const { model, canvas, panel, query } = openInput();
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    query("[data-channel='0']").click();
    expect(panel.textContent).toContain("channel 0: patch × kernel = products, which add up to 4");
    expect(query("[data-channel='0']").getAttribute("aria-pressed")).toBe("true");
    expect(
      model.sent.map(({ name, args }) => [name, (args as never as Record<string, number>).input_channel]),
    ).toEqual([["input", 0]]);
    expect(model.saves).toEqual([]);
  });

  it("marks the padding, and draws larger kernels as pictures with numbers on demand", () => {
    const { model, canvas, panel } = openInput({ arithmetic: { channels: 40, side: 5 } });
    mouse(canvas("response"), "click", 0, 2);
    settle(model);
    expect(panel.textContent).toContain("hatched: in the padding (zeros)");
    const patch = panel.querySelector<HTMLCanvasElement>("canvas[data-part=patch]")!;
    expect([patch.width, patch.height]).toEqual([5, 5]);
    expect(patch.parentElement!.querySelectorAll(".fs-padding")).toHaveLength(5);
    press(patch, "ArrowRight");
    expect(panel.querySelector(".fs-readout")!.textContent).toBe("cell (2, 2): 40 × −1 = −40");
    expect(patch.getAttribute("aria-valuetext")).toBe("cell (2, 2): 40 × −1 = −40");
    expect(panel.querySelectorAll(".fs-channels li")).toHaveLength(10);
    const all = panel.querySelector<HTMLElement>(".fs-all")!;
    expect(all.textContent).toContain("show all 40; the other 30 add");
    all.click();
    expect(panel.querySelectorAll(".fs-channels li")).toHaveLength(40);
  });

  it("is one a view, moves with keys, follows filter and image, and goes with Escape", () => {
    const { model, canvas, panel, query } = openInput();
    const title = () => panel.querySelector("h3")!.textContent;
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    press(canvas("response"), "ArrowDown");
    settle(model);
    expect(title()).toBe("conv1 · filter 0 · row 2, col 2");
    slide(query("input[name=filter]"), 2);
    settle(model);
    expect(title()).toBe("conv1 · filter 2 · row 2, col 2");
    mouse(canvas("activation"), "click", 0, 1);
    settle(model);
    expect(panel.textContent).toContain("passes a pool");
    expect(marker(canvas("response")).hidden).toBe(true);
    press(canvas("activation"), "Escape");
    expect(panel.hidden).toBe(true);
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    press(panel.querySelector<HTMLElement>("[data-channel]")!, "Escape");
    expect(panel.hidden).toBe(true);
    expect(document.activeElement).toBe(canvas("response"));
    expect(marker(canvas("response")).classList.contains("fs-pinned")).toBe(false);
  });

  it("goes with an error", () => {
    const { model, canvas, panel, query } = openInput({ images: 9 });
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    model.behaviour.error = "broken";
    slide(query("input[name=image]"), 7);
    settle(model);
    expect(panel.hidden).toBe(true);
  });

  it("does not show what was found of the position, the image or the layer before", async () => {
    const { model, canvas, panel, query } = openInput({ images: 9 });
    choose(query("select[name=overlay]"), "effective");
    mouse(canvas("response"), "click", 1, 2);
    const old = model.sent.filter(({ name }) => name === "arithmetic" || name === "effective");
    expect(old).toHaveLength(2);
    model.fromPython({ image_index: 7, layer_index: 1 }); // a frame that was not fetched ahead
    await Promise.resolve();
    model.answer(model.sent.find(({ name }) => name === "frame")!);
    for (const request of old) model.answer(request);
    expect(panel.getAttribute("aria-busy")).toBe("true");
    expect(panel.textContent).not.toContain("pre-activation −3.5");
    expect(query<HTMLCanvasElement>("canvas[data-view=overlay]").hidden).toBe(true);
    settle(model);
    expect(panel.querySelector("h3")!.textContent).toBe("conv2 · filter 0 · row 1, col 2");
    expect(query<HTMLCanvasElement>("canvas[data-view=overlay]").hidden).toBe(false);
    vi.advanceTimersByTime(500);
    expect(query("[aria-live]").textContent).toContain("Pinned conv2 · filter 0");
  });

  it("has its numbers in the colours that are chosen", () => {
    const { model, canvas, query } = openInput();
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    const cell = () => query("[data-part=patch] td").style.backgroundColor;
    expect(cell()).toBe(`rgb(${colourOf(codeOf(2, -2, 2), "diverging").join(", ")})`);
    choose(query("select[name=palette]"), "gray");
    expect(cell()).toBe(`rgb(${colourOf(codeOf(2, -2, 2), "gray").join(", ")})`);
    expect(model.sent.map(({ name }) => name)).toEqual(["input"]); // its picture, too
  });

  it("shows no old numbers where there are none of the new position, and no old picture of the input", () => {
    const { model, canvas, panel } = openInput();
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    const picture = panel.querySelector<HTMLCanvasElement>("canvas[data-view=input]")!;
    expect(picture.style.visibility).toBe("");
    const fail = (name: string) => {
      const { id } = model.sent.find((one) => one.name === name)!;
      model.message({ kind: "reply", id, name, error: { type: "SampleError", message: "disk on fire" } });
    };
    press(canvas("response"), "ArrowDown");
    model.answer(model.sent.find(({ name }) => name === "arithmetic")!);
    fail("input");
    expect(picture.style.visibility).toBe("hidden");
    expect(panel.textContent).toContain("disk on fire");
    press(canvas("response"), "ArrowDown");
    fail("arithmetic");
    expect(panel.querySelector("h3")!.textContent).toBe("row 3, col 2");
    expect(panel.querySelector<HTMLElement>(".fs-body")!.hidden).toBe(true);
    expect(panel.textContent).toContain("disk on fire");
  });

  it("is drawn anew where the view becomes narrow", () => {
    const { model, canvas, panel, root } = openInput({ arithmetic: { channels: 1, side: 5 } });
    seenAgain(root);
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    const widths = () =>
      [...panel.querySelectorAll<HTMLElement>(".fs-mount")].map(({ style }) =>
        Number.parseFloat(style.width),
      );
    expect(widths()).toEqual([160, 130, 130, 130]); // of the input, patch, kernel and products
    seenAgain(root, 400);
    settle(model);
    expect(widths()).toEqual([120, 100, 100, 100]);
  });

  it("is asked for again when the view is seen again", () => {
    const { model, canvas, el, root } = openInput();
    mouse(canvas("response"), "click", 1, 2);
    model.sent = []; // lost
    root.remove();
    vi.advanceTimersByTime(60_000);
    expect(model.sent).toEqual([]);
    el.append(root);
    seenAgain(root);
    expect(model.sent.map(({ name }) => name)).toContain("arithmetic");
  });

  it("says why there are no fields", () => {
    const { model, canvas, panel } = openInput({ noFields: "nothing of the image reaches filter 0" });
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    expect(panel.textContent).toContain("nothing of the image reaches filter 0");
  });
});

describe("the panels", () => {
  it("leave nothing behind: no node, no listener, no timer", () => {
    const opened = (make: MakePanels) => {
      const model = new FakeModel();
      model.behaviour = { images: 1, diagnosis: "running" };
      model.traits.source = "input";
      const view = render(model, make);
      settle(model);
      return { model, ...view };
    };
    const noPanels = new Proxy({}, { get: () => () => {} }) as Panels;
    const nodes = ({ root }: { root: HTMLElement }) =>
      [...root.querySelectorAll("*")].map(({ tagName, className }) => `${tagName} ${className}`);
    const without = nodes(opened(() => noPanels));
    let panels = noPanels;
    const view = opened((host) => {
      panels = makePanels(host);
      return panels;
    });
    const { model, canvas } = view;
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    expect(nodes(view).length).toBeGreaterThan(without.length + 50);
    panels.dispose();
    model.sent = [];
    expect(nodes(view)).toEqual(without);
    mouse(canvas("response"), "pointermove", 0, 0);
    press(canvas("response"), "ArrowDown");
    expect(view.root.querySelector(".fs-readout.fs-at")).toBeNull();
    vi.advanceTimersByTime(60_000);
    expect(model.sent).toEqual([]);
  });
});

describe("what lies over the image", () => {
  it("is the activation where it stands, in its own colours", () => {
    const { model, query } = openInput();
    slide(query("input[name=filter]"), 2);
    settle(model);
    const overlay = query<HTMLCanvasElement>("canvas[data-view=overlay]");
    expect(overlay.hidden).toBe(true);
    choose(query("select[name=overlay]"), "activation");
    expect(overlay.hidden).toBe(false);
    expect([overlay.width, overlay.height]).toEqual([32, 32]);
    const colour = [...colourOf(codeOf(2, 0, 4), "sequential"), 255];
    // Centres at 0.5 and 2.5: the values reach from −0.5 to 1.5 and to 3.5.
    expect(pixel(overlay, 0, 0)).toEqual(colour);
    expect(pixel(overlay, 27, 27)).toEqual(colour);
    expect(pixel(overlay, 28, 27)).toEqual([0, 0, 0, 0]);
    const opacity = query<HTMLInputElement>("input[name=opacity]");
    slide(opacity, 25);
    expect(overlay.style.opacity).toBe("0.25");
    choose(query("select[name=overlay]"), "");
    expect(overlay.hidden).toBe(true);
  });

  it("may be the gradient of what is pinned", () => {
    const { model, canvas, query, root } = openInput();
    choose(query("select[name=overlay]"), "effective");
    expect(root.querySelector(".fs-over-it")!.textContent).toContain("Pin a position");
    mouse(canvas("response"), "click", 1, 2);
    settle(model);
    const overlay = query<HTMLCanvasElement>("canvas[data-view=overlay]");
    expect(overlay.hidden).toBe(false);
    expect(pixel(overlay, 8, 15)).toEqual([...colourOf(2 + 5, "sequential"), 255]);
  });
});

describe("the rows and columns of a field", () => {
  it("are its last two axes; a signal's reaches over the rows of all channels", () => {
    expect(
      rowsAndColumns(
        [
          [1, 2],
          [3, 5],
          [4, 9],
        ],
        20,
      ),
    ).toEqual([
      [3, 5],
      [4, 9],
    ]);
    expect(rowsAndColumns([[30, 35]], 2)).toEqual([
      [0, 2],
      [30, 35],
    ]);
  });
});
