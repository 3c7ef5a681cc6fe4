import { describe, expect, it } from "vitest";
import { Frames, withFilter } from "../../src/state/frames";
import { decodeFrame, type FrameArgs } from "../../src/wire/frame";
import { decodeMessage } from "../../src/wire/messages";
import { frameReply } from "../support/fake_kernel";
import type { Behaviour } from "../support/fake_net";

const ARGS: FrameArgs = {
  image: 0,
  layer: 0,
  filter: 0,
  channel: null,
  source: "image",
  checkpoint: null,
  scale: "layer",
  plane: null,
  slice: null,
  kernel_slice: null,
};

function frameOf(change: Partial<FrameArgs> = {}, behaviour: Behaviour = {}) {
  const { content, buffers } = frameReply("a", { ...ARGS, ...change }, behaviour);
  const message = decodeMessage(content, buffers, () => true);
  if (message?.kind !== "reply") throw new Error("not a reply");
  return decodeFrame(message.reply);
}

describe("withFilter", () => {
  it("gives what the kernel would have sent for that filter", () => {
    const asked = frameOf({ filter: 2 });
    const moved = withFilter(frameOf({ filter: 0 }), 2);
    expect(moved?.filter).toBe(2);
    expect(moved?.detail).toEqual(asked.detail);
  });

  it("cannot where codes or reduced maps are held, or the filter is not there", () => {
    expect(withFilter(frameOf({}, { codes: true }), 2)).toBeNull();
    const frame = frameOf();
    expect(withFilter({ ...frame, responses: { ...frame.responses, reduced: 2 } }, 2)).toBeNull();
    expect(withFilter(frame, 3)).toBeNull();
  });
});

describe("Frames", () => {
  it("answers only the same question, at the same revision or newer", () => {
    const frames = new Frames(1e6);
    frames.add(frameOf({ image: 1 }, { revision: 3 }));
    expect(frames.answer({ ...ARGS, image: 1, filter: 2 }, 3)?.filter).toBe(2);
    expect(frames.answer({ ...ARGS, image: 1 }, 4)).toBeNull();
    for (const other of [
      { image: 2 },
      { layer: 1 },
      { channel: 0 },
      { source: "input" },
      { checkpoint: 2 },
      { scale: "map" },
      { slice: 2 },
      { kernel_slice: 0 },
    ] as const) {
      expect(frames.answer({ ...ARGS, image: 1, ...other }, 3)).toBeNull();
    }
  });

  it("drops the least recently used beyond its bytes, and all when cleared", () => {
    const size = 12 * 4 + 48 * 4 + 12 * 4 + (4 + 16 + 4) * 4 + 16;
    const frames = new Frames(2 * size);
    frames.add(frameOf({ image: 1 }));
    frames.add(frameOf({ image: 2 }));
    frames.answer({ ...ARGS, image: 1 }, 0);
    frames.add(frameOf({ image: 3 }));
    expect(frames.answer({ ...ARGS, image: 2 }, 0)).toBeNull();
    expect(frames.answer({ ...ARGS, image: 1 }, 0)?.image).toBe(1);
    expect(frames.answer({ ...ARGS, image: 3 }, 0)?.image).toBe(3);
    frames.clear();
    expect(frames.answer({ ...ARGS, image: 3 }, 0)).toBeNull();
  });
});
