// @vitest-environment jsdom
/** What drives a filter: a scan begun, followed and ended, its images gone through, and pinned where they are strongest. */

import { describe, expect, it, vi } from "vitest";
import { barsPath } from "../../../src/panels/exemplars/distribution";
import { pixel } from "../../support/canvas";
import { FakeModel } from "../../support/fake_kernel";
import { choose, render, seenAgain, slide, usePage } from "../../support/page";

usePage();

const RESTED = 130;
const POLL = 300;

type Asked = Record<string, unknown>;
const asked = (model: FakeModel, name: string) => model.sent.filter((one) => one.name === name);
const argsOf = (model: FakeModel, name: string) =>
  asked(model, name).map(({ args }) => args as unknown as Asked);

function settle(model: FakeModel) {
  for (let k = 0; k < 4; k++) {
    model.answerAll();
    vi.advanceTimersByTime(RESTED);
  }
  model.answerAll();
}

function openPage(behaviour: FakeModel["behaviour"] = {}) {
  const model = new FakeModel();
  model.behaviour = { images: 100, ...behaviour };
  const view = render(model);
  settle(model);
  const { query, root } = view;
  const crops = () => [...root.querySelectorAll<HTMLElement>(".fs-wall [role=option]")];
  const panel = () => query("section[data-panel=exemplars]");
  const line = () => query(".fs-scan-bar .fs-surveyed").textContent;
  const press = (selector: string, key: string) =>
    query(selector).dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  return { model, crops, panel, line, press, ...view };
}

const images = (crops: readonly HTMLElement[]) => crops.map(({ dataset }) => Number(dataset.image));

describe("a scan", () => {
  it("is hidden until it is asked for, and costs no question but one", () => {
    const { model, panel, line, query } = openPage();
    expect(panel().hidden).toBe(true);
    expect(line()).toBe("Which images drive it?");
    expect(query("button[name=show-exemplars]").hidden).toBe(true);
    slide(query("input[name=filter]"), 1);
    settle(model);
    expect(model.sent).toEqual([]);
    expect(query(".fs-wall").children).toHaveLength(0);
  });

  it("begins with a button, says how far it is, and shows what there is so far", () => {
    const { model, panel, line, query, crops } = openPage();
    query("button[name=scan]").click();
    expect(argsOf(model, "scan")).toEqual([{ layer: 0, images: null, only_this_layer: false }]);
    settle(model);
    expect(panel().hidden).toBe(false);
    expect(line()).toBe("30 of 100 images · 7 s left");
    expect(query<HTMLProgressElement>("progress[aria-label=scan]").value).toBeCloseTo(0.3);
    expect(query("button[name=scan]").hidden).toBe(true);
    expect(images(crops())).toEqual([0, 1, 2]);
    model.behaviour.scan = "done";
    vi.advanceTimersByTime(POLL);
    settle(model);
    expect(line()).toBe("30 images looked at");
    expect(query("button[name=cancel-scan]").hidden).toBe(true);
    expect(panel().textContent).toContain("No image is missing.");
    vi.advanceTimersByTime(10 * POLL);
    expect(model.sent).toEqual([]); // nothing is asked any more
  });

  it("takes a number of images and one layer, and says what is no number", () => {
    const { model, line, query } = openPage();
    const typed = query<HTMLInputElement>("input[name=scan-images]");
    typed.value = "0";
    query("button[name=scan]").click();
    expect(line()).toBe("Type how many images are looked at, 1 or more, or nothing for all.");
    expect(asked(model, "scan")).toEqual([]);
    typed.value = "50";
    choose(query("select[name=scan-layers]"), "one");
    query("button[name=scan]").click();
    expect(argsOf(model, "scan")).toEqual([{ layer: 0, images: 50, only_this_layer: true }]);
  });

  it("ends when it is cancelled, and what was seen stays", () => {
    const { model, line, query, crops } = openPage({ scan: "running" });
    query("button[name=cancel-scan]").click();
    settle(model);
    expect(line()).toBe("cancelled after 30 images; Scan goes on from there");
    expect(crops()).toHaveLength(3);
  });

  it("that failed says why", () => {
    const { line } = openPage({ scan: "failed" });
    expect(line()).toBe("It stopped: disk on fire");
  });

  it("that Python began is shown", () => {
    const { model, panel, crops } = openPage();
    model.behaviour.scan = "done";
    model.message({ kind: "scans" });
    settle(model);
    expect(panel().hidden).toBe(false);
    expect(crops()).toHaveLength(3);
  });

  it("of other layers only is said, and the next one is asked for", () => {
    const { model, panel, query } = openPage({ scan: "done", unscanned: true });
    expect(panel().textContent).toContain("This layer was not scanned");
    expect(query(".fs-exemplar-body").hidden).toBe(true);
    expect(argsOf(model, "exemplars")).toEqual([]);
  });

  it("that grows is looked at anew when there is more", () => {
    const { model, crops } = openPage({ scan: "running" });
    const before = crops()[0];
    vi.advanceTimersByTime(POLL);
    settle(model);
    expect(crops()[0]).toBe(before); // nothing new: nothing is painted
    model.behaviour.scanNumber = 4;
    vi.advanceTimersByTime(POLL);
    settle(model);
    expect(crops()[0]).not.toBe(before);
  });
});

