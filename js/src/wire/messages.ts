/** The wire, seen from the page: the twin of `wire.py`. No other file here knows message kinds, dtypes or bytes. */

import type { PointRequest } from "./positions";
import { type ByteTensor, count, type FloatTensor, type Tensor } from "./tensor";
import type { VerdictRequest } from "./verdicts";

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
  /** The revision of which the page has the layer's kernels: they are not sent again. */
  readonly kernels_held?: number | undefined;
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
  /** Null: not computed yet. */
  readonly prediction: Prediction | null;
}

/** That response + bias is the net's pre-activation, for each filter. */
export interface Agreement {
  readonly bias: FloatTensor;
  readonly difference: FloatTensor;
  /** Larger differences than this part of a map's largest value are no rounding in the net's dtype. */
  readonly rounding: number;
  readonly dtype: string;
}

export type Prediction = readonly (readonly [ClassName, number])[];

/** One filter's values, or the codes of these in the frame's ranges, which look the same. */
export interface Detail {
  readonly kernel: Tensor;
  readonly response: Tensor;
  readonly activation: Tensor;
}

export interface Frame extends FrameArgs {
  readonly revision: number;
  /** How many there are, as far as is known: a stream grows. */
  readonly images: number;
  readonly sample: Sample;
  readonly kernels: Picture;
  readonly responses: Picture;
  readonly activations: Picture;
  readonly detail: Detail;
  /** Of filters that were not selected when the frame was asked for; more may come. */
  readonly others: Map<number, Detail>;
  /** Whether the notebook runs a cell, which may change the weights at any moment. */
  readonly cell_runs: boolean;
  /** For each filter; null where the response is not the whole of what the layer computes. */
  readonly agreement: Agreement | null;
  readonly notes: { readonly kernel: string; readonly response: string; readonly activation: string };
}

/** The question for more of a frame's filters, maps as codes in its ranges or in full precision. */
export interface FiltersArgs extends FrameArgs {
  readonly filters: readonly number[];
  readonly codes: boolean;
}

/** The question a strip answers: one page of the images that match a filter. */
export interface StripArgs {
  /** The place of its first image among those that match. */
  readonly start: number;
  readonly count: number;
  readonly class: ClassName | null;
  readonly outcome: Outcome | null;
  /** The `pictures` that the page has: they are not sent again. */
  readonly held?: number | undefined;
}

export type Outcome = "right" | "wrong";

export interface Strip {
  readonly revision: number;
  readonly start: number;
  readonly images: readonly number[];
  readonly labels: readonly (ClassName | null)[];
  /** Null: not known yet. */
  readonly predicted: readonly (ClassName | null)[];
  /** A number for the thumbnails. */
  readonly pictures: number;
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

export type RequestName =
  | "describe"
  | "frame"
  | "ahead"
  | "prediction"
  | "filters"
  | "strip"
  | "panels"
  | PointRequest
  | VerdictRequest;

export interface Reply {
  readonly id: string;
  readonly name: RequestName;
  readonly body: unknown;
  readonly tensors: readonly Tensor[];
  readonly error: { readonly type: string; readonly message: string } | null;
  /** A newer question was answered instead. */
  readonly skipped?: boolean;
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
  const { id, name, error = null, skipped = false } = message as unknown as Reply;
  const empty = { id, name, body: null, tensors: [] };
  if (error || skipped) return { ...empty, error, skipped };
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
  if (dtype !== "float32" && dtype !== "uint8") throw new ProtocolError(`unknown dtype ${dtype}`);
  const bytes = bytesOf(buffer);
  const length = count(shape);
  const expected = length * (dtype === "float32" ? 4 : 1);
  if (bytes.byteLength !== expected) {
    throw new ProtocolError(`A ${dtype} tensor needs ${expected} bytes, but ${bytes.byteLength} came.`);
  }
  if (dtype === "uint8") return { dtype, shape, data: bytes };
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return { dtype, shape, data: new Float32Array(aligned.buffer, aligned.byteOffset, length) };
}

function bytesOf(buffer: unknown): Uint8Array {
  if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  if (buffer instanceof ArrayBuffer) return new Uint8Array(buffer);
  throw new ProtocolError("A reply lacks a buffer");
}

export function decodeDescription(reply: Reply): Description {
  return bodyOf(reply);
}

/** The text of the page's second module. */
export function decodeModule(reply: Reply): string {
  return bodyOf<{ module: string }>(reply).module;
}

/** `kernels`: those that the page holds, for a reply that leaves them out. */
export function decodeFrame(reply: Reply, kernels?: Picture): Frame {
  const frame = bodyOf<Frame>(reply);
  return { ...frame, kernels: frame.kernels ?? kernels, others: new Map() };
}

export function decodePrediction(reply: Reply): { revision: number; prediction: Prediction } {
  return bodyOf(reply);
}

/** More filters of a frame. */
export interface Filters {
  readonly revision: number;
  readonly filters: readonly (Detail & { readonly filter: number })[];
}

export function decodeFilters(reply: Reply): Filters {
  return bodyOf(reply);
}

/** `before`: the strip that the page holds, whose thumbnails a reply may leave out. */
export function decodeStrip(reply: Reply, before?: Strip): Strip {
  const strip = bodyOf<Strip>(reply);
  return { ...strip, thumbs: strip.thumbs ?? before?.thumbs };
}

export function bodyOf<T>({ body, name, tensors }: Reply): T {
  if (typeof body !== "object" || body === null) throw new ProtocolError(`A reply without ${name}`);
  return filledWith(tensors, body) as T;
}

/** A body, in which each `{tensor: k}` becomes the tensor with what else is said of it; in a picture, its `tensor`. */
export function filledWith(tensors: readonly Tensor[], body: object): unknown {
  const filled = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(filled);
    const { tensor, ...rest } = Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, filled(part)]),
    );
    if (typeof tensor !== "number") return rest;
    const found = tensors[tensor];
    if (!found) throw new ProtocolError("A reply lacks a tensor");
    return rest.encoding ? { ...rest, tensor: found } : { ...found, ...rest };
  };
  return filled(body);
}
