// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { codeOf } from "../../src/draw/codes";
import { colourOf } from "../../src/draw/palette";
import widget from "../../src/widget";
import { FakeResizeObserver, pixel } from "../support/canvas";
import { FakeModel, frameReply, responseValue } from "../support/fake_kernel";
import { choose, cleanups, open, render, slide, usePage } from "../support/page";

const responseColour = (args: { image: number; layer: number; filter: number }) => [
  ...colourOf(codeOf(responseValue(args), -4, 4), "diverging"),
  255,
];
const painted = (root: HTMLElement) =>
  [root.dataset.image, root.dataset.layer, root.dataset.filter].map(Number);
const soon = () => Promise.resolve();

usePage();

describe("a view", () => {
  it("asks for the description and the frame itself, and is ready when both are painted", () => {
    const model = new FakeModel();
    const { root, canvas } = render(model);
    expect(model.sent.map((request) => request.name)).toEqual(["describe", "frame"]);
    expect(root.dataset.ready).toBe("false");
    model.answer(model.sent[1]!);
    expect(root.dataset.ready).toBe("false");
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    expect(painted(root)).toEqual([0, 0, 0]);
    expect([canvas("response").width, canvas("response").height]).toEqual([4, 4]);
    expect(pixel(canvas("response"), 3, 3)).toEqual(responseColour({ image: 0, layer: 0, filter: 0 }));
    expect(root.querySelector(".fs-grid h3")?.textContent).toBe("conv1: all 3 filters");
  });

  it("has labelled sliders, with suppressed shortcuts on each input", () => {
    const { root, query } = open();
    for (const name of ["image", "layer", "filter"]) {
      const input = query<HTMLInputElement>(`input[type=range][name=${name}]`);
      expect(input.labels?.[0]?.textContent).toBe(name);
    }
    for (const input of root.querySelectorAll("input, select")) {
      expect(input.getAttribute("data-lm-suppress-shortcuts")).toBe("true");
    }
    expect(query<HTMLInputElement>("input[name=image]").max).toBe("99");
    expect(query<HTMLInputElement>("input[name=filter]").max).toBe("2");
  });

  it("shows names from the data set as text, whatever they look like", () => {
    const model = new FakeModel();
    const evil = "<img src=x onerror=alert(1)>";
    model.behaviour = { label: evil, prediction: [[evil, 0.9]] };
    const { root, query } = render(model);
    model.answerAll();
    expect(root.querySelector("img")).toBeNull();
    expect(query(".fs-words").textContent).toBe(`true: ${evil} · predicted: ${evil} 90 %`);
    expect(query(".fs-class").textContent).toBe(evil);
  });

  it("names a class without a name by its number, and says nothing where there is no label", () => {
    const model = new FakeModel();
    model.behaviour = { label: 3, prediction: [[7, 0.505]] };
    const { query } = render(model);
    model.answerAll();
    expect(query(".fs-words").textContent).toBe("true: class 3 · predicted: class 7 51 %");
    model.behaviour = { label: null, prediction: [] };
    slide(query("input[name=image]"), 1);
    model.answerAll();
    expect(query(".fs-words").textContent).toBe("");
    expect(query(".fs-bars").textContent).toBe(
      "no class scores: the net's output is not one finite score a class",
    );
  });

  it("writes the numbers into the cells of a small kernel", () => {
    const { query, canvas } = open({ filter_index: 1 });
    expect([...query(".fs-numbers").children].map((cell) => cell.textContent)).toEqual([
      "0.00",
      "0.25",
      "0.50",
      "0.75",
    ]);
    expect(canvas("kernel").width).toBe(2);
  });
});

