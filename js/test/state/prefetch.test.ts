// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { codeOf } from "../../src/draw/codes";
import { colourOf } from "../../src/draw/palette";
import { pixel } from "../support/canvas";
import { FakeModel, responseValue } from "../support/fake_kernel";
import { open, render, slide, usePage } from "../support/page";

usePage();

const REST = 100;
const asked = (model: FakeModel) => model.sent.map(({ name, args }) => `${name} ${args.image}`);
const lists = (model: FakeModel) => model.sent.map(({ args }) => (args as { filters?: number[] }).filters);

/** Lets the page rest, and answers all it asks meanwhile; returns what that was. */
function rest(model: FakeModel): string[] {
  const questions: string[] = [];
  vi.advanceTimersByTime(REST);
  while (model.sent.length > 0) {
    questions.push(...asked(model));
    model.answer(model.sent[0]!);
  }
  return questions;
}

function openLarge() {
  const model = new FakeModel({
    image_index: 99,
    layer_index: 0,
    filter_index: 0,
    checkpoint_index: null,
    channel: null,
    source: "image",
  });
  model.behaviour = { codes: true, prediction: null };
  const view = render(model);
  model.answerAll();
  return { model, ...view };
}

describe("neighbours", () => {
  it("are asked for one by one after a rest, and painted without a message", () => {
    const { model, root, query } = open({ image_index: 5 });
    expect(asked(model)).toEqual([]);
    expect(rest(model)).toEqual(["prefetch 6", "prefetch 4", "prefetch 5"]); // the last in the other layer
    slide(query("input[name=image]"), 6);
    expect(root.dataset.ready).toBe("true");
    expect(root.dataset.image).toBe("6");
    expect(asked(model)).toEqual(["prefetch 7"]); // a step's own next one at once
  });

  it("come in the direction in which the person goes", () => {
    const { model, query } = open({ image_index: 5 });
    rest(model);
    slide(query("input[name=image]"), 4);
    expect(asked(model)).toEqual(["prefetch 3"]);
  });

  it("are not there beyond the ends, and wait while a picture is waited for", () => {
    const { model, query } = open({ image_index: 99 });
    expect(rest(model)).toEqual(["prefetch 98", "prefetch 99"]);
    slide(query("input[name=image]"), 50);
    vi.advanceTimersByTime(10 * REST);
    expect(asked(model)).toEqual(["frame 50"]);
  });

  it("are not asked for again after an error, until the weights change", () => {
    const { model } = open({ image_index: 99 });
    model.behaviour.error = "no";
    expect(rest(model)).toEqual(["prefetch 98"]);
    vi.advanceTimersByTime(10 * REST);
    expect(asked(model)).toEqual(["fields 99"]);
    model.answerAll();
    vi.advanceTimersByTime(100 * REST);
    expect(asked(model)).toEqual([]);
    delete model.behaviour.error;
    model.behaviour.revision = 2;
    model.message({ kind: "changed", revision: 2 });
    expect(rest(model)).toContain("prefetch 98");
  });

  it("are dropped with everything else when the weights change", () => {
    const { model, root, query } = open({ image_index: 5 });
    rest(model);
    model.message({ kind: "changed", revision: 2 });
    slide(query("input[name=image]"), 6);
    expect(root.dataset.ready).toBe("false");
    expect(asked(model)).toContain("frame 6");
  });

  it("take the kernels that the page has", () => {
    const { model } = open({ image_index: 99 });
    vi.advanceTimersByTime(REST);
    expect(model.sent[0]!.args.kernels_held).toBe(1);
  });
});