describe("the wall", () => {
  it("shows each crop's pixels with value, class and a prediction that is wrong", () => {
    const { crops } = openPage({ scan: "done" });
    const [first, second] = crops();
    expect(first!.textContent).toBe(`${first!.title}10.0Coat✗ Bag`);
    expect(second!.textContent).toBe(`${second!.title}×39.00Bag`);
    expect(second!.title).toBe(
      "image 1: Bag, predicted Bag, right; 9.00 at row 1, column 1; stands for 3 nearly equal images",
    );
    const canvas = second!.querySelector("canvas")!;
    expect([canvas.width, canvas.height]).toEqual([3, 2]);
    expect(pixel(canvas, 1, 2)).toEqual([1, 1, 1, 255]);
    expect(first!.getAttribute("aria-selected")).toBe("true"); // it is of the image on screen
    expect(second!.getAttribute("aria-selected")).toBe("false");
  });

  it("follows the filter when it rests, and until then keeps its own, fainter", () => {
    const { model, query, crops } = openPage({ scan: "done" });
    const title = () => query("[data-panel=exemplars] h3").textContent;
    for (const filter of [1, 2]) {
      slide(query("input[name=filter]"), filter);
      expect(asked(model, "exemplars")).toEqual([]);
      expect(images(crops())).toEqual([0, 1, 2]);
      expect(query(".fs-exemplar-body").dataset.current).toBe("false");
      expect(title()).toBe("conv1, filter 0: the images that drive it");
    }
    vi.advanceTimersByTime(RESTED);
    model.answerAll();
    expect(argsOf(model, "exemplars")).toEqual([]);
    expect(images(crops())).toEqual([20, 21, 22]);
    expect(query(".fs-exemplar-body").dataset.current).toBe("true");
    expect(title()).toBe("conv1, filter 2: the images that drive it");
  });

  it("asks again while crops are being cut", () => {
    const { crops } = openPage({ scan: "done", cutting: 2 });
    expect(crops()).toHaveLength(3);
  });

  it.each([
    ["bottom", 2, []],
    ["typical", 5, ["strongest fifth", "second fifth", "middle fifth", "fourth fifth", "weakest fifth"]],
    ["class", 3, ["Coat", "Bag"]],
  ] as const)("shows %s", (kind, count, names) => {
    const { model, query, crops, root } = openPage({ scan: "done" });
    choose(query("select[name=exemplars-kind]"), kind);
    settle(model);
    expect(crops()).toHaveLength(count);
    const groups = [...root.querySelectorAll(".fs-wall [role=group]")];
    expect(groups.map((group) => group.getAttribute("aria-label"))).toEqual(names);
    expect(query(".fs-wall").dataset.kind).toBe(kind);
  });

  it("is gone through by keys, and Enter goes to the image and pins the position", () => {
    const { model, query, press, root, crops } = openPage({ scan: "done" });
    const active = () =>
      root.querySelector<HTMLElement>(`#${query(".fs-wall").getAttribute("aria-activedescendant")}`);
    expect(active()?.dataset.image).toBe("0");
    press(".fs-wall", "ArrowRight");
    press(".fs-wall", "End");
    expect(active()?.dataset.image).toBe("2");
    press(".fs-wall", "Enter");
    expect(model.traits.image_index).toBe(2);
    settle(model);
    expect(root.dataset.image).toBe("2");
    const marker = query(".fs-activation .fs-marker");
    expect([marker.hidden, marker.classList.contains("fs-pinned")]).toEqual([false, true]);
    expect(query("canvas[data-view=activation]").getAttribute("aria-valuenow")).toBe("2"); // row 1, column 0
    expect(crops()[2]!.getAttribute("aria-selected")).toBe("true");
  });

  it("pins at once where the image is on screen, and a click does what Enter does", () => {
    const { crops, query } = openPage({ scan: "done" });
    crops()[0]!.querySelector("canvas")!.click();
    expect(query(".fs-activation .fs-marker").classList.contains("fs-pinned")).toBe(true);
  });

  it("forgets where somebody wanted to go when that image cannot be shown", () => {
    const { model, query, crops } = openPage({ scan: "done" });
    model.behaviour.error = "broken";
    crops()[2]!.click();
    settle(model);
    model.behaviour.error = "";
    slide(query("input[name=image]"), 3);
    settle(model);
    slide(query("input[name=image]"), 2);
    settle(model);
    expect(query(".fs-activation .fs-marker").classList.contains("fs-pinned")).toBe(false);
  });

  it("marks the place where a layer sees the whole image", () => {
    const { crops } = openPage({ scan: "done", seesAll: true });
    const { left, top } = crops()[0]!.querySelector<HTMLElement>(".fs-spot")!.style;
    expect([left, top]).toEqual(["100%", "25%"]);
    const { crops: others } = openPage({ scan: "done" });
    expect(others()[0]!.querySelector(".fs-spot")).toBeNull();
  });

  it("says of an image that cannot be read why", () => {
    const { crops } = openPage({ scan: "done", unreadable: 1 });
    expect(crops()[1]!.title).toBe("image 1: gone");
    expect(crops()[1]!.querySelector("canvas")).toBeNull();
    expect(pixel(crops()[2]!.querySelector("canvas")!, 0, 0)).toEqual([2, 2, 2, 255]);
  });
});