describe("moving", () => {
  it("saves a slider's move once and paints what comes", () => {
    const { model, root, query, canvas } = open();
    slide(query("input[name=image]"), 2);
    expect(model.saves).toEqual([{ image_index: 2 }]);
    expect(root.dataset.ready).toBe("false");
    expect(painted(root)).toEqual([0, 0, 0]);
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    expect(painted(root)).toEqual([2, 0, 0]);
    expect(pixel(canvas("image"), 0, 0)).toEqual([2, 2, 2, 255]);
  });

  it("leaves a number that is being typed as it is, whatever is shown meanwhile", () => {
    const { model, query } = open();
    const typed = query<HTMLInputElement>("input[name=image-number]");
    typed.value = "17";
    typed.dispatchEvent(new Event("input"));
    slide(query("input[name=filter]"), 2);
    model.answerAll();
    expect(typed.value).toBe("17");
    typed.dispatchEvent(new Event("change"));
    expect(model.saves.at(-1)).toEqual({ image_index: 17 });
    typed.value = "3";
    typed.dispatchEvent(new Event("input"));
    typed.dispatchEvent(new Event("blur"));
    expect(typed.value).toBe("17");
  });

  it("answers another filter from the held frame, without a message, and saves it", () => {
    const { model, root, query, canvas } = open();
    slide(query("input[name=filter]"), 2);
    expect(model.sent).toEqual([]);
    expect(model.saves).toEqual([{ filter_index: 2 }]);
    expect(root.dataset.ready).toBe("true");
    expect(painted(root)).toEqual([0, 0, 2]);
    expect(pixel(canvas("response"), 0, 0)).toEqual(responseColour({ image: 0, layer: 0, filter: 2 }));
  });

  it("asks where the held frame has only codes", () => {
    const model = new FakeModel();
    model.behaviour = { codes: true };
    const { root, query } = render(model);
    model.answerAll();
    slide(query("input[name=filter]"), 2);
    expect(model.sent.map((request) => request.args.filter)).toEqual([2]);
    expect(root.dataset.ready).toBe("false");
    model.answerAll();
    expect(painted(root)).toEqual([0, 0, 2]);
  });

  it("clamps the filter and drops the channel with a change of layer, in one save", () => {
    const { model, query } = open({ layer_index: 1, channel: 2, filter_index: 1 });
    slide(query("input[name=layer]"), 0);
    expect(model.saves).toEqual([{ layer_index: 0, channel: null }]);
    slide(query("input[name=filter]"), 2);
    slide(query("input[name=layer]"), 1);
    expect(model.saves.at(-1)).toEqual({ layer_index: 1, filter_index: 1 });
    expect(query<HTMLSelectElement>("select[name=channel]").options).toHaveLength(4);
  });

  it("offers channel, source and scale, and asks by them", () => {
    const { model, root, query } = open({ layer_index: 1 });
    choose(query("select[name=channel]"), "1");
    choose(query("select[name=source]"), "input");
    choose(query("select[name=scale]"), "map");
    expect(model.saves).toEqual([{ channel: 1 }, { source: "input" }]);
    model.answer(model.sent[0]!);
    model.answer(model.sent[0]!);
    expect(root.dataset.ready).toBe("false");
    expect(model.sent.map((request) => request.args)).toEqual([
      {
        image: 0,
        layer: 1,
        filter: 0,
        channel: 1,
        source: "input",
        checkpoint: null,
        scale: "map",
        plane: null,
        slice: null,
        kernel_slice: null,
      },
    ]);
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    choose(query("select[name=channel]"), "");
    expect(model.saves.at(-1)).toEqual({ channel: null });
  });

  it("follows Python, with one question for traits that change together", async () => {
    const { model, root, query } = open();
    model.fromPython({ image_index: 5, layer_index: 1, filter_index: 1 });
    await soon();
    expect(model.sent.map((request) => request.args)).toMatchObject([{ image: 5, layer: 1, filter: 1 }]);
    expect(query<HTMLInputElement>("input[name=image]").value).toBe("5");
    expect(query<HTMLInputElement>("input[name=filter]").max).toBe("1");
    model.answerAll();
    expect(painted(root)).toEqual([5, 1, 1]);
    expect(model.saves).toEqual([]);
  });

  it("asks once where a host hands changed traits over one by one", async () => {
    const { model } = open();
    model.set("image_index", 5);
    model.set("layer_index", 1);
    model.set("filter_index", 1);
    await soon();
    expect(model.sent.map((request) => request.args)).toMatchObject([{ image: 5, layer: 1, filter: 1 }]);
  });

  it("never paints an older answer over a newer one, and labels belong to what is painted", () => {
    const { model, root, query } = open();
    for (const image of [1, 2, 3, 4]) slide(query("input[name=image]"), image);
    const [first, second] = model.sent;
    expect(model.sent).toHaveLength(3);
    model.answer(second!);
    expect(painted(root)).toEqual([2, 0, 0]);
    expect(query(".fs-image .fs-title").textContent).toBe("image 2");
    expect(root.dataset.ready).toBe("false");
    model.answer(first!);
    expect(painted(root)).toEqual([2, 0, 0]);
    model.answerAll();
    expect(painted(root)).toEqual([4, 0, 0]);
    expect(root.dataset.ready).toBe("true");
  });

  it("does not let an answer on its way undo a move that the page answered itself", () => {
    const { model, root, query } = open();
    slide(query("input[name=image]"), 1);
    const late = model.sent[0]!;
    slide(query("input[name=image]"), 0);
    expect(root.dataset.ready).toBe("true");
    const paints = vi.spyOn(HTMLCanvasElement.prototype, "getContext");
    model.answer(late);
    expect(paints).not.toHaveBeenCalled();
    expect(painted(root)).toEqual([0, 0, 0]);
    expect(root.dataset.ready).toBe("true");
  });

  it("comes back to a recent frame without a message", () => {
    const { model, root, query } = open();
    slide(query("input[name=image]"), 1);
    model.answerAll();
    slide(query("input[name=image]"), 0);
    expect(model.sent).toEqual([]);
    expect(painted(root)).toEqual([0, 0, 0]);
  });

  it("takes buttons and typed numbers, within what there is", () => {
    const { model, query } = open();
    query("button[aria-label='next image']").click();
    expect(model.traits.image_index).toBe(1);
    query("button[aria-label='previous image']").click();
    query("button[aria-label='previous image']").click();
    expect(model.traits.image_index).toBe(0);
    const typed = query<HTMLInputElement>("input[name=image-number]");
    typed.value = "5000";
    typed.dispatchEvent(new Event("change"));
    expect(model.traits.image_index).toBe(99);
    expect(typed.value).toBe("99");
  });

  it("turns the wheel on a focused slider only", () => {
    const { model, query } = open();
    const input = query<HTMLInputElement>("input[name=filter]");
    const turn = () => {
      const event = new WheelEvent("wheel", { deltaY: 100, bubbles: true, cancelable: true });
      input.dispatchEvent(event);
      return event.defaultPrevented;
    };
    expect(turn()).toBe(false);
    expect(model.traits.filter_index).toBe(0);
    input.focus();
    expect(turn()).toBe(true);
    expect(model.traits.filter_index).toBe(1);
  });
});

