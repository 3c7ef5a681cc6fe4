import { describe, expect, it } from "vitest";
import { decodeFrame } from "../../src/wire/frame";
import { decodeMessage, decodeTensor, type Message } from "../../src/wire/messages";
import { frameReply } from "../support/fake_kernel";

const all = () => true;

function replyOf(message: Message | null) {
  if (message?.kind !== "reply") throw new Error("not a reply");
  return message.reply;
}

/** The bytes somewhere inside a larger buffer, with other bytes around them. */
function window(bytes: Uint8Array, offset: number): DataView {
  const large = new Uint8Array(bytes.length + offset + 5).fill(0xee);
  large.set(bytes, offset);
  return new DataView(large.buffer, offset, bytes.length);
}

describe("decodeTensor", () => {
  const values = Float32Array.of(1.5, -2, Number.NaN, Number.POSITIVE_INFINITY);
  const bytes = new Uint8Array(values.buffer);

  it.each([0, 1, 2, 3, 4, 7])("reads float32 from a window at byte %i", (offset) => {
    const tensor = decodeTensor({ dtype: "float32", shape: [2, 2] }, window(bytes, offset));
    expect(tensor.data).toEqual(values);
    expect(tensor.shape).toEqual([2, 2]);
  });

  it("reads uint8 from a window and nothing around it", () => {
    const tensor = decodeTensor({ dtype: "uint8", shape: [3] }, window(Uint8Array.of(7, 8, 9), 3));
    expect([...tensor.data]).toEqual([7, 8, 9]);
  });

  it("refuses a buffer of another length than the shape says", () => {
    expect(() => decodeTensor({ dtype: "float32", shape: [5] }, window(bytes, 0))).toThrow(
      "needs 20 bytes, but 16 came",
    );
  });

  it("refuses a dtype it does not know and a buffer that did not come", () => {
    expect(() => decodeTensor({ dtype: "float64", shape: [2] }, window(bytes, 0))).toThrow("unknown dtype");
    expect(() => decodeTensor({ dtype: "uint8", shape: [2] }, undefined)).toThrow("lacks a buffer");
  });
});

describe("decodeMessage", () => {
  it("ignores what is not for this page", () => {
    expect(decodeMessage(null, [], all)).toBeNull();
    expect(decodeMessage({ kind: "other" }, [], all)).toBeNull();
    expect(
      decodeMessage({ kind: "reply", id: "b-1", name: "frame", body: {} }, [], (id) => id === "a-1"),
    ).toBeNull();
  });

  it("turns a broken reply into an error that names it, not an exception", () => {
    const content = {
      kind: "reply",
      id: "a",
      name: "frame",
      body: {},
      tensors: [{ dtype: "uint8", shape: [4] }],
    };
    const reply = replyOf(decodeMessage(content, [new DataView(new ArrayBuffer(3))], all));
    expect(reply.error?.message).toContain("needs 4 bytes, but 3 came");
  });

  it("hands an error on as it came", () => {
    const error = { type: "SampleError", message: "image 3 is broken" };
    expect(replyOf(decodeMessage({ kind: "reply", id: "a", name: "frame", error }, [], all)).error).toEqual(
      error,
    );
  });
});

describe("decodeFrame", () => {
  const shown = {
    image: 2,
    layer: 0,
    filter: 1,
    channel: null,
    source: "image",
    checkpoint: null,
    scale: "layer",
  } as const;
  const args = { ...shown, plane: null, slice: null, kernel_slice: null };

  it("puts every tensor in the place that refers to it", () => {
    const { content, buffers } = frameReply("a", args);
    const frame = decodeFrame(replyOf(decodeMessage(content, buffers, all)));
    expect(frame.filter).toBe(1);
    expect(frame.kernels.tensor.shape).toEqual([3, 1, 2, 2]);
    expect(frame.responses.tensor.shape).toEqual([3, 4, 4]);
    expect(frame.detail.activation.shape).toEqual([2, 2]);
    expect(frame.sample.display.dtype).toBe("uint8");
    expect([...frame.detail.kernel.data]).toEqual([...frame.kernels.tensor.data.subarray(4, 8)]);
  });

  it("says which tensor is missing", () => {
    const { content, buffers } = frameReply("a", args);
    content.body.detail.response = { tensor: 99 };
    const reply = replyOf(decodeMessage(content, buffers, all));
    expect(() => decodeFrame(reply)).toThrow("lacks a tensor");
  });
});
