/** The wire, seen from the page: the twin of `wire.py`. No other file here knows message kinds, dtypes or bytes. */

import { type ByteTensor, count, type FloatTensor, type Tensor } from "./tensor";

export type Source = "image" | "input";
export type Scale = "layer" | "map";
export type ClassName = string | number;

export interface LayerInfo {
  readonly name: string;
  readonly call: number;
  readonly title: string;
  readonly filters: number;
  readonly channels: number;
  readonly kernel: readonly number[];
  readonly out_shape: readonly number[];
  readonly activation_name: string;
}

export interface Description {
  readonly version: string;
  readonly revision: number;
  readonly images: number | null;
  readonly input: readonly number[];
  readonly layers: readonly LayerInfo[];
}

/** Which slice of a volume is drawn; null is the middle one. */
export interface Slices {
  readonly slice: number | null;
  readonly kernel_slice: number | null;
}

/** The question a frame answers. */
export interface FrameArgs extends Slices {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly channel: number | null;
  readonly source: Source;
  readonly scale: Scale;
  /** Which channel of the image is drawn where they cannot be drawn together; null: the one the kernel looks at. */
  readonly plane: number | null;
}

export interface Range {
  readonly low: number;
  readonly high: number;
  readonly signed: boolean;
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly nan: number;
  readonly infinite: number;
  readonly constant: boolean;
}

/** One map or kernel a filter, for all filters of a layer. */
export interface Picture {
  readonly tensor: Tensor;
  readonly encoding: "float32" | "codes";
  /** 1 is full resolution; else each value stands for a block of reduced × reduced. */
  readonly reduced: number;
  /** One for the layer, or one a filter. */
  readonly ranges: readonly Range[];
}

export interface Sample {
  readonly label: ClassName | null;
  readonly display: ByteTensor;
  /** Rows and columns of the whole image; of a large one `display` holds the means of reduced × reduced pixels. */
  readonly size: readonly [number, number];
  readonly reduced: number;
  /** The channel that is drawn, of so many; null and 0 where they are drawn together. */
  readonly plane: number | null;
  readonly planes: number;
  readonly range: { readonly low: number; readonly high: number };
  readonly note: string;
  readonly prediction: readonly (readonly [ClassName, number])[];
}

/** That response + bias is the net's pre-activation, for each filter. */
export interface Agreement {
  readonly bias: FloatTensor;
  readonly difference: FloatTensor;
  /** Larger differences than this part of a map's largest value are no rounding in the net's dtype. */
  readonly rounding: number;
  readonly dtype: string;
}

export interface Frame extends FrameArgs {
  readonly revision: number;
  /** How many there are, as far as is known: a stream grows. */
  readonly images: number;
  readonly sample: Sample;
  readonly kernels: Picture;
  readonly responses: Picture;
  readonly activations: Picture;
  readonly detail: {
    readonly kernel: FloatTensor;
    readonly response: FloatTensor;
    readonly activation: FloatTensor;
  };
  /** For each filter; null where the response is not the whole of what the layer computes. */
  readonly agreement: Agreement | null;
  readonly notes: { readonly kernel: string; readonly response: string; readonly activation: string };
}

/** The question a strip answers: one page of the images that match a filter. */
export interface StripArgs {
  /** The place of its first image among those that match. */
  readonly start: number;
  readonly count: number;
  readonly class: ClassName | null;
  readonly outcome: Outcome | null;
}

export type Outcome = "right" | "wrong";

export interface Strip {
  readonly revision: number;
  readonly start: number;
  readonly images: readonly number[];
  readonly labels: readonly (ClassName | null)[];
  /** Null: not known yet. */
  readonly predicted: readonly (ClassName | null)[];
  /** (n, side, side, 3) */
  readonly thumbs: ByteTensor;
  /** Height and width of the part of each box that is image; it lies in the middle. */
  readonly sizes: readonly (readonly [number, number])[];
  /** A sentence where the image cannot be read. */
  readonly errors: readonly (string | null)[];
  /** How many match, as far as is known. */
  readonly matching: number;
  readonly total: number;
  readonly classes: readonly ClassName[];
  readonly survey: {
    readonly done: number;
    readonly total: number;
    readonly running: boolean;
    readonly needed: boolean;
    readonly error: string | null;
  };
}

export type RequestName = "describe" | "frame" | "strip";

export interface Reply {
  readonly id: string;
  readonly name: RequestName;
  readonly body: unknown;
  readonly tensors: readonly Tensor[];
  readonly error: { readonly type: string; readonly message: string } | null;
}

export type Message =
  | { readonly kind: "reply"; readonly reply: Reply }
  | { readonly kind: "changed"; readonly revision: number }
  | { readonly kind: "refused"; readonly message: string };

export class ProtocolError extends Error {}

type Json = Record<string, unknown>;

export function request(id: string, name: RequestName, args: object): object {
  return { kind: "request", id, name, args };
}