describe("what can go wrong", () => {
  it("shows an error as a sentence, clears the pictures, and recovers", () => {
    const { model, root, query, canvas } = open();
    model.behaviour.error = "image 7 could not be read: <b>broken</b>";
    slide(query("input[name=image]"), 7);
    model.answerAll();
    expect(query("[role=alert]").textContent).toBe("image 7 could not be read: <b>broken</b>");
    expect(root.dataset.error).toBe("true");
    expect(root.dataset.ready).toBe("false");
    expect(root.dataset.image).toBeUndefined();
    expect(pixel(canvas("image"), 0, 0)).toBeNull();
    expect(pixel(canvas("response"), 0, 0)).toBeNull();
    delete model.behaviour.error;
    slide(query("input[name=image]"), 8);
    model.answerAll();
    expect(query("[role=alert]").textContent).toBe("");
    expect(root.dataset.error).toBeUndefined();
    expect(root.dataset.ready).toBe("true");
  });

  it("says when a value was refused, and keeps the pictures", () => {
    const { model, root, query } = open();
    model.message({ kind: "refused", message: "image_index must be 0 … 99, got 100." });
    expect(query("[role=alert]").textContent).toContain("must be 0 … 99");
    expect(root.dataset.ready).toBe("true");
    slide(query("input[name=filter]"), 1);
    expect(query("[role=alert]").textContent).toBe("");
  });

  it("drops what it holds when weights change, and asks again", () => {
    const { model, root, query } = open();
    model.behaviour.revision = 2;
    model.message({ kind: "changed", revision: 2 });
    expect(root.dataset.ready).toBe("false");
    expect(model.sent.map((request) => request.name)).toEqual(["describe", "frame"]);
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    slide(query("input[name=filter]"), 1);
    expect(model.sent).toEqual([]);
  });

  it("does not paint a frame from before a change", () => {
    const { model, root, query, canvas } = open();
    slide(query("input[name=image]"), 1);
    const before = model.sent[0]!;
    model.message({ kind: "changed", revision: 2 });
    model.answer(before);
    expect(painted(root)).toEqual([0, 0, 0]);
    model.behaviour.revision = 2;
    model.answerAll();
    expect(painted(root)).toEqual([1, 0, 0]);
    expect(pixel(canvas("image"), 0, 0)).toEqual([1, 1, 1, 255]);
  });

  it("asks again for kernels that it has dropped since it asked, and keeps no frame without them", () => {
    const { model, root, query } = open();
    const image = query<HTMLInputElement>("input[name=image]");
    slide(image, 5);
    const before = model.sent[0]!;
    expect(before.args.kernels_held).toBe(1);
    model.message({ kind: "changed", revision: 1 }); // of what the page has seen already
    model.answer(before);
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    expect(painted(root)).toEqual([5, 0, 0]);
    slide(image, 6);
    model.answerAll();
    expect(query("[role=alert]").textContent).toBe("");
    expect(painted(root)).toEqual([6, 0, 0]);
  });

  it("takes kernels from a frame of the same weights only", () => {
    const { model, root, query } = open();
    slide(query("input[name=image]"), 5);
    const { id, name, args } = model.sent[0]!;
    model.sent = [];
    // Left out, as of weights that the page does not know: it asks anew, for all of it.
    const { content, buffers } = frameReply(id, { ...args, kernels_held: 2 }, { revision: 2 });
    model.message(content, buffers);
    expect(painted(root)).toEqual([0, 0, 0]);
    expect(model.sent.map((request) => request.name)).toEqual([name]);
    model.behaviour.revision = 2;
    model.answerAll();
    expect(root.dataset.ready).toBe("true");
    expect(painted(root)).toEqual([5, 0, 0]);
  });

  it("says so when an answer takes longer than 150 ms", () => {
    const { model, root, query } = open();
    slide(query("input[name=image]"), 1);
    vi.advanceTimersByTime(140);
    expect(root.dataset.busy).toBeUndefined();
    vi.advanceTimersByTime(20);
    expect(root.dataset.busy).toBe("true");
    expect(query(".fs-busy").textContent).toBe("computing …");
    vi.advanceTimersByTime(2000);
    expect(query(".fs-busy").textContent).toBe("the kernel is busy …");
    model.answerAll();
    expect(root.dataset.busy).toBeUndefined();
    expect(query(".fs-busy").textContent).toBe("computing …");
  });

  it("announces where a drag ended", () => {
    const { model, query } = open();
    for (const image of [1, 2, 3]) slide(query("input[name=image]"), image);
    model.answerAll();
    expect(query("[aria-live]").textContent).toBe("");
    vi.advanceTimersByTime(500);
    expect(query("[aria-live]").textContent).toBe(
      "image 3, true: Coat · predicted: Shirt 61 %, conv1, filter 0",
    );
  });
});

