/** Messages as Python sends them, which stand in `tests/wire/`: the page reads what was meant. */

import { describe, expect, it } from "vitest";
import { progressInWords as scanProgressInWords } from "../../src/panels/exemplars/words";
import { boxInWords, fieldAt, fieldInWords } from "../../src/panels/positions/receptive_field";
import { progressInWords } from "../../src/panels/verdicts/words";
import { unpack } from "../../src/saved/replies";
import { decodeFrame, MAP_NAMES, pictureOf, rangeFor } from "../../src/wire/frame";
import { decodeMessage } from "../../src/wire/messages";
import { decode } from "../../src/wire/requests";
import { pixelsOf, tellsOfScans } from "../../src/wire/scans";
import { decodeStrip } from "../../src/wire/strip";
import { tellsOfVerdicts } from "../../src/wire/verdicts";
import { readFixture } from "./fixtures.mjs";
import { type Arrays, expectArrays, replyOf, type SentByPython } from "./sent";

const readSent = (name: string) => readFixture<Record<string, SentByPython>>(name);

describe("a frame", () => {
  const { describe: described, frame, held, filters } = readSent("frames");
  const coded = readSent("coded_frames");

  it("holds every picture, for the layer and for the filter, with its range and its words", () => {
    for (const sent of [frame!, coded.frame!]) {
      const decoded = decodeFrame(replyOf("frame", sent));
      expectArrays(decoded, sent.arrays);
      for (const name of MAP_NAMES) {
        expect(pictureOf(decoded, name).tensor.shape).toEqual([2, 3, 3]);
        expect(rangeFor(pictureOf(decoded, name), 1)).toMatchObject({ signed: name === "response" });
        expect(decoded.detail[name].shape).toEqual([3, 3]);
        expect(decoded.notes[name]).not.toBe("");
      }
    }
  });

  it("tells how strongly filters respond, where its maps do not", () => {
    expect(decodeFrame(replyOf("frame", frame!)).activity).toBeNull();
    const decoded = decodeFrame(replyOf("frame", coded.frame!));
    expect(decoded.activity!.maximum.shape).toEqual([2]);
    expect(decoded.activity!.mean.shape).toEqual([2]);
  });

  it("has what is known of codes beside them", () => {
    const { detail } = decodeFrame(replyOf("frame", coded.frame!));
    const sent = coded.frame!.content.body.detail as Record<string, { summary: object }>;
    for (const name of MAP_NAMES) {
      expect(detail[name].dtype).toBe("uint8");
      expect(detail[name].summary).toEqual(sent[name]!.summary);
    }
  });

  it("may leave out kernels that the page has", () => {
    const { kernels } = decodeFrame(replyOf("frame", frame!));
    const decoded = decodeFrame(replyOf("frame", held!), kernels);
    expectArrays(decoded, held!.arrays);
    expect(decoded.kernels).toBe(kernels);
    expect(decoded).toMatchObject({ scale: "map", source: "image", channel: 0, agreement: null });
    expect(decoded.responses.ranges).toHaveLength(2);
  });

  it("says which layers there are, and takes more filters", () => {
    expect(decode(replyOf("describe", described!))).toMatchObject({ images: 2, layers: [{ filters: 2 }] });
    for (const sent of [filters!, coded.filters!])
      expectArrays(decode(replyOf("filters", sent)), sent.arrays);
  });
});

describe("a strip", () => {
  it("holds its thumbnails, or leaves out those that the page has", () => {
    const { strip, held } = readSent("strips");
    const decoded = decodeStrip(replyOf("strip", strip!));
    expectArrays(decoded, strip!.arrays);
    expect(decoded).toMatchObject({ images: [0], labels: ["coat"], predicted: ["shirt"], total: 2 });
    expect(decodeStrip(replyOf("strip", held!), decoded)).toEqual(decoded);
  });
});

describe("positions", () => {
  interface At {
    position: number[];
    inside: [number, number][];
    theoretical: [number, number][];
    status: string;
    words: string;
  }
  const { arithmetic, fields } = readFixture<{
    arithmetic: SentByPython;
    fields: { name: string; sent: SentByPython; at: At[] }[];
  }>("positions");

  it("add up as they were sent", () => {
    const decoded = decode(replyOf("arithmetic", arithmetic));
    expectArrays(decoded, arithmetic.arrays);
    expect(decoded.agrees).toBe(true);
  });

  it.each(fields)("see what Python says they see: $name", ({ sent, at }) => {
    const decoded = decode(replyOf("fields", sent)).fields!.pre_activation;
    for (const { position, words, ...field } of at) {
      const read = fieldAt(decoded, position)!;
      expect({ position, ...read }).toEqual({ position, ...field });
      if (field.inside.length === 1) continue; // the page draws a signal without its one row
      const [inside, theoretical] = [read.inside, read.theoretical].map((spans) =>
        boxInWords(spans).replace("cols", "columns"),
      );
      expect(`${inside} (${field.status}); by the formula ${theoretical}`).toBe(words);
      expect(fieldInWords(read)).toContain(boxInWords(field.inside));
    }
  });
});

