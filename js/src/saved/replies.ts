/** The wire, seen from whoever answers a view: the other half of `messages.ts`, and what `wire.packed` made text of. */

import { decodeTensor, filledWith } from "../wire/messages";
import type { RequestName } from "../wire/requests";
import { count, type Tensor } from "../wire/tensor";

const WIDTHS: Readonly<Record<string, number>> = { uint8: 1, uint16: 2, float32: 4 };

/** What a view asks, as whoever answers it reads it; null for anything else. */
export interface Request {
  readonly id: string;
  readonly name: RequestName;
  readonly args: object;
}

/** A message to a view: its content and buffers. */
export type Sent = readonly [content: object, buffers: readonly DataView[]];

export function readRequest(content: unknown): Request | null {
  const message = content as Record<string, unknown>;
  return message.kind === "request" ? (message as unknown as Request) : null;
}

/** A reply whose body may hold tensors anywhere: what `wire.reply` makes in Python. */
export function replyTo({ id, name }: Request, body: object): Sent {
  const heads: object[] = [];
  const buffers: DataView[] = [];
  const put = ({ dtype, shape, data }: Tensor) => {
    buffers.push(new DataView(data.buffer, data.byteOffset, data.byteLength));
    return heads.push({ dtype, shape }) - 1;
  };
  const emptied = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(emptied);
    const { dtype, shape, data, ...rest } = value as Tensor;
    if (ArrayBuffer.isView(data)) return { tensor: put(value as Tensor), ...rest };
    const entries = Object.entries(value).map(([key, part]) => [
      key,
      key === "tensor" ? put(part as Tensor) : emptied(part),
    ]);
    return Object.fromEntries(entries);
  };
  return [{ kind: "reply", id, name, body: emptied(body), tensors: heads }, buffers];
}

export function refusalOf({ id, name }: Request, { message }: Error): Sent {
  return [{ kind: "reply", id, name, error: { type: "Error", message } }, []];
}

export function changedMessage(revision: number): object {
  return { kind: "changed", revision };
}

export function refusedMessage(message: string): object {
  return { kind: "refused", message };
}

/** A body that `wire.packed` made text of. */
export async function unpack(text: string): Promise<unknown> {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const { body, tensors } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let place = 4 + length;
  const unpacked = (tensors as { dtype: string; shape: number[] }[]).map((head) => {
    const bytes = count(head.shape) * (WIDTHS[head.dtype] ?? 0);
    place += bytes;
    const part = new Uint8Array(buffer, place - bytes, bytes);
    if (head.dtype !== "uint16") return decodeTensor(head, part);
    return { ...head, data: new Uint16Array(part.slice().buffer) };
  });
  return filledWith(unpacked as Tensor[], body);
}