describe("several views, and the end", () => {
  it("keeps two views of one model in step, each by its own questions", async () => {
    const model = new FakeModel();
    const one = render(model);
    const two = render(model);
    model.answerAll();
    slide(one.query("input[name=image]"), 3);
    await soon();
    expect(new Set(model.sent.map((request) => request.id)).size).toBe(2);
    model.answerAll();
    expect(painted(one.root)).toEqual([3, 0, 0]);
    expect(painted(two.root)).toEqual([3, 0, 0]);
    expect(two.query<HTMLInputElement>("input[name=image]").value).toBe("3");
  });

  it("works inside a shadow root", () => {
    const host = document.createElement("div");
    document.body.append(host);
    const el = document.createElement("div");
    host.attachShadow({ mode: "open" }).append(el);
    const model = new FakeModel();
    cleanups.push(widget().render({ model: model.model, el } as never));
    model.answerAll();
    expect(el.querySelector<HTMLElement>(".filterscope")?.dataset.ready).toBe("true");
  });

  it("leaves no listener, observer, timer or element behind", () => {
    const { model, el, query, clean } = open();
    slide(query("input[name=image]"), 1);
    expect(model.listeners).toBe(9);
    expect(vi.getTimerCount()).toBeGreaterThan(0);
    clean();
    expect(model.listeners).toBe(0);
    expect(FakeResizeObserver.live.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(el.childNodes).toHaveLength(0);
  });
});
