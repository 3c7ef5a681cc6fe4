/** A filter's kernels between the person and Python: which numbers stand in the cells, and when. */

import { describe, expect, it } from "vitest";
import { KernelTrial } from "../../../src/panels/lab/kernel_trial";
import type { Bench } from "../../../src/panels/lab/part";
import type { ReplyTo, RequestName } from "../../../src/wire/requests";

const AT = { image: 0, layer: 0, filter: 1 };
const floats = (...data: number[]) => ({
  dtype: "float32",
  shape: [1, 1, data.length],
  data: Float32Array.from(data),
});

function bench() {
  const frame = { ...AT, revision: 1, detail: { kernel: { dtype: "float16" } } }; // nothing to paint by itself
  const sent: [string, object][] = [];
  const cells: number[][] = [];
  const says: string[] = [];
  const trial = new KernelTrial(
    {
      host: { paint: () => {} },
      ask: (name: string, args: object) => sent.push([name, args]),
      frame: () => frame,
      layerName: () => "conv1",
      after: (_name: string, _delay: number, act: () => void) => act(),
    } as unknown as Bench,
    {
      changed: () => cells.push([...trial.kernels]),
      other: () => {},
      settled: () => {},
      gone: () => {},
      say: (sentence) => says.push(sentence),
    },
  );
  const reply = (name: RequestName, body: object, ...tensors: object[]) =>
    trial.reply({ name, body, tensors } as unknown as ReplyTo<RequestName>, true);
  const history = { revision: 1, edits: [], can_undo: true, can_redo: false };
  const take = (why_not: string) =>
    reply(
      "lab",
      { ...history, ...AT, why_not, own: { tensor: 0 }, kernels: { tensor: 1 } },
      floats(1, 2),
      floats(3, 4),
    );
  take("");
  return { trial, cells, says, sent, reply, take, history };
}

describe("a step back", () => {
  it("shows the numbers that stand again as soon as it is answered, before another frame comes", () => {
    const { trial, cells, sent, reply, history } = bench();
    expect(cells.at(-1)).toEqual([3, 4]);
    trial.go("undo");
    expect(sent.at(-1)).toEqual(["lab_history", { ...AT, step: "undo" }]);
    reply(
      "lab_history",
      { ...history, revision: 2, layer: 0, filter: 1, kernels: { tensor: 0 } },
      floats(1, 2),
    );
    expect(cells.at(-1)).toEqual([1, 2]);
  });

  it("of another filter leaves the cells as they are", () => {
    const { trial, cells, reply, history } = bench();
    trial.go("reset");
    reply(
      "lab_history",
      { ...history, revision: 2, layer: 0, filter: 5, kernels: { tensor: 0 } },
      floats(1, 2),
    );
    expect(cells.at(-1)).toEqual([3, 4]);
  });

  it("waits for a number that is on its way, and then shows what stands", () => {
    const { trial, cells, sent, reply, history } = bench();
    trial.change([0], "", () => Float32Array.of(5, 6));
    trial.go("undo");
    expect(sent.at(-1)![0]).toBe("edit_kernel");
    reply("edit_kernel", { ...history, revision: 2 });
    expect(sent.at(-1)![0]).toBe("lab_history");
    reply(
      "lab_history",
      { ...history, revision: 3, layer: 0, filter: 1, kernels: { tensor: 0 } },
      floats(3, 4),
    );
    expect(cells.at(-1)).toEqual([3, 4]);
  });
});

describe("what is said", () => {
  it("of a wrong number stands whatever is answered, until it is another reason", () => {
    const { says, take } = bench();
    const before = says.length;
    take("");
    expect(says.length).toBe(before);
    take("it is computed");
    take("it is computed");
    take("");
    expect(says.slice(before)).toEqual(["it is computed", ""]);
  });
});
