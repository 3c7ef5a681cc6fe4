/** A saved page without a browser: its parts, the answers made of them, and what it refuses. */

import { describe, expect, it, vi } from "vitest";
import { codesOf, rangeOf } from "../../src/draw/codes";
import { SavedKernel } from "../../src/saved/kernel";
import { LabKernel } from "../../src/saved/lab_kernel";
import { joined, pictureOf, planeOf } from "../../src/saved/maps";
import { SavedModel } from "../../src/saved/model";
import { Parts } from "../../src/saved/parts";
import { readRequest, replyTo, unpack } from "../../src/saved/replies";
import { savedStrip } from "../../src/saved/strip";
import { TimelineKernel } from "../../src/saved/timeline_kernel";
import type { Saved, SavedMaps, SavedOutline } from "../../src/saved/types";
import { refusal, savedInWords } from "../../src/saved/unsaved";
import { within } from "../../src/text/format";
import { activityOf } from "../../src/view/grid/activity";
import { decodeFrame, type FrameArgs } from "../../src/wire/frame";
import { bodyOf, decodeMessage, type Reply } from "../../src/wire/messages";
import type { StripArgs } from "../../src/wire/strip";
import { FakeModel } from "../support/fake_kernel";
import { LAYERS } from "../support/fake_net";

type Numbers = Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;