describe("the distribution", () => {
  it("has a row of bars for all images and one a class, and says what it is in words", () => {
    const { root, query } = openPage({ scan: "done" });
    const rows = [...root.querySelectorAll<HTMLElement>("[data-row]")];
    expect(rows.map(({ textContent }) => textContent)).toEqual([
      "all images50\u00a0%",
      "Coat75\u00a0%",
      "Bag0\u00a0%",
    ]);
    expect(query(".fs-drives").textContent).toBe(
      "Fires in 50\u00a0% of 30 images; on average most for Coat (2.00), least for Bag (0). Left out: 2 with NaN.",
    );
    expect(query(".fs-ridge-ends").textContent).toBe("04.00");
    expect(barsPath(Float32Array.of(0, 2, 1))).toBe("M1 1v-1h1V1zM2 1v-0.5h1V1z");
    expect(barsPath(new Float32Array(3))).toBe("");
  });

  it("shows the images of the bar that keys go to, until Escape", () => {
    const { model, query, press, crops } = openPage({ scan: "done" });
    const words = () => query(".fs-distribution").getAttribute("aria-valuetext");
    expect(words()).toBe("no bar");
    press(".fs-distribution", "ArrowLeft"); // to the last
    press(".fs-distribution", "ArrowLeft");
    press(".fs-distribution", "ArrowDown");
    expect(words()).toBe("Coat, maximum 2.00 … 3.00: 10 of 20 images");
    settle(model);
    expect(query(".fs-what").textContent).toBe("Images of Coat with a maximum of 2.00 … 3.00");
    expect(crops()).toHaveLength(1);
    expect(crops()[0]!.querySelector(".fs-crop-value")!.textContent).toBe("2.00");
    press(".fs-distribution", "Escape");
    settle(model);
    expect(crops()).toHaveLength(3);
    expect(words()).toBe("no bar");
  });

  it("looks a bar up only when the pointer rests on it", () => {
    const { model, root } = openPage({ scan: "done" });
    const plot = root.querySelectorAll<SVGElement>("[data-row] svg")[1]!;
    plot.getBoundingClientRect = () => ({ left: 0, width: 100 }) as DOMRect;
    const point = (x: number) =>
      plot.dispatchEvent(new MouseEvent("pointermove", { clientX: x, bubbles: true }));
    for (const x of [10, 40, 60, 90]) point(x);
    expect(asked(model, "exemplars")).toEqual([]);
    vi.advanceTimersByTime(RESTED);
    expect(argsOf(model, "exemplars")).toMatchObject([{ kind: "bin", bin: 3, label: "Coat" }]);
  });

  it("is asked for again while it is being worked out", () => {
    const { root } = openPage({ scan: "done", counting: 2 });
    expect(root.querySelectorAll("[data-row]")).toHaveLength(3);
  });

  it("says how many classes it leaves out", () => {
    const { panel } = openPage({ scan: "done", manyClasses: 100 });
    expect(panel().textContent).toContain("2 of 100 classes: those for which it is greatest on average.");
  });

  it("has the mean map beside it, in the colours of the maps", () => {
    const { query } = openPage({ scan: "done" });
    const canvas = query<HTMLCanvasElement>("canvas[data-view=mean-map]");
    expect(canvas.getAttribute("aria-label")).toBe("mean map, 2×2 positions, values 0 … 4.00");
    expect(pixel(canvas, 0, 0)).not.toEqual(pixel(canvas, 0, 1));
    const gray = openPage({ scan: "done" });
    choose(gray.query("select[name=palette]"), "gray");
    expect(pixel(gray.query<HTMLCanvasElement>("canvas[data-view=mean-map]"), 0, 1)).toEqual([
      255, 255, 255, 255,
    ]);
  });
});

