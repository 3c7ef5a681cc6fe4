/** Messages that Python sent, and what their arrays hold. */

import { expect } from "vitest";
import { decodeMessage } from "../../src/wire/messages";
import type { ReplyTo, RequestName } from "../../src/wire/requests";
import type { Tensor } from "../../src/wire/tensor";

/** JSON has neither NaN nor infinity: they stand as strings. */
export type Value = number | string;

interface ArrayInWords {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values?: readonly Value[];
  /** Of a large one. */
  readonly sum?: number;
  readonly first?: readonly Value[];
}

export type Arrays = Readonly<Record<string, ArrayInWords>>;

export interface SentByPython {
  readonly content: { readonly body: Record<string, unknown> };
  /** Base64. */
  readonly buffers: readonly string[];
  /** By their paths in the decoded body. */
  readonly arrays: Arrays;
}

/** Decoded from buffers that are windows into larger ones, at an odd offset: the worst that a host may give. */
export function replyOf<Name extends RequestName>(_name: Name, sent: SentByPython): ReplyTo<Name> {
  const buffers = sent.buffers.map((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const large = new Uint8Array(bytes.length + 1);
    large.set(bytes, 1);
    return new DataView(large.buffer, 1, bytes.length);
  });
  const message = decodeMessage(sent.content, buffers, () => true);
  if (message?.kind !== "reply") throw new Error("no reply");
  return message.reply as unknown as ReplyTo<Name>;
}

export function expectArrays(body: unknown, arrays: Arrays): void {
  for (const [path, { dtype, shape, values, sum, first }] of Object.entries(arrays)) {
    const at = path.split(".").reduce((value, key) => (value as Record<string, unknown>)[key], body);
    const tensor = at as Tensor;
    expect({ path, dtype: tensor.dtype, shape: tensor.shape }).toEqual({ path, dtype, shape });
    const numbers = [...tensor.data];
    if (values) expect({ path, values: numbers }).toEqual({ path, values: values.map(Number) });
    else {
      expect(numbers.reduce((total, value) => total + value, 0)).toBe(sum);
      expect(numbers.slice(0, first!.length)).toEqual(first!.map(Number));
    }
  }
}