/** Null for what is no message of ours, or a reply that `expects` does not know: other views get the same messages. */
export function decodeMessage(
  content: unknown,
  buffers: readonly unknown[],
  expects: (id: string) => boolean,
): Message | null {
  if (typeof content !== "object" || content === null) return null;
  const message = content as Json;
  if (message.kind === "changed") return { kind: "changed", revision: Number(message.revision) };
  if (message.kind === "refused") return { kind: "refused", message: String(message.message) };
  if (message.kind !== "reply" || typeof message.id !== "string" || !expects(message.id)) return null;
  return { kind: "reply", reply: decodeReply(message, buffers) };
}

function decodeReply(message: Json, buffers: readonly unknown[]): Reply {
  const { id, name, error = null } = message as unknown as Reply;
  const empty = { id, name, body: null, tensors: [] };
  if (error) return { ...empty, error };
  try {
    const heads = (message.tensors ?? []) as { dtype: string; shape: number[] }[];
    const tensors = heads.map((head, k) => decodeTensor(head, buffers[k]));
    return { ...empty, body: message.body, tensors, error };
  } catch (failed) {
    return { ...empty, error: { type: "ProtocolError", message: (failed as Error).message } };
  }
}

/** A buffer may be a window into a larger one, at any offset: Float32Array needs a multiple of four, else a copy. */
export function decodeTensor(head: { dtype: string; shape: number[] }, buffer: unknown): Tensor {
  const { dtype, shape } = head;
  if (dtype !== "float32" && dtype !== "uint8")
    throw new ProtocolError(`A tensor has the unknown dtype ${dtype}.`);
  const bytes = bytesOf(buffer);
  const length = count(shape);
  const expected = length * (dtype === "float32" ? 4 : 1);
  if (bytes.byteLength !== expected) {
    throw new ProtocolError(
      `A ${dtype} tensor of shape (${shape.join(", ")}) needs ${expected} bytes, but ${bytes.byteLength} came.`,
    );
  }
  if (dtype === "uint8") return { dtype, shape, data: bytes };
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return { dtype, shape, data: new Float32Array(aligned.buffer, aligned.byteOffset, length) };
}

function bytesOf(buffer: unknown): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  throw new ProtocolError("A reply came without one of its buffers.");
}

export function decodeDescription(reply: Reply): Description {
  const body = objectIn(reply.body, "describe");
  if (!Array.isArray(body.layers)) throw new ProtocolError("The description of the net lists no layers.");
  return body as unknown as Description;
}

export function decodeFrame(reply: Reply): Frame {
  const body = objectIn(reply.body, "frame");
  const tensor = (reference: unknown) => tensorAt(reply, reference);
  const picture = (name: string): Picture => {
    const part = objectIn(body[name], name);
    return { ...(part as unknown as Picture), tensor: tensor(part) };
  };
  const sample = objectIn(body.sample, "sample");
  const detail = objectIn(body.detail, "detail");
  const agreement = body.agreement as Json | null | undefined;
  return {
    ...(body as unknown as Frame),
    sample: { ...(sample as unknown as Sample), display: bytesIn(tensor(sample.display), "display") },
    kernels: picture("kernels"),
    responses: picture("responses"),
    activations: picture("activations"),
    detail: {
      kernel: floatsIn(tensor(detail.kernel), "kernel"),
      response: floatsIn(tensor(detail.response), "response"),
      activation: floatsIn(tensor(detail.activation), "activation"),
    },
    agreement: agreement
      ? {
          bias: floatsIn(tensor(agreement.bias), "bias"),
          difference: floatsIn(tensor(agreement.difference), "difference"),
          rounding: Number(agreement.rounding),
          dtype: String(agreement.dtype),
        }
      : null,
  };
}

export function decodeStrip(reply: Reply): Strip {
  const body = objectIn(reply.body, "strip");
  return { ...(body as unknown as Strip), thumbs: bytesIn(tensorAt(reply, body.thumbs), "thumbs") };
}

function objectIn(value: unknown, name: string): Json {
  if (typeof value !== "object" || value === null) throw new ProtocolError(`A reply came without "${name}".`);
  return value as Json;
}

function tensorAt(reply: Reply, reference: unknown): Tensor {
  const index = objectIn(reference, "tensor").tensor;
  const tensor = typeof index === "number" ? reply.tensors[index] : undefined;
  if (!tensor) throw new ProtocolError("A reply refers to a tensor that did not come with it.");
  return tensor;
}

function floatsIn(tensor: Tensor, name: string): FloatTensor {
  if (tensor.dtype !== "float32") throw new ProtocolError(`"${name}" must be float32.`);
  return tensor;
}

function bytesIn(tensor: Tensor, name: string): ByteTensor {
  if (tensor.dtype !== "uint8") throw new ProtocolError(`"${name}" must be uint8.`);
  return tensor;
}
