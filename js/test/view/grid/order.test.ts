// @vitest-environment jsdom
/** The order of the grid: by what is on screen, by what a panel offers, and by how much a prediction rests on each filter. */

import { describe, expect, it, vi } from "vitest";
import { activityOf, measureActivity } from "../../../src/view/grid/activity";
import { byValue, FilterOrder, rankingOf } from "../../../src/view/grid/order";
import type { GridSort, Host } from "../../../src/view/host";
import type { Frame } from "../../../src/wire/frame";
import { FakeModel } from "../../support/fake_kernel";
import { choose, open, render, seenAgain, slide, usePage } from "../../support/page";

usePage();

const REST = 150;
const POLL = 250;

type Page = ReturnType<typeof render>;
const sort = ({ query }: Page) => query<HTMLSelectElement>("select[name=grid-sort]");
const order = ({ canvas }: Page) => canvas("grid").dataset.order;
const line = ({ query }: Page) => query<HTMLElement>(".fs-order");
const offered = (page: Page) => [...sort(page).options].map(({ value }) => value);
const asked = (model: FakeModel) =>
  model.sent.filter(({ name }) => name === "filter_effects").map(({ args }) => ({ ...args }) as object);

function settle(model: FakeModel, after = REST) {
  model.answerAll();
  vi.advanceTimersByTime(after);
  model.answerAll();
}

describe("values", () => {
  it("are ranked largest first, what is no number last, and what is alike in turn", () => {
    const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
    expect(byValue([1, nan, 3, 1, inf, -inf, nan, 3])).toEqual([4, 2, 7, 0, 3, 5, 1, 6]);
    const { sentence, value } = rankingOf([0.5, -2, 1.25], "Size", String);
    expect(sentence).toBe("Size: 1.25 (filter 2) … -2 (filter 1)");
    expect(value!(1)).toBe("-2");
  });

  it("of maps are their maxima and means; one that is no number makes both so", () => {
    const maps = [
      [1, -3, 0.5],
      [-2, -1, -1.5],
      [1, Number.NaN, 9],
      [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, 0],
    ];
    const { maximum, mean } = measureActivity(4, (filter) => Float32Array.from(maps[filter]!));
    expect([...maximum]).toEqual([1, -1, Number.NaN, Number.POSITIVE_INFINITY]);
    expect([...mean]).toEqual([-0.5, -1.5, Number.NaN, Number.NaN]);
  });

  it("are Python's where the frame has not all of them", () => {
    const data = Float32Array.of(4, 5);
    const tensor = { dtype: "float32", shape: [2], data };
    const frame = { activity: { maximum: tensor, mean: tensor } } as unknown as Frame;
    expect(activityOf(frame).maximum).toBe(data);
  });
});

