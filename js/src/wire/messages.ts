/**
 * The envelope of every message: the twin of `wire.py`. No other file here knows message kinds, dtypes or bytes; what
 * stands in a body, the file of its subject says (`frame.ts`, `strip.ts`, …), and `requests.ts` joins these.
 */

import { count, type Tensor } from "./tensor";

export interface Reply {
  readonly id: string;
  readonly name: string;
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

export function request(id: string, name: string, args: object): object {
  return { kind: "request", id, name, args };
}

/** Null for messages of others, and for a reply that `expects` does not know: other views get the same messages. */
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
    const values = tensors[tensor];
    if (!values) throw new ProtocolError("A reply lacks a tensor");
    return rest.encoding ? { ...rest, tensor: values } : { ...values, ...rest };
  };
  return filled(body);
}
