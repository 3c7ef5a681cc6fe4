/** A kernel and a model for tests: two small layers whose values tell which question they answer. */

import type { AnyModel } from "@anywidget/types";
import { codeOf } from "../../src/draw/codes";
import type { Traits } from "../../src/state/selection";
import type { FiltersArgs, FrameArgs } from "../../src/wire/frame";
import type { RequestName } from "../../src/wire/requests";
import { type Behaviour, LAYERS } from "./fake_net";
import { POINT_ANSWERS, type PointName, pointReply } from "./fake_positions";
import { SCAN_ANSWERS, type ScanName, scanReply } from "./fake_scans";
import { VERDICT_ANSWERS, type VerdictName, verdictReply } from "./fake_verdicts";

const SIGNED = {
  low: -4,
  high: 4,
  signed: true,
  minimum: -4,
  maximum: 4,
  nan: 0,
  infinite: 0,
  constant: false,
};
const POSITIVE = { ...SIGNED, low: 0, minimum: 0, signed: false };

/** The value of every cell of a filter's response: which image, layer and filter it is, to be read off the pixels. */
export function responseValue(args: Pick<FrameArgs, "image" | "layer" | "filter">): number {
  return (args.image % 4) - args.layer * 2 + args.filter * 0.25;
}

export function frameReply(
  id: string,
  args: FrameArgs,
  behaviour: Behaviour = {},
  name: "frame" | "prefetch" = "frame",
) {
  const tensors: { dtype: string; shape: number[] }[] = [];
  const buffers: DataView[] = [];
  const put = (data: Float32Array | Uint8Array, shape: number[]) => {
    const large = new Uint8Array(data.byteLength + 1); // one byte off: never aligned
    large.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 1);
    tensors.push({ dtype: data instanceof Float32Array ? "float32" : "uint8", shape });
    buffers.push(new DataView(large.buffer, 1, data.byteLength));
    return { tensor: tensors.length - 1 };
  };
  const filters = LAYERS[args.layer]?.filters ?? 1;
  const all = (size: number, value: (filter: number) => number) =>
    Float32Array.from({ length: filters * size }, (_, i) => value(Math.floor(i / size)));
  const summed = args.source === "input" && args.channel === null;
  const n = summed ? (LAYERS[args.layer]?.channels ?? 1) : 1;
  const kernels = Float32Array.from({ length: filters * n * 4 }, (_, i) => i / 4 - 1);
  const responses = all(16, (filter) => responseValue({ ...args, filter }));
  const activations = all(4, (filter) => filter);
  const picture = (data: Float32Array, shape: number[], range: object) =>
    behaviour.codes
      ? {
          ...put(new Uint8Array(data.length).fill(128), shape),
          encoding: "codes",
          reduced: 1,
          ranges: [range],
        }
      : { ...put(data, shape), encoding: "float32", reduced: 1, ranges: [range] };
  const of = (data: Float32Array, size: number) => data.slice(args.filter * size, (args.filter + 1) * size);
  const { kernels_held, ...asked } = args;
  const revision = behaviour.revision ?? 1;
  const kernelsOf = () =>
    behaviour.manyKernels
      ? picture(
          all(4, () => 2),
          [filters, 1, 2, 2],
          POSITIVE,
        )
      : picture(kernels, [filters, n, 2, 2], SIGNED);
  const body = {
    ...asked,
    cell_runs: behaviour.cellRuns ?? false,
    revision,
    images: behaviour.images ?? 0,
    sample: {
      label: behaviour.label === undefined ? "Coat" : behaviour.label,
      display: put(new Uint8Array(16).fill(args.image % 256), [4, 4]),
      size: [4 * (behaviour.reduced ?? 1), 4 * (behaviour.reduced ?? 1)],
      reduced: behaviour.reduced ?? 1,
      plane: behaviour.planes ? (args.plane ?? 0) : null,
      planes: behaviour.planes ?? 0,
      range: { low: 0, high: 1 },
      trial: false,
      note: "",
      prediction:
        behaviour.prediction === undefined
          ? [
              ["Shirt", 0.61],
              ["Coat", 0.3],
            ]
          : behaviour.prediction,
    },
    kernels: kernels_held === revision ? null : kernelsOf(),
    responses: picture(responses, [filters, 4, 4], SIGNED),
    activations: picture(activations, [filters, 2, 2], POSITIVE),
    detail: {
      kernel: put(of(kernels, n * 4), [n, 2, 2]),
      response: put(of(responses, 16), [4, 4]),
      activation: put(of(activations, 4), [2, 2]),
    },
    activity: behaviour.codes
      ? {
          maximum: put(
            all(1, (filter) => filter),
            [filters],
          ),
          mean: put(
            all(1, (filter) => -filter),
            [filters],
          ),
        }
      : null,
    agreement: summed
      ? {
          bias: put(
            all(1, (filter) => filter - 0.5),
            [filters],
          ),
          difference: put(
            all(1, () => behaviour.difference ?? 1e-7),
            [filters],
          ),
          rounding: put(
            all(1, () => 1e-3),
            [filters],
          ),
          dtype: "float32",
        }
      : null,
    notes: { kernel: "kernel 0 of 1", response: "over the image", activation: "conv → relu" },
  };
  const content = { kind: "reply", id, name, body, tensors } as {
    body: typeof body & { detail: Record<string, { tensor: number }> };
  };
  return { content, buffers };
}