describe("the other layers", () => {
  it("are asked for last, and painted without a message", () => {
    const { model, root, query } = open({ image_index: 5, layer_index: 0, filter_index: 1 });
    vi.advanceTimersByTime(REST);
    const layers: unknown[] = [];
    while (model.sent.length > 0) {
      layers.push(model.sent[0]!.args.layer);
      model.answer(model.sent[0]!);
    }
    expect(layers).toEqual([0, 0, 1]); // there is none before the first
    slide(query("input[name=layer]"), 1);
    expect(root.dataset.ready).toBe("true");
    expect(root.dataset.layer).toBe("1");
    expect(model.sent.filter(({ name }) => name === "frame")).toEqual([]);
  });

  it.each([
    { from: { layer_index: 1, filter_index: 1, channel: 1 }, to: { layer: 0, filter: 1, channel: null } },
    { from: { layer_index: 0, filter_index: 2, channel: 0 }, to: { layer: 1, filter: 1, channel: 0 } },
  ])("come with a filter and a channel that they have", ({ from, to }) => {
    const { model } = open({ image_index: 99, ...from });
    vi.advanceTimersByTime(REST);
    model.answer(model.sent[0]!);
    expect(model.sent[0]!.args).toMatchObject(to);
  });

  it("are left alone while a cell runs", () => {
    const model = new FakeModel({
      image_index: 5,
      layer_index: 0,
      filter_index: 0,
      checkpoint_index: null,
      channel: null,
      source: "input",
    });
    model.behaviour = { cellRuns: true };
    render(model);
    model.answerAll();
    expect(rest(model)).toEqual([]);
  });
});

describe("a large layer", () => {
  it("gets its prediction, its neighbour and its other filters while nobody waits", () => {
    const { model, query } = openLarge();
    expect(query(".fs-words").textContent).toBe("true: Coat · predicted: …");
    expect(rest(model)).toEqual([
      "prediction 99",
      "prefetch 98",
      "prediction 98",
      "filters 99",
      "prefetch 99",
    ]);
    expect(query(".fs-words").textContent).toBe("true: Coat · predicted: Bag 50 %");
  });

  it("gets it later where the kernel gave way to a person, for the image that is on screen by then", () => {
    const { model, query } = openLarge();
    vi.advanceTimersByTime(REST);
    const { id, name } = model.sent[0]!;
    expect(asked(model)).toEqual(["prediction 99"]);
    slide(query("input[name=image]"), 50);
    model.message({ kind: "reply", id, name, skipped: true });
    vi.advanceTimersByTime(REST);
    expect(asked(model)).toEqual(["prediction 99", "frame 50"]); // the picture comes first
    model.answerAll();
    expect(rest(model)[0]).toBe("prediction 50");
    expect(query(".fs-words").textContent).toContain("Bag 50 %");
  });

  it("gets it at once where the person waited for another page's picture", () => {
    const { model } = openLarge();
    vi.advanceTimersByTime(REST);
    const { id, name } = model.sent[0]!;
    model.message({ kind: "reply", id, name, skipped: true });
    expect(asked(model)).toEqual(["prediction 99", "prediction 99"]);
  });

  it("shows another filter from its codes without a message, and then asks for its exact values", () => {
    const { model, root, query, canvas } = openLarge();
    rest(model);
    slide(query("input[name=filter]"), 2);
    expect(root.dataset.ready).toBe("true");
    expect(model.sent).toEqual([]);
    const value = responseValue({ image: 99, layer: 0, filter: 2 });
    const colour = [...colourOf(codeOf(value, -4, 4), "diverging"), 255];
    expect(pixel(canvas("response"), 3, 3)).toEqual(colour);
    const words = query(".fs-response").textContent;
    vi.advanceTimersByTime(REST);
    expect(lists(model)).toEqual([[2]]);
    model.answerAll();
    expect(pixel(canvas("response"), 3, 3)).toEqual(colour);
    expect(query(".fs-response").textContent).toBe(words);
  });

  it("asks for the filters near the selected one first", () => {
    const { model } = openLarge();
    vi.advanceTimersByTime(REST);
    while (model.sent[0] && model.sent[0].name !== "filters") model.answer(model.sent[0]);
    expect(lists(model)).toEqual([[1, 2]]);
  });
});