describe("the order of the grid", () => {
  it("is by index until something else is chosen in the one list for it", () => {
    const page = open();
    expect(offered(page)).toEqual(["index", "maximum", "mean", "effect"]);
    expect(sort(page).value).toBe("index");
    expect(order(page)).toBe("0 1 2");
    expect(line(page).hidden).toBe(true);
    expect(sort(page).labels![0]!.textContent).toContain("sort by");
    expect(sort(page).getAttribute("aria-describedby")).toBe(line(page).id);
  });

  it.each([false, true])("goes by the activation's maximum, also where maps come as codes: %s", (codes) => {
    const model = new FakeModel();
    model.behaviour = { images: 100, codes };
    const page = render(model);
    model.answerAll();
    expect(page.canvas("grid").dataset.labels).toBe("false");
    const write = vi.spyOn(Object.getPrototypeOf(page.canvas("grid").getContext("2d")), "fillText");
    choose(sort(page), "maximum");
    expect(order(page)).toBe("2 1 0");
    expect(page.canvas("grid").dataset.labels).toBe("true");
    expect(write.mock.calls.map(([text]) => text)).toEqual(["2", "2.00", "1", "1.00", "0", "0.00"]);
    expect(line(page).textContent).toBe(
      "Each activation's maximum for this image: 2.00 (filter 2) … 0 (filter 0)",
    );
    slide(page.query("input[name=filter]"), 1);
    model.answerAll();
    expect(page.canvas("grid").getAttribute("aria-valuetext")).toBe(
      "filter 1, selected, activation's maximum 1.00",
    );
    choose(sort(page), "mean");
    expect(order(page)).toBe(codes ? "0 1 2" : "2 1 0");
    choose(sort(page), "index");
    expect(order(page)).toBe("0 1 2");
    expect(line(page).hidden).toBe(true);
  });

  it("is moved through by keys and clicks as it stands", () => {
    const page = open();
    choose(sort(page), "maximum");
    const grid = page.canvas("grid");
    const key = (name: string) => grid.dispatchEvent(new KeyboardEvent("keydown", { key: name }));
    key("Home");
    expect(grid.getAttribute("aria-valuenow")).toBe("2");
    key("ArrowRight");
    key("Enter");
    expect(page.model.saves).toEqual([{ filter_index: 1 }]);
  });

  const framed = (filters: number) =>
    ({ kernels: { tensor: { shape: [filters, 1, 2, 2] } } }) as unknown as Frame;

  it("is none, and out of sight, where a layer has one filter", () => {
    const order = new FilterOrder(() => {});
    expect([order.of(framed(1)), order.root.hidden]).toEqual([[0], true]);
    expect([order.of(framed(2)), order.root.hidden]).toEqual([[0, 1], false]);
  });

  it("says the selected filter's number where cells have no room for theirs", () => {
    const order = new FilterOrder(() => {});
    order.offer("test", [{ value: "size", words: "size", rank: () => rankingOf([1, 3], "Size", String) }]);
    choose(order.root.querySelector("select")!, "size");
    expect(order.of(framed(2))).toEqual([1, 0]);
    order.say(0, true);
    expect(order.line.textContent).toBe("Size: 3 (filter 1) … 1 (filter 0)");
    order.say(0, false);
    expect(order.line.textContent).toBe("Size: 3 (filter 1) … 1 (filter 0); filter 0: 1");
    expect([order.labels, order.wordsFor(1)]).toEqual([["1.00", "3.00"], ", size 3"]);
  });

  it("remembers what was chosen while it is not offered", () => {
    const model = new FakeModel();
    let order: Host["order"];
    const page = render(model, (host) => {
      order = host.order;
      return { painted() {}, cleared() {}, receive() {}, layout() {}, placed() {}, dispose() {} };
    });
    model.answerAll();
    const backwards: GridSort = {
      value: "back",
      words: "backwards",
      rank: () => ({ order: [2, 1, 0], sentence: "" }),
    };
    order!.offer("test", [backwards]);
    choose(sort(page), "back");
    expect(page.canvas("grid").dataset.order).toBe("2 1 0");
    order!.offer("test", []);
    expect([page.canvas("grid").dataset.order, sort(page).value]).toEqual(["0 1 2", "index"]);
    order!.offer("test", [backwards], (_, filter) => filter !== 1);
    expect([page.canvas("grid").dataset.order, sort(page).value]).toEqual(["2 0", "back"]);
    order!.offer("test", [backwards], () => false);
    expect(page.canvas("grid").dataset.order).toBe("2 1 0"); // rather than nothing
  });
});

