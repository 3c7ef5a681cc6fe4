// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import widget from "../../../src/widget";
import { FakeResizeObserver, installCanvas, pixel } from "../../support/canvas";
import { FakeModel } from "../../support/fake_kernel";
import { open, range, setUp, WIDTH } from "../../support/strip_fixture";
import { type StripRequest, stripReply } from "../../support/strip_kernel";

beforeEach(() => {
  installCanvas();
  vi.useFakeTimers();
});

afterEach(() => {
  document.body.replaceChildren();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe("the strip", () => {
  it("asks for what fits, once it knows its width, and paints names, marks and pixels", () => {
    const { strip, sent, answer, items, images, query } = setUp();
    expect(sent).toEqual([]);
    strip.layout(WIDTH);
    expect(sent[0]!.args).toEqual({ start: 0, count: 10, class: null, outcome: null });
    expect(strip.root.dataset.ready).toBe("false");
    answer();
    expect(strip.root.dataset).toMatchObject({ ready: "true", start: "0", count: "10" });
    expect(images()).toEqual(range(0, 10));
    expect(items()[4]!.textContent).toBe("Shirt✗ Bag");
    expect(items()[3]!.textContent).toBe("Coat✓");
    expect(items()[4]!.getAttribute("aria-label")).toBe("image 4: Shirt, predicted Bag, wrong");
    expect(query(".fs-place").textContent).toBe("images 0–9 of 100");
    const canvas = items()[7]!.querySelector("canvas")!;
    expect([canvas.width, canvas.height]).toEqual([4, 4]);
    expect(pixel(canvas, 0, 1)).toEqual([8, 8, 8, 255]);
    expect(pixel(canvas, 0, 0)).toEqual([0, 0, 0, 0]); // beside an image of 4×2: no part of it
  });

  it("shows what comes from the data set as text", () => {
    const evil = "<img src=x onerror=alert(1)>";
    const { strip, items, query } = open({ classes: [evil, "b", "c"], unreadable: 1 });
    expect(strip.root.querySelector("img, b")).toBeNull();
    expect(items()[0]!.textContent).toBe(`${evil}✓`);
    expect(query<HTMLSelectElement>("select[name=class]").options[1]!.text).toBe(evil);
    expect(items()[1]!.textContent).toBe("unreadableimage 1");
    expect(items()[1]!.title).toBe("image 1: Image 1 is no picture: <b>broken</b>");
  });

  it("adds marks when predictions become known, without a new picture", () => {
    const { answer, sent, items, strip } = open({
      predicted: false,
      survey: { running: true, needed: true },
    });
    const before = items();
    expect(before[4]!.dataset.mark).toBe("unknown");
    expect(strip.root.dataset.ready).toBe("false");
    vi.advanceTimersByTime(301);
    expect(sent).toHaveLength(2);
    answer(sent[1], { predicted: true, survey: {} });
    expect(items()[4]).toBe(before[4]);
    expect(before.map((item) => item.dataset.mark)).toEqual(
      [..."rrrrwrrrrw"].map((c) => (c === "r" ? "right" : "wrong")),
    );
    expect(strip.root.dataset.ready).toBe("true");
  });

  it("shows an error as a sentence and no picture, and goes on with the next answer", () => {
    const { strip, sent, answer, items, query } = open();
    query("[aria-label='next page']").click();
    const { id } = sent.at(-1)!;
    const error = { type: "ValueError", message: "start is <b>wrong</b>" };
    strip.receive({ kind: "reply", id, name: "strip", error }, []);
    expect(items()).toEqual([]);
    expect(query("[role=listbox] + p").textContent).toBe("start is <b>wrong</b>");
    expect(strip.root.dataset.ready).toBe("false");
    query("[aria-label='previous page']").click();
    answer();
    expect(query("[role=listbox] + p").textContent).toBe("");
    expect(strip.root.dataset.ready).toBe("true");
  });
});

describe("the selection", () => {
  it("is marked at once, and picked by a click", () => {
    const { strip, items, picked } = open();
    strip.mark(3, null);
    const marked = () => items().filter((item) => item.getAttribute("aria-selected") === "true");
    expect(marked().map((item) => item.dataset.index)).toEqual(["3"]);
    items()[6]!.querySelector("canvas")!.click();
    expect(picked).toEqual([6]);
    strip.mark(6, null);
    expect(marked().map((item) => item.dataset.index)).toEqual(["6"]);
  });

  it("takes the page along when a drag rests, with one request", () => {
    const { strip, sent, starts, answer, images } = open();
    for (let image = 1; image <= 57; image++) {
      strip.mark(image, null);
      vi.advanceTimersByTime(20);
    }
    expect(sent).toHaveLength(1);
    expect(strip.root.dataset.ready).toBe("false");
    vi.advanceTimersByTime(120);
    expect(starts()).toEqual([0, 50]);
    answer();
    expect(images()).toEqual(range(50, 60));
    expect(strip.root.dataset.ready).toBe("true");
  });

  it("asks anew at another checkpoint, whose predictions are others, and no more at the same one", () => {
    const { strip, sent } = open();
    strip.mark(0, 3);
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(2);
    strip.mark(0, 3);
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(2);
  });

  it("leaves a filter's page where it is", () => {
    const { strip, sent, answer, choose } = open();
    choose("outcome", "wrong");
    answer();
    strip.mark(57, null);
    vi.advanceTimersByTime(1000);
    expect(sent).toHaveLength(2);
    choose("outcome", "");
    expect(sent.at(-1)!.args).toEqual({ start: 50, count: 10, class: null, outcome: null });
  });
});

describe("requests", () => {
  it("are one at a time, of those that wait only the newest", () => {
    const { starts, sent, answer, query, images } = open();
    for (let k = 0; k < 5; k++) query("[aria-label='next page']").click();
    expect(starts()).toEqual([0, 10]);
    answer(sent[1]);
    expect(starts()).toEqual([0, 10, 50]);
    answer(sent[2]);
    expect(images()).toEqual(range(50, 60));
  });

  it("wait while the view waits for a frame", () => {
    const { strip, state, sent, starts, query } = open();
    state.someoneWaits = true;
    for (let k = 0; k < 3; k++) query("[aria-label='next page']").click();
    strip.receive({ kind: "reply", id: "a frame that is not the last", name: "frame" }, []);
    expect(sent).toHaveLength(1);
    state.someoneWaits = false;
    strip.receive({ kind: "reply", id: "the last frame", name: "frame" }, []);
    expect(starts()).toEqual([0, 30]);
  });

  it("paint no answer to another filter", () => {
    const { sent, answer, choose, images, query } = open();
    query("[aria-label='next page']").click();
    choose("class", "2");
    answer(sent[1]);
    expect(images()).toEqual(range(0, 10));
    expect(sent.at(-1)!.args).toEqual({ start: 0, count: 10, class: "Bag", outcome: null });
    answer();
    expect(images()[1]).toBe(5);
    expect(query(".fs-place").textContent).toBe("matches 1–10 of 33");
  });

  it("go out again after the weights changed, and what was on its way is dropped", () => {
    const { strip, sent, answer, query, images } = open();
    query("[aria-label='next page']").click();
    strip.receive({ kind: "changed", revision: 2 }, []);
    answer(sent[1]);
    expect(images()).toEqual(range(0, 10));
    answer(sent[2], { revision: 2 });
    expect(images()).toEqual(range(10, 20));
  });

  it("come back while a survey runs, not while nobody looks, and end with the view", () => {
    const { strip, state, sent, answer, choose, query } = open();
    choose("outcome", "wrong");
    const running = { survey: { running: true, needed: true }, upTo: 6 };
    answer(sent[1], running);
    expect(strip.root.dataset.ready).toBe("false");
    expect(query<HTMLProgressElement>("progress").hidden).toBe(false);
    vi.advanceTimersByTime(301);
    expect(sent).toHaveLength(3);
    state.visible = false;
    answer(sent[2], running);
    vi.advanceTimersByTime(5000);
    expect(sent).toHaveLength(3);
    strip.resume();
    expect(sent).toHaveLength(4);
    answer(sent[3]);
    expect(strip.root.dataset.ready).toBe("true");
    expect(query<HTMLProgressElement>("progress").hidden).toBe(true);
    vi.advanceTimersByTime(5000);
    expect(sent).toHaveLength(4);
    query("[aria-label='next page']").click();
    strip.dispose();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("in the explorer", () => {
  it("asks after the frame was answered, follows its slider and sets the trait", () => {
    vi.stubGlobal("ResizeObserver", FakeResizeObserver);
    const rect = vi.spyOn(HTMLElement.prototype, "getBoundingClientRect");
    rect.mockReturnValue({ width: WIDTH } as DOMRect);
    vi.spyOn(HTMLElement.prototype, "getClientRects").mockReturnValue([{}] as unknown as DOMRectList);
    const model = new FakeModel();
    const el = document.createElement("div");
    document.body.append(el);
    const clean = widget().render({ model: model.model, el } as never);
    for (const { notify } of FakeResizeObserver.live) notify();
    expect(model.sent.map((request) => request.name as string)).toEqual(["describe", "frame"]);
    model.answer(model.sent[0]!);
    model.answer(model.sent[0]!);
    expect(model.sent.map((request) => request.name as string)).toEqual(["panels"]);
    model.answer(model.sent[0]!);
    expect(model.sent.map((request) => request.name as string)).toEqual(["strip"]);
    const request = model.sent.pop() as unknown as StripRequest;
    const { content, buffers } = stripReply(request.id, request.args);
    model.message(content, buffers);
    el.querySelector<HTMLElement>("[data-index='4'] canvas")!.click();
    expect(model.saves).toEqual([{ image_index: 4 }]);
    expect(el.querySelector("[aria-selected=true]")?.getAttribute("data-index")).toBe("4");
    clean();
    expect(vi.getTimerCount()).toBe(0);
  });
});