/** What `wire.packed` makes in Python. */
async function packed(
  body: object,
  arrays: readonly Numbers[] = [],
  shapes: readonly (readonly number[])[] = arrays.map(({ length }) => [length]),
): Promise<string> {
  const dtype = (one: Numbers) =>
    one instanceof Float32Array ? "float32" : one instanceof Uint8Array ? "uint8" : "uint16";
  const tensors = arrays.map((one, k) => ({ dtype: dtype(one), shape: shapes[k] }));
  const head = new TextEncoder().encode(JSON.stringify({ body, tensors }));
  const length = new DataView(new ArrayBuffer(4));
  length.setUint32(0, head.length, true);
  const stream = new Blob([length, head, ...arrays]).stream().pipeThrough(new CompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

const SAVED: Saved = {
  images: [3, 4, 9],
  of_images: 10_000,
  layers: 2,
  of_layers: 20,
  channels: [[null], [null, 2]],
  sources: ["input"],
  precision: 8,
  verdicts: true,
  exemplars: false,
  lab: null,
  timeline: null,
};
const OUTLINE: SavedOutline = {
  description: {
    version: "0.1.0",
    revision: 0,
    images: 3,
    input: [1, 4, 4],
    layers: LAYERS,
    checkpoints: [],
    two_nets: false,
  },
  selection: {
    image_index: 1,
    layer_index: 1,
    filter_index: 0,
    checkpoint_index: null,
    channel: null,
    source: "input",
  },
  saved: SAVED,
  strip: {
    thumbs: { dtype: "uint8", shape: [3, 1, 2, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    sizes: [
      [1, 2],
      [1, 2],
      [1, 2],
    ],
    labels: ["cat", "dog", "cat"],
    predicted: ["cat", "cat", null],
    errors: [null, null, null],
    classes: ["cat", "dog"],
  },
  shapes: [0, 1, null],
};

describe("a packed part", () => {
  it("gives back what was packed, at any offset", async () => {
    const floats = Float32Array.of(1.5, Number.NaN, -0);
    const text = await packed({ name: "Größe", a: { tensor: 1 }, list: [{ tensor: 0 }], b: { tensor: 2 } }, [
      Uint8Array.of(7, 8, 9),
      floats,
      Uint16Array.of(65_535, 1),
    ]);
    expect(text).toMatch(/^[A-Za-z0-9+/=]+$/);
    const found = (await unpack(text)) as { a: object; list: object[]; b: object; name: string };
    expect(found.name).toBe("Größe");
    expect(found.a).toEqual({ dtype: "float32", shape: [3], data: floats });
    expect(found.list).toEqual([{ dtype: "uint8", shape: [3], data: Uint8Array.of(7, 8, 9) }]);
    expect(found.b).toEqual({ dtype: "uint16", shape: [2], data: Uint16Array.of(65_535, 1) });
  });

  it("is unpacked once while it is among the last, and anew after that", async () => {
    const text = await packed({});
    const texts = vi.fn((name: string) => (name === "none" ? null : text));
    const parts = new Parts(texts);
    expect(await parts.read("one")).toBe(await parts.read("one"));
    expect(texts).toHaveBeenCalledTimes(1);
    for (let k = 0; k < 60; k++) await parts.read(String(k));
    await parts.read("one");
    expect(texts).toHaveBeenCalledTimes(62);
    await expect(parts.read("none")).rejects.toThrow('"none" is missing');
  });
});

describe("saved maps", () => {
  const ends = (...values: number[]) =>
    ({ dtype: "float32", shape: [values.length / 4, 4], data: Float32Array.from(values) }) as const;

  it("are decoded over each map's own range, zero exactly, each within half a step", () => {
    const values = Float32Array.of(-3, -1.234, 0, 2.9);
    const maps: SavedMaps = {
      values: { dtype: "uint8", shape: [1, 2, 2], data: codesOf(values, -3, 3) },
      ends: ends(-3, 2.9, 0, 0),
    };
    const { data, half, summary } = planeOf(maps, 0, [0], 4);
    expect(half).toBeCloseTo(6 / 252 / 2);
    for (const [i, value] of values.entries())
      expect(Math.abs(data[i]! - value)).toBeLessThanOrEqual(half * 1.00001);
    expect(data[2]).toBe(0);
    expect(summary.maximum).toBe(Math.fround(2.9)); // as it was saved, and not as it was decoded
  });

  it("keep what is no number, in one byte and in two", () => {
    for (const [dtype, data] of [
      ["uint8", Uint8Array.of(0, 1, 255, 2, 254)],
      ["uint16", Uint16Array.of(0, 1, 65_535, 2, 65_534)],
    ] as const) {
      const maps = { values: { dtype, shape: [1, 5], data }, ends: ends(0, 8, 1, 2) } as SavedMaps;
      expect([...planeOf(maps, 0, [0], 5).data]).toEqual([Number.NaN, -Infinity, Infinity, 0, 8]);
    }
    const nothing = {
      values: { dtype: "uint8", shape: [1, 1], data: Uint8Array.of(0) },
      ends: ends(NaN, NaN, 1, 0),
    };
    expect(rangeOf(planeOf(nothing as SavedMaps, 0, [0], 1).summary)).toMatchObject({
      minimum: null,
      low: 0,
      high: 0,
    });
  });

  it("have the ranges of value_range.py", () => {
    const one = { minimum: 1, maximum: 4, nan: 0, infinite: 0 };
    const other = { minimum: -2, maximum: -2, nan: 1, infinite: 2 };
    expect(rangeOf(one)).toMatchObject({ low: 0, high: 4, signed: false, constant: false });
    expect(rangeOf(other)).toMatchObject({ low: -2, high: 2, signed: true, constant: false });
    expect(rangeOf({ ...other, nan: 0, infinite: 0 }).constant).toBe(true);
    expect(joined([one, other])).toMatchObject({
      low: -4,
      high: 4,
      minimum: -2,
      maximum: 4,
      nan: 1,
      infinite: 2,
    });
  });

  it("make a picture on one scale for the layer, or on one a map", () => {
    const plane = (data: Float32Array, maximum: number) => ({
      data,
      summary: { minimum: 0, maximum, nan: 0, infinite: 0 },
      half: 0,
    });
    const planes = [plane(Float32Array.of(0, 4), 4), plane(Float32Array.of(1, 2), 2)];
    type Codes = { tensor: { data: Uint8Array }; ranges: object[] };
    const layer = pictureOf(planes, [1, 2], "layer") as Codes;
    const map = pictureOf(planes, [1, 2], "map") as Codes;
    expect([...layer.tensor.data]).toEqual([2, 254, 65, 128]);
    expect([...map.tensor.data]).toEqual([2, 254, 128, 254]);
    expect([layer.ranges.length, map.ranges.length]).toEqual([1, 2]);
  });

  it.each([
    [0.48231, 0.01234, "0.482 ± 0.013"],
    [-3.2, 0.5, "−3.20 ± 0.50"],
    [12_345.6, 40, "12346 ± 40"],
    [0, 0.00002, "0.000000 ± 0.000020"],
    [Number.NaN, 0.1, "NaN"],
    [-Infinity, 0.1, "−∞"],
  ])("say %f, which may be off by %f, as %s", (value, half, words) => {
    expect(within(value, half)).toBe(words);
  });
});

describe("the saved strip", () => {
  const args: StripArgs = { start: 0, count: 10, class: null, outcome: null };
  const images = (more: Partial<StripArgs>) =>
    (savedStrip(OUTLINE.strip, { ...args, ...more }) as { images: number[] }).images;

  it("pages, and filters by class and by right or wrong", () => {
    expect(images({})).toEqual([0, 1, 2]);
    expect(images({ start: 1, count: 1 })).toEqual([1]);
    expect(images({ class: "cat" })).toEqual([0, 2]);
    expect(images({ outcome: "wrong" })).toEqual([1]);
    expect(images({ outcome: "right" })).toEqual([0]);
    expect(images({ class: "dog", outcome: "right" })).toEqual([]);
  });

  it("gives gray thumbnails in three channels", () => {
    const { thumbs } = savedStrip(OUTLINE.strip, { ...args, start: 2 }) as {
      thumbs: { shape: number[]; data: Uint8Array };
    };
    expect(thumbs.shape).toEqual([1, 1, 2, 3]);
    expect([...thumbs.data]).toEqual([5, 5, 5, 6, 6, 6]);
  });
});

describe("what was not saved", () => {
  it("is refused with a sentence that says how to save it", () => {
    const at = OUTLINE.selection;
    expect(refusal(SAVED, at)).toBeNull();
    expect(refusal(SAVED, { ...at, channel: 2 })).toBeNull();
    expect(refusal(SAVED, { ...at, channel: 1 })).toContain(
      'without channel 1 alone; save_html(…, channels="all")',
    );
    expect(refusal(SAVED, { ...at, source: "image" })).toContain("without filter2D over the image");
  });

  it("leaves the model where it was, and tells the page", () => {
    const kernel = new SavedKernel(new Parts(() => null), OUTLINE);
    const model = new SavedModel(OUTLINE, kernel);
    const told = vi.fn();
    const moved = vi.fn();
    model.on("msg:custom", told as never);
    model.on("change:channel", moved as never);
    model.set("channel", 1);
    model.set("image_index", 2);
    model.save_changes();
    expect([model.get("channel"), model.get("image_index")]).toEqual([null, 1]);
    expect(told).toHaveBeenCalledWith({ kind: "refused", message: expect.stringContaining("channel 1") }, []);
    expect(moved).toHaveBeenCalledTimes(2);
    model.set("channel", 2);
    model.save_changes();
    expect(model.get("channel")).toBe(2);
    model.off("change:channel", moved as never);
    model.set("channel", null);
    expect(moved).toHaveBeenCalledTimes(3);
  });

  it("is said in words", () => {
    expect(savedInWords(OUTLINE)).toBe(
      "Saved by filterscope 0.1.0: 3 images of 10,000, 2 of 20 layers; filter2D over the layer's own input, for all " +
        "channels and for single ones. Maps have 8 bits a value: point at one to see how far it may be off. With a verdict for each " +
        "filter that was judged.",
    );
  });
});

describe("the lab of a saved page", () => {
  const floats = (data: number[], shape: number[]) => ({
    dtype: "float32",
    shape,
    data: Float32Array.from(data),
  });

  /** Two filters of one kernel of 1×1 each, on an image of 1×2, ReLU behind them. */
  async function lab() {
    const own = { tensor: 0 };
    const texts: Record<string, string> = {
      lab: await packed(
        {
          ...{ layer: 1, name: "conv2", groups: 1, kernels: own, own, bias: { tensor: 1 } },
          geometry: {
            stride: [1, 1],
            pads: [
              [0, 0],
              [0, 0],
            ],
            mode: "zeros",
            dilation: [1, 1],
          },
          steps: [[{ name: "relu", numbers: { tensor: 2 } }], [{ name: "relu", numbers: { tensor: 2 } }]],
          ...{ presets: [{ name: "zero", kernel: { tensor: 3 } }], presets_of: [[], []] },
        },
        [Float32Array.of(2, 3), Float32Array.of(0.5, -10), new Float32Array(), Float32Array.of(0)],
        [[2, 1, 1, 1], [2], [0], [1, 1]],
      ),
      "lab-0": await packed(
        { input: { tensor: 0 }, over: null, same: true },
        [Float32Array.of(-1, 4)],
        [[1, 1, 2]],
      ),
    };
    const revisions: number[] = [];
    const kernel = new LabKernel(new Parts((name) => texts[name] ?? null), (now) => revisions.push(now));
    const at = { image: 0, layer: 1, filter: 1 };
    const edit = (value: number, gesture = "") =>
      kernel.answer("edit_kernel", { layer: 1, filter: 1, kernel: [value], gesture })!;
    const step = (name: string) => kernel.answer("lab_history", { ...at, step: name })!;
    const maps = async () => {
      const frame = { ...at, source: "input" } as never;
      const planes = (await kernel.edited(frame))?.(1, [0]);
      return planes && [planes.kernels, planes.response, planes.activation].map((values) => [...values]);
    };
    return { kernel, revisions, at, edit, step, maps };
  }

  it("computes the layer with the edited kernel, and goes back and forth", async () => {
    const { kernel, revisions, at, edit, step, maps } = await lab();
    expect(await kernel.answer("lab", at)).toMatchObject({
      ...{ own: floats([3], [1, 1, 1]), kernels: floats([3], [1, 1, 1]), edits: [], can_undo: false },
      ...{ bias: floats([-10], [1]), input: floats([-1, 4], [1, 1, 2]), over: floats([-1, 4], [1, 1, 2]) },
    });
    expect(await maps()).toBeUndefined();
    expect(await edit(5)).toMatchObject({
      revision: 1,
      edits: [{ layer: "conv2", filter: 1 }],
      can_undo: true,
    });
    expect(await maps()).toEqual([[5], [-5, 20], [0, 10]]);
    expect((await kernel.edited({ ...at, source: "input" } as never))!(0, [0])).toBeNull();
    await edit(6, "drag");
    await edit(7, "drag");
    expect(await maps()).toEqual([[7], [-7, 28], [0, 18]]);
    expect(await step("undo")).toMatchObject({ can_redo: true, filter: 1, kernels: floats([5], [1, 1, 1]) });
    expect((await maps())![0]).toEqual([5]); // what was dragged is one step
    await step("redo");
    expect((await maps())![0]).toEqual([7]);
    expect(await step("own")).toMatchObject({ edits: [], kernels: floats([3], [1, 1, 1]) });
    await step("undo");
    expect(await step("reset")).toMatchObject({ edits: [], can_undo: true });
    expect(await maps()).toBeUndefined();
    expect(revisions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("is of one layer, and leaves other requests alone", async () => {
    const { kernel, at } = await lab();
    await expect(kernel.answer("lab", { ...at, layer: 0 })).rejects.toThrow("has the lab of conv2 alone");
    expect(kernel.answer("lab_changes", at)).toBeNull();
    expect(kernel.answer("frame", at)).toBeNull();
    expect(await kernel.answer("module", { room: "lab" })).toEqual({ text: "" });
  });

  it("is told in the words of the page", () => {
    const words = savedInWords({ ...OUTLINE, saved: { ...SAVED, lab: 1 } });
    expect(words).toContain(`With the lab of ${LAYERS[1]!.name}: its kernels can be edited here.`);
  });
});

describe("the checkpoints of a saved page", () => {
  const timeline = {
    ...{ layer: 1, titles: ["epoch 0", "epoch 1", "epoch 2"], shown: 1, images: [0, 2] },
    predicted: [
      ["dog", "dog", "dog"],
      ["no", "no", "no"],
      ["cat", "dog", null],
    ],
    words: "With conv2 over 3 checkpoints.",
  };
  const outline = { ...OUTLINE, saved: { ...SAVED, timeline } };
  const page = (more: object = {}) => {
    const script = {
      kernel: (...given: ConstructorParameters<typeof TimelineKernel>) => new TimelineKernel(...given),
    };
    const other = { ...outline, saved: { ...outline.saved, timeline: { ...timeline, ...more } } };
    const kernel = new SavedKernel(new Parts(() => null), other, null, script as never);
    const model = new SavedModel(
      { ...other, selection: { ...OUTLINE.selection, checkpoint_index: 1 } },
      kernel,
    );
    const sentences: string[] = [];
    model.on("msg:custom", ((message: { message: string }) => sentences.push(message.message)) as never);
    const select = (traits: object) => {
      for (const [name, value] of Object.entries(traits)) model.set(name as never, value as never);
      model.save_changes();
      return [model.get("image_index"), model.get("layer_index"), model.get("checkpoint_index")];
    };
    const predicted = async () => {
      const args: StripArgs = { start: 0, count: 3, class: null, outcome: null };
      return ((await kernel.timeline!.answer("strip", args)) as { predicted: unknown }).predicted;
    };
    return { kernel, sentences, select, predicted };
  };

  it("are those of one layer and some images; what else is selected is shown as the page has it", async () => {
    const { sentences, select, predicted } = page();
    expect(await predicted()).toEqual(["cat", "cat", null]); // the page's own
    expect(select({ image_index: 0, checkpoint_index: 2 })).toEqual([0, 1, 2]);
    expect(await predicted()).toEqual(["cat", "dog", null]);
    expect(select({ image_index: 2 })).toEqual([2, 1, 2]);
    expect(sentences).toEqual([]);
    expect(select({ image_index: 1 })).toEqual([1, 1, 1]);
    expect(await predicted()).toEqual(["cat", "cat", null]);
    expect(select({ image_index: 0, layer_index: 0, checkpoint_index: 0 })).toEqual([0, 0, 1]);
    expect(select({ layer_index: 1, checkpoint_index: null })).toEqual([0, 1, 1]);
    expect(sentences).toEqual([
      "This page has image 1 at one checkpoint alone: epoch 1.",
      "This page has conv1 at one checkpoint alone: epoch 1.",
      "The net itself was not saved.",
    ]);
  });

  it("are the net itself beside its checkpoints where the page is of that", () => {
    const { sentences, select } = page({ shown: null });
    expect(select({ image_index: 0, checkpoint_index: null })).toEqual([0, 1, null]);
    expect(select({ checkpoint_index: 1 })).toEqual([0, 1, 1]);
    expect(select({ image_index: 1 })).toEqual([1, 1, null]);
    expect(sentences).toEqual(["This page has image 1 at one checkpoint alone: the net itself."]);
  });

  it("are nothing to choose from where there was no room for one image", () => {
    const { sentences, select } = page({ images: [] });
    expect(select({ image_index: 0, checkpoint_index: null })).toEqual([0, 1, null]);
    expect(sentences).toEqual([]);
  });

  it("say why one of them cannot be shown, and what has no range over all of them", async () => {
    const { kernel } = page();
    const at = { image: 0, layer: 1, checkpoint: 2, scale: "layer" } as never as FrameArgs;
    const parts = {} as never;
    expect(await kernel.timeline!.partsAt({ ...at, checkpoint: 1 }, parts, 1)).toBe(parts);
    await expect(kernel.timeline!.partsAt(at, parts, 1)).rejects.toThrow('"timeline" is missing');
    await expect(
      kernel.timeline!.partsAt({ ...at, image: 1, scale: "checkpoints" }, parts, 1),
    ).rejects.toThrow("This page has image 1 at one checkpoint alone: epoch 1. Choose another colour scale.");
  });
});

describe("the saved kernel", () => {
  it("answers as the wire does, and refuses what takes the notebook", async () => {
    const kernel = new SavedKernel(new Parts(() => null), OUTLINE);
    const ask = async (name: string) => {
      const [content, buffers] = await kernel.answer({ id: "p-1", name: name as never, args: {} });
      return decodeMessage(content, buffers, () => true);
    };
    expect(await ask("describe")).toMatchObject({ reply: { id: "p-1", body: { images: 3 } } });
    expect(await ask("point")).toMatchObject({
      reply: { error: { message: expect.stringContaining("notebook") } },
    });
    expect(await ask("frame")).toMatchObject({
      reply: { error: { message: expect.stringContaining("missing") } },
    });
    expect(readRequest({ kind: "nudge" })).toBeNull();
  });

  it("answers of a layer, of a filter, and of an image's shape what was saved of it", async () => {
    const field = (error: string) => ({ revision: 0, fields: null, error });
    const texts: Record<string, string> = {
      "answer-verdicts-1": await packed({ layer: 1, status: "done" }),
      "answer-verdict-1": await packed({ filters: [{ filter: 0 }, { filter: 1 }] }),
      "fields-1-0": await packed({ bodies: [field("a"), field("b")], of: [0, 1, 0] }),
    };
    const kernel = new SavedKernel(new Parts((name) => texts[name] ?? null), OUTLINE);
    const ask = async (name: string, args: object) => {
      const [content, buffers] = await kernel.answer({ id: "p-1", name: name as never, args });
      const { reply } = decodeMessage(content, buffers, () => true) as { reply: Reply };
      return reply.error?.message ?? reply.body;
    };
    expect(await ask("verdicts", { layer: 1, held: 1 })).toEqual({ layer: 1, status: "done" });
    expect(await ask("verdict", { layer: 1, filter: 1 })).toEqual({ filter: 1 });
    const at = { image: 1, layer: 0 };
    expect([await ask("fields", { ...at, filter: 1 }), await ask("fields", { ...at, filter: 2 })]).toEqual([
      field("b"),
      field("a"),
    ]);
    for (const [name, args] of [
      ["verdict", { layer: 0, filter: 0 }],
      ["fields", { image: 0, layer: 0, filter: 0 }],
      ["fields", { image: 2, layer: 0, filter: 0 }],
      ["arithmetic", { image: 1, layer: 0, filter: 0 }],
      ["diagnose", { layer: 1 }],
    ] as const)
      expect(await ask(name, args)).toContain("takes the notebook");
  });

  it("answers of what drives a filter what was saved of it, and of several filters their strongest", async () => {
    const crop = (image: number, side: number) => ({ image, shape: [side, side, 1] });
    const top = async (crops: object[], values: number[], pixels: number[], layer = 1) =>
      packed(
        {
          kinds: {
            top: {
              ...{ layer, status: "done", number: 1, groups: [{ label: null, count: crops.length }], crops },
              ...{ values: { tensor: 0 }, pixels: { tensor: 1 } },
            },
          },
          distribution: { layer, edges: { tensor: 0 } },
        },
        [Float32Array.from(values), Uint8Array.from(pixels)],
      );
    const texts: Record<string, string> = {
      "exemplars-1-0": await top([crop(5, 2), crop(6, 1)], [4, 3], [1, 2, 3, 4, 9]),
      "exemplars-1-1": await top([], [], []),
      "exemplars-1-2": await top([crop(8, 1)], [2], [7]),
      "exemplars-0-0": await packed({ error: "sample 5: gone" }),
    };
    const kernel = new SavedKernel(new Parts((name) => texts[name] ?? null), OUTLINE);
    const ask = async (name: string, args: object) => {
      const [content, buffers] = await kernel.answer({ id: "p-1", name: name as never, args });
      const { reply } = decodeMessage(content, buffers, () => true) as { reply: Reply };
      return reply.error?.message ?? bodyOf(reply);
    };
    const at = { layer: 1, filter: 0, bin: 0, label: null };
    expect(await ask("exemplars", { ...at, kind: "top" })).toMatchObject({ crops: [crop(5, 2), crop(6, 1)] });
    expect(await ask("exemplars", { ...at, kind: "bin" })).toContain("takes the notebook");
    expect(await ask("exemplars", { ...at, layer: 0, kind: "top" })).toBe("sample 5: gone");
    expect(await ask("distribution", at)).toMatchObject({ layer: 1 });
    const best = await ask("best_crops", { layer: 1, filters: [2, 1, 0] });
    expect(best).toMatchObject({
      status: "done",
      filters: [2, 1, 0],
      groups: [{ count: 1 }, { count: 0 }, { count: 1 }],
      crops: [crop(8, 1), crop(5, 2)],
    });
    const { values, pixels } = best as unknown as {
      values: { data: Float32Array };
      pixels: { data: Uint8Array };
    };
    expect([[...values.data], [...pixels.data]]).toEqual([
      [2, 4],
      [7, 1, 2, 3, 4],
    ]);
  });

  it("shows the kernels of the image, where each image has its own", async () => {
    const maps = (values: number) => ({ values: { tensor: values }, ends: { tensor: 1 } });
    const kernels = (values: number, note: string) => ({
      ...{ kernels: maps(values), summed: null, notes: [note, note], bias: { tensor: values } },
    });
    const picture = { pre_activations: maps(0), activations: maps(0), own_channels: false };
    const response = {
      source: "input",
      channel: null,
      kernels: [0],
      maps: maps(0),
      note: "",
      agreement: null,
    };
    const arrays = [
      Float32Array.of(0.5),
      Float32Array.of(0, 1, 0, 0),
      Float32Array.of(7),
      Float32Array.of(8),
    ];
    const shapes = [
      [1, 1, 1],
      [1, 4],
      [1, 1, 1, 1],
      [1, 1, 1, 1],
    ];
    const part = (body: object) => packed(body, arrays, shapes);
    const texts: Record<string, string> = {
      "image-0": await packed({ planes: [{}], prediction: [] }),
      "image-1": await packed({ planes: [{}], prediction: [] }),
      "layer-0": await part({ rank: 2, activation_note: "", ...kernels(2, "the layer's") }),
      "maps-0-0": await part({ ...picture, responses: [response], own_kernels: null }),
      "maps-1-0": await part({ ...picture, responses: [response], own_kernels: kernels(3, "its own") }),
    };
    const kernel = new SavedKernel(new Parts((name) => texts[name] ?? null), OUTLINE);
    const at = { layer: 0, filter: 0, channel: null, source: "input", scale: "layer", plane: null };
    const shown = async (image: number) => {
      const args = { ...at, image, slice: null, kernel_slice: null };
      const [content, buffers] = await kernel.answer({ id: "p-1", name: "frame", args });
      const { reply } = decodeMessage(content, buffers, () => true) as { reply: Reply };
      expect(reply.error).toBeNull();
      const { notes } = reply.body as { notes: { kernel: string } };
      return [notes.kernel, reply.tensors.some(({ data }) => data[0] === 7 + image)];
    };
    expect(await shown(0)).toEqual(["the layer's", true]);
    expect(await shown(1)).toEqual(["its own", true]);
  });

  it("tells maxima as they were saved and means of what was, of a volume over all its slices", async () => {
    const tensors = [
      Float32Array.of(0.5),
      Float32Array.of(1, 2.9, 0, 0, -1, -0.5, 0, 0, 0, 1, 0, 0),
      Uint8Array.of(
        ...codesOf(Float32Array.of(2.9, 1), 0, 2.9),
        ...codesOf(Float32Array.of(-1, -0.5), -1, 1),
        ...codesOf(Float32Array.of(0, 1), 0, 1),
      ),
    ];
    const shapes = [
      [1, 1, 1, 1, 1],
      [3, 4],
      [3, 2, 1, 1],
    ];
    const picture = (tensor: number, end: number) => ({ values: { tensor }, ends: { tensor: end } });
    const kernels = { kernels: picture(0, 1), summed: null, notes: ["", ""], bias: { tensor: 0 } };
    const response = { source: "input", channel: null, kernels: [0], maps: picture(2, 1), note: "" };
    const part = (body: object) => packed(body, tensors, shapes);
    const texts: Record<string, string> = {
      "image-0": await packed({ planes: [{}], prediction: [] }),
      "layer-0": await part({ rank: 3, activation_note: "", ...kernels }),
      "maps-0-0": await part({
        activations: picture(2, 1),
        own_channels: false,
        responses: [{ ...response, agreement: null }],
        own_kernels: null,
      }),
    };
    const kernel = new SavedKernel(new Parts((name) => texts[name] ?? null), OUTLINE);
    const at = { image: 0, layer: 0, filter: 0, channel: null, source: "input", scale: "layer", plane: null };
    const args = { ...at, slice: 0, kernel_slice: null };
    const [content, buffers] = await kernel.answer({ id: "p-1", name: "frame", args });
    const { reply } = decodeMessage(content, buffers, () => true) as { reply: Reply };
    expect(reply.error).toBeNull();
    const { maximum, mean } = activityOf(decodeFrame(reply));
    expect([...maximum]).toEqual([Math.fround(2.9), -0.5, 1]);
    for (const [k, expected] of [1.95, -0.75, 0.5].entries()) expect(mean[k]).toBeCloseTo(expected, 1);
  });

  it("puts tensors into a reply from which the page takes them again", () => {
    const data = Float32Array.of(1, 2);
    const body = {
      picture: { tensor: { dtype: "float32", shape: [2], data }, encoding: "codes" },
      n: [null, 3],
    };
    const [content, buffers] = replyTo({ id: "a-1", name: "frame", args: {} }, body);
    const message = decodeMessage(content, buffers, () => true);
    expect(message).toMatchObject({ reply: { tensors: [{ dtype: "float32", data }] } });
  });

  it("has what the view asks of a model", () => {
    const theirs = new FakeModel();
    const ours = new SavedModel(OUTLINE, new SavedKernel(new Parts(() => null), OUTLINE));
    for (const name of ["get", "set", "save_changes", "on", "off", "send"])
      expect([typeof (theirs.model as never)[name], typeof ours[name as keyof SavedModel]]).toEqual([
        "function",
        "function",
      ]);
  });
});