describe("by the effect on the prediction", () => {
  const sorted = (behaviour: FakeModel["behaviour"] = {}) => {
    const model = new FakeModel();
    model.behaviour = { images: 100, ...behaviour };
    const page = render(model);
    settle(model);
    choose(sort(page), "effect");
    return { model, page };
  };

  it("asks for it once it is chosen, and says what it is", () => {
    const { model, page } = sorted();
    expect(asked(model)).toEqual([{ image: 0, layer: 0 }]);
    model.answerAll();
    expect(order(page)).toBe("2 1 0");
    expect(line(page).textContent).toBe(
      "Fall of the log-probability of Shirt without each filter, in nats: +0.500 (filter 2) … 0 (filter 0)",
    );
    slide(page.query("input[name=filter]"), 1);
    settle(model, 1000);
    expect(asked(model)).toEqual([]); // it is the same image
    choose(sort(page), "index");
    choose(sort(page), "effect");
    expect(asked(model)).toEqual([]); // nor now
    expect(order(page)).toBe("2 1 0");
  });

  it("asks for another image when the slider rests; until then filters stay where they are", () => {
    const { model, page } = sorted({ filterEffects: [1, 3, 2] });
    settle(model);
    expect(order(page)).toBe("1 2 0");
    model.behaviour = { images: 100, filterEffects: [3, 1, 2] };
    for (const image of [10, 20, 30]) {
      slide(page.query("input[name=image]"), image);
      model.answerAll();
      expect(asked(model)).toEqual([]);
      vi.advanceTimersByTime(REST - 1);
    }
    expect(asked(model)).toEqual([]);
    expect([order(page), line(page).classList.contains("fs-old")]).toEqual(["1 2 0", true]);
    vi.advanceTimersByTime(1);
    expect(asked(model)).toEqual([{ image: 30, layer: 0 }]);
    settle(model);
    expect([order(page), line(page).classList.contains("fs-old")]).toEqual(["0 2 1", false]);
  });

  it("says how far it is where it takes longer, and a move ends that", () => {
    const { model, page } = sorted({ filterEffects: "running" });
    settle(model, 0);
    expect(order(page)).toBe("0 1 2");
    expect(line(page).textContent).toBe("without each filter: 3 of 10 · 1.0 a second · 7 s left");
    vi.advanceTimersByTime(POLL);
    expect(asked(model)).toEqual([{ image: 0, layer: 0 }]);
    model.answerAll();
    slide(page.query("input[name=image]"), 40);
    model.answer(model.sent.find(({ name }) => name === "frame")!);
    expect(asked(model)).toEqual([{ image: 0, layer: 0, cancel: true }]);
    model.answerAll();
    model.behaviour = { images: 100, filterEffects: [1, 3, 2] };
    settle(model);
    expect(order(page)).toBe("1 2 0");
    vi.advanceTimersByTime(10 * POLL);
    expect(asked(model)).toEqual([]);
  });

  it("is measured no more once something else is chosen, or the view has gone", () => {
    const { model, page } = sorted({ filterEffects: "running" });
    settle(model, 0);
    choose(sort(page), "maximum");
    expect(asked(model)).toEqual([{ image: 0, layer: 0, cancel: true }]);
    settle(model, 10 * POLL);
    expect(asked(model)).toEqual([]);
    choose(sort(page), "effect");
    settle(model, 0);
    page.clean();
    expect(asked(model)).toEqual([{ image: 0, layer: 0, cancel: true }]);
    model.sent = [];
    vi.advanceTimersByTime(10 * POLL);
    expect(asked(model)).toEqual([]);
  });

  it("leaves the order as it is where it cannot be told, and says why", () => {
    const { model, page } = sorted({ filterEffects: "failed" });
    settle(model, 0);
    expect([order(page), line(page).textContent]).toEqual(["0 1 2", "there is no prediction"]);
    vi.advanceTimersByTime(10 * POLL);
    expect(asked(model)).toEqual([]);
  });

  it("is of the weights of now", () => {
    const { model, page } = sorted({ filterEffects: [1, 3, 2] });
    settle(model);
    model.behaviour = { images: 100, revision: 2, filterEffects: [3, 2, 1] };
    model.message({ kind: "changed", revision: 2 });
    settle(model);
    settle(model);
    expect(order(page)).toBe("0 1 2");
    expect(line(page).textContent).toContain("+3.00 (filter 0) … +1.00 (filter 2)");
  });

  it("of one layer says nothing of another", async () => {
    const { model, page } = sorted({ filterEffects: [1, 3, 2] });
    settle(model);
    model.behaviour = { images: 100, filterEffects: [1, 2] };
    model.fromPython({ layer_index: 1 });
    await Promise.resolve();
    model.answer(model.sent.find(({ name }) => name === "frame") ?? model.sent[0]!);
    expect(page.canvas("grid").dataset.order).toBe("0 1");
    settle(model);
    expect(page.canvas("grid").dataset.order).toBe("1 0");
  });

  it("goes on when the view is seen again", () => {
    const { model, page } = sorted({ filterEffects: [1, 3, 2] });
    model.sent = []; // lost
    page.root.remove();
    vi.advanceTimersByTime(60_000);
    expect(asked(model)).toEqual([]);
    page.el.append(page.root);
    seenAgain(page.root);
    expect(asked(model)).toEqual([{ image: 0, layer: 0 }]);
    model.answerAll();
    expect(order(page)).toBe("1 2 0");
  });
});
