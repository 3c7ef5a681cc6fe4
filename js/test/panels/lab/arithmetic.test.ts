/** What the page computes of an edited kernel by itself is what Python then says, to the last digit. */

import { describe, expect, it } from "vitest";
import { withKernels } from "../../../src/panels/lab/edited_frame";
import { TRANSFORMS } from "../../../src/panels/lab/transforms";
import { decodeFrame, MAP_NAMES, pictureOf } from "../../../src/wire/frame";
import { decode } from "../../../src/wire/requests";
import { readFixture } from "../../wire/fixtures.mjs";
import { replyOf, type SentByPython } from "../../wire/sent";

interface Case {
  name: string;
  lab: SentByPython;
  frame: SentByPython;
  kernel: number[];
  edited: SentByPython;
}

describe("the page's own arithmetic", () => {
  const { cases } = readFixture<{ cases: Case[] }>("lab");

  it.each(cases)("is Python's: $name", ({ lab, frame, kernel, edited }) => {
    const filter = decode(replyOf("lab", lab));
    expect(filter.steps).not.toBeNull();
    const before = decodeFrame(replyOf("frame", frame));
    const after = decodeFrame(replyOf("frame", edited));
    const own = withKernels(before, filter, Float32Array.from(kernel))!;
    expect([...own.detail.kernel.data]).toEqual([...after.detail.kernel.data]);
    for (const name of MAP_NAMES) {
      expect(own.detail[name].shape).toEqual(after.detail[name].shape);
      expect([...own.detail[name].data]).toEqual([...after.detail[name].data].map((value) => value + 0));
      expect([...pictureOf(own, name).tensor.data]).toEqual([...pictureOf(after, name).tensor.data]);
      expect(pictureOf(own, name).ranges).toEqual(pictureOf(after, name).ranges);
    }
    // What it was made of is as it was.
    expect([...before.detail.kernel.data]).toEqual([
      ...decodeFrame(replyOf("frame", frame)).detail.kernel.data,
    ]);
  });
});

describe("what a button does to a kernel", () => {
  const shape = { height: 2, width: 2 };
  const values = Float32Array.of(1, 2, 3, 4);
  const own = Float32Array.of(0, 0, 3, 4);
  const apply = (name: string, of = values, size = shape) =>
    TRANSFORMS.find((one) => one.name === name)!.apply(of, size, own);

  it("turns counter-clockwise, flips and negates", () => {
    expect(apply("turn")).toEqual(Float32Array.of(2, 4, 1, 3));
    expect(apply("flip-columns")).toEqual(Float32Array.of(2, 1, 4, 3));
    expect(apply("flip-rows")).toEqual(Float32Array.of(3, 4, 1, 2));
    expect(apply("negate")).toEqual(Float32Array.of(-1, -2, -3, -4));
  });

  it("scales to a sum of 0 or 1 and to the size of the net's own", () => {
    expect(apply("sum-zero")).toEqual(Float32Array.of(-1.5, -0.5, 0.5, 1.5));
    expect(apply("sum-one")).toEqual(Float32Array.of(0.1, 0.2, 0.3, 0.4));
    const scaled = apply("own-norm") as Float32Array;
    expect(Math.hypot(...scaled)).toBeCloseTo(5, 5);
    expect(apply("noise")).not.toEqual(values);
  });

  it("says in a sentence what cannot be done", () => {
    expect(apply("turn", Float32Array.of(1, 2), { height: 1, width: 2 })).toContain("cannot be turned");
    expect(apply("sum-one", Float32Array.of(1, -1, 0, 0))).toContain("add up to 0");
    expect(apply("own-norm", new Float32Array(4))).toContain("All its numbers are 0");
  });
});