describe("verdicts", () => {
  it("are told for a layer, left out where the page has them, and none before the first diagnosis", () => {
    const { none, known, held } = readSent("verdicts");
    expect(decode(replyOf("verdicts", none!))).toMatchObject({ status: "none", filters: [] });
    expect(decode(replyOf("verdicts", known!))).toEqual(known!.content.body);
    expect(decode(replyOf("verdicts", held!))).toMatchObject({ filters: null, earlier: true, number: 3 });
  });
});

describe("a scan", () => {
  const { none, running, exemplars, cutting, distribution } = readSent("scans");

  it("says how far it is, and whether it is of this layer", () => {
    expect(decode(replyOf("scans", none!))).toMatchObject({ status: "none", fits: false, images: 0 });
    const told = decode(replyOf("scans", running!));
    expect(told).toEqual(running!.content.body);
    expect(told).toMatchObject({
      status: "running",
      fits: true,
      earlier: true,
      maps: "activation",
      number: 3,
    });
    expect(scanProgressInWords(told.progress!)).toBe("30 of 60 images · 3 s left");
  });

  it("gives exemplars in groups, each crop with its pixels", () => {
    const told = decode(replyOf("exemplars", exemplars!));
    expectArrays(told, exemplars!.arrays);
    expect(told.groups.map(({ label }) => label)).toEqual([0, 1, 2]);
    expect(told.groups.reduce((sum, { count }) => sum + count, 0)).toBe(told.crops.length);
    const pixels = pixelsOf(told);
    expect(pixels.map(({ shape }) => shape)).toEqual(told.crops.map(({ shape }) => shape));
    expect(pixels.every(({ shape, data }) => data.length === shape[0]! * shape[1]! * shape[2]!)).toBe(true);
    expect(pixels.reduce((sum, { data }) => sum + data.length, 0)).toBe(told.pixels!.data.length);
    expect(told.values!.data).toHaveLength(told.crops.length);
    for (const { box, shape } of told.crops)
      expect([box[2] - box[0], box[3] - box[1], 1]).toEqual([...shape]);
  });

  it("says that crops are being cut", () => {
    const told = decode(replyOf("exemplars", cutting!));
    expect(told).toMatchObject({ status: "running", crops: [], values: null });
    expect(pixelsOf(told)).toEqual([]);
  });

  it("tells how the maxima are distributed, and where the filter fires", () => {
    const told = decode(replyOf("distribution", distribution!));
    if (told.status !== "done") throw new Error("not there yet");
    expectArrays(told, distribution!.arrays);
    expect(told.counts.shape).toEqual([told.rows.length, told.edges.shape[0]! - 1]);
    const bins = told.counts.shape[1]!;
    const counted = told.rows.map((_, row) =>
      told.counts.data.subarray(row * bins, (row + 1) * bins).reduce((sum, count) => sum + count, 0),
    );
    expect(counted).toEqual(told.rows.map(({ images }) => images));
    expect(rangeFor(told.mean_map!, 0).maximum).toBeGreaterThan(0);
    expect(told.mean_map!.tensor.dtype).toBe("uint8");
  });
});

describe("the effects of filters", () => {
  it("come once they are there, and say until then how far they are", () => {
    const { effects, effects_begun } = readSent("verdicts");
    const decoded = decode(replyOf("filter_effects", effects!));
    expectArrays(decoded, effects!.arrays);
    expect(decoded).toMatchObject({ image: 1, layer: 0, status: "done", predicted: "coat", error: null });
    const begun = decode(replyOf("filter_effects", effects_begun!));
    expect(begun).toMatchObject({ status: "running", predicted: null, effects: null });
    expect(progressInWords(begun.progress)).toBe("without each filter: 1 of 3 · 13 a second · 1 s left");
  });
});

describe("messages without a body", () => {
  const { failure, skipped, changed, verdicts, scans, refused, packed } = readFixture<
    Record<"failure" | "skipped" | "changed" | "verdicts" | "scans" | "refused", object> & {
      packed: { text: string; arrays: Arrays; words: string };
    }
  >("envelopes");
  const read = (content: object) => decodeMessage(content, [], () => true);

  it("are known by their kinds", () => {
    expect(read(failure)).toMatchObject({
      reply: {
        name: "frame",
        error: { type: "ValueError", message: "filter is 9; conv1 has filters 0 … 3" },
      },
    });
    expect(read(skipped)).toMatchObject({ reply: { id: "page-7", skipped: true, error: null } });
    expect(read(changed)).toEqual({ kind: "changed", revision: 4 });
    expect(read(refused)).toEqual({ kind: "refused", message: "image_index is 99" });
    expect([tellsOfVerdicts(verdicts), tellsOfVerdicts(changed)]).toEqual([true, false]);
    expect([tellsOfScans(scans), tellsOfScans(verdicts)]).toEqual([true, false]);
  });

  it("a body that was packed as text comes back", async () => {
    const body = await unpack(packed.text);
    expectArrays(body, packed.arrays);
    expect(body).toMatchObject({ words: packed.words });
  });
});