describe("the grid", () => {
  it("offers each filter's best image beside its kernel once there is a scan", () => {
    const { model, query, root, canvas } = openPage();
    const select = () => query<HTMLSelectElement>("select[name=grid-map]");
    const entries = () => [...select().options].map(({ value }) => value);
    expect(entries()).toEqual(["response", "activation"]);
    model.behaviour.scan = "done";
    model.message({ kind: "scans" });
    settle(model);
    expect(entries()).toEqual(["response", "activation", "best-crop"]);
    const { cellWidth, cellHeight } = canvas("grid").dataset;
    choose(select(), "best-crop");
    settle(model);
    const shown = [...root.querySelectorAll<HTMLElement>("[data-best]")];
    expect(shown.map(({ dataset }) => dataset.best)).toEqual(["0", "1"]); // filter 2 has none
    expect(pixel(shown[1]!.querySelector("canvas")!, 0, 0)).toEqual([51, 51, 51, 255]);
    expect(query(".fs-grid").textContent).toContain("kernel and what drives each filter most");
    expect(canvas("grid").dataset).toMatchObject({ cellWidth, cellHeight });
    choose(select(), "activation");
    expect(query(".fs-best-crops").hidden).toBe(true);
    expect(query(".fs-grid").textContent).toContain("kernel and activation");
  });

  it("follows the layer", async () => {
    const { model, query, root } = openPage({ scan: "done" });
    choose(query("select[name=grid-map]"), "best-crop");
    settle(model);
    model.fromPython({ layer_index: 1 });
    await Promise.resolve();
    settle(model);
    expect(root.querySelectorAll("[data-best]")).toHaveLength(2);
    expect(root.dataset.layer).toBe("1");
  });
});

describe("a view", () => {
  it("that goes leaves nothing behind", () => {
    const { model, clean } = openPage({ scan: "running" });
    clean();
    vi.advanceTimersByTime(10 * POLL);
    expect(model.sent).toEqual([]);
    expect(model.listeners).toBe(0);
  });

  it("that is seen again goes on with what was left unasked", () => {
    const { model, el, root } = openPage({ scan: "running" });
    vi.advanceTimersByTime(POLL);
    expect(asked(model, "scans")).toHaveLength(1);
    model.sent = []; // lost
    root.remove();
    vi.advanceTimersByTime(60_000);
    expect(asked(model, "scans")).toHaveLength(0);
    el.append(root);
    seenAgain(root);
    expect(asked(model, "scans")).toHaveLength(1);
  });
});