type Handler = (...args: unknown[]) => void;
interface Sent {
  kind: string;
  id: string;
  name: RequestName;
  args: FrameArgs;
}

/** A model that records what is sent; a test answers when it wants, in the order it wants. */
export class FakeModel {
  readonly handlers = new Map<string, Set<Handler>>();
  sent: Sent[] = [];
  saves: Partial<Traits>[] = [];
  private unsaved: Partial<Traits> = {};
  behaviour: Behaviour = {};

  constructor(
    readonly traits: Traits = {
      image_index: 0,
      layer_index: 0,
      filter_index: 0,
      checkpoint_index: null,
      channel: null,
      source: "image",
    },
  ) {}

  get model(): AnyModel<Traits> {
    return this as unknown as AnyModel<Traits>;
  }

  get listeners(): number {
    return [...this.handlers.values()].reduce((sum, set) => sum + set.size, 0);
  }

  get<K extends keyof Traits>(key: K): Traits[K] {
    return this.traits[key];
  }

  set<K extends keyof Traits>(key: K, value: Traits[K]): void {
    if (this.traits[key] === value) return;
    this.traits[key] = value;
    this.unsaved[key] = value;
    this.emit(`change:${key}`);
  }

  save_changes(): void {
    this.saves.push(this.unsaved);
    this.unsaved = {};
  }

  on(name: string, handler: Handler): void {
    if (!this.handlers.has(name)) this.handlers.set(name, new Set());
    this.handlers.get(name)!.add(handler);
  }

  off(name: string, handler: Handler): void {
    this.handlers.get(name)?.delete(handler);
  }

  send(content: Sent): void {
    if (content.kind === "request") this.sent.push(content);
  }

  emit(name: string, ...args: unknown[]): void {
    for (const handler of [...(this.handlers.get(name) ?? [])]) handler(...args);
  }

  /** As Python does it: all values first, then one event each. */
  fromPython(traits: Partial<Traits>): void {
    Object.assign(this.traits, traits);
    for (const key of Object.keys(traits)) this.emit(`change:${key}`);
  }

  message(content: object, buffers: DataView[] = []): void {
    this.emit("msg:custom", content, buffers);
  }

  answer(request: Sent): void {
    this.sent = this.sent.filter((other) => other !== request);
    const { id, name } = request;
    if (name === "describe") {
      const body = {
        version: "0",
        checkpoints: this.behaviour.checkpoints ?? [],
        two_nets: this.behaviour.two_nets ?? false,
        revision: this.behaviour.revision ?? 1,
        images: 100,
        input: [1, 4, 4],
        layers: [...LAYERS], // as whatever is decoded anew
      };
      this.message({ kind: "reply", id, name, body, tensors: [] });
    } else if (name === "panels") {
      this.message({ kind: "reply", id, name, body: { modules: this.behaviour.modules ?? [] }, tensors: [] });
    } else if (this.behaviour.error) {
      this.message({
        kind: "reply",
        id,
        name,
        error: { type: "SampleError", message: this.behaviour.error },
      });
    } else if (name in POINT_ANSWERS) {
      const { content, buffers } = pointReply(id, name as PointName, request.args as never, this.behaviour);
      this.message(content, buffers);
    } else if (name in VERDICT_ANSWERS) {
      const { content, buffers } = verdictReply(
        id,
        name as VerdictName,
        request.args as never,
        this.behaviour,
      );
      this.message(content, buffers);
    } else if (name in SCAN_ANSWERS) {
      const { content, buffers } = scanReply(id, name as ScanName, request.args as never, this.behaviour);
      this.message(content, buffers);
    } else if (name === "prediction" || name === "filters") this.#answerMore(request);
    else {
      const { content, buffers } = frameReply(id, request.args, this.behaviour, name as "frame" | "prefetch");
      this.message(content, buffers);
    }
  }

  #answerMore({ id, name, args }: Sent): void {
    const revision = this.behaviour.revision ?? 1;
    if (name === "prediction") {
      const body = { revision, image: args.image, prediction: [["Bag", 0.5]] };
      this.message({ kind: "reply", id, name, body, tensors: [] });
      return;
    }
    const { filters, codes } = args as FiltersArgs;
    const tensors: { dtype: string; shape: number[] }[] = [];
    const buffers: DataView[] = [];
    const put = (shape: number[], value: number, coded = codes) => {
      const all = new Array<number>(shape.reduce((product, length) => product * length, 1)).fill(value);
      const data = coded ? Uint8Array.from(all, (one) => codeOf(one, -4, 4)) : Float32Array.from(all);
      tensors.push({ dtype: coded ? "uint8" : "float32", shape });
      buffers.push(new DataView(data.buffer));
      const summary = { minimum: value, maximum: value, nan: 0, infinite: 0 };
      return { tensor: tensors.length - 1, ...(coded && { summary }) };
    };
    const body = {
      revision,
      filters: filters.map((filter) => ({
        filter,
        kernel: put([1, 2, 2], filter, false),
        response: put([4, 4], responseValue({ ...args, filter })),
        activation: put([2, 2], filter),
      })),
    };
    this.message({ kind: "reply", id, name, body, tensors }, buffers);
  }

  /** Answers until nothing is asked any more. */
  answerAll(): void {
    while (this.sent.length > 0) this.answer(this.sent[0]!);
  }
}
