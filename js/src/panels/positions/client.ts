/** What is asked about positions: fields while nobody waits for a picture, the rest when something is pinned. */

import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import type { Arithmetic, Fields, SidePicture } from "../../wire/positions";
import { type ArgsOf, decode, type ReplyTo, type RequestName } from "../../wire/requests";

/** Fields are kept of so many filters. */
const KEPT = 64;

/** What is asked of a pinned position. */
export type PinnedName = "arithmetic" | "effective" | "input";

export interface PositionsListener {
  /** The fields of the frame on screen have come. */
  fields(): void;
  arithmetic(arithmetic: Arithmetic): void;
  effective(picture: SidePicture): void;
  input(picture: SidePicture): void;
  /** Why there is no answer to one of these. */
  failed(name: PinnedName, sentence: string): void;
}

export class PositionsClient implements Listener {
  readonly #host: Host;
  readonly #listener: PositionsListener;
  readonly #client: Client;
  /** By what they depend on, the oldest first. */
  readonly #fields = new Map<string, Fields>();
  #asked = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, listener: PositionsListener) {
    this.#host = host;
    this.#listener = listener;
    this.#client = host.client(this, { patience: LOST_AFTER.positions, inFlight: 2 });
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
  }

  fieldsOf(frame: Frame): Fields | null {
    return this.#fields.get(keyOf(frame)) ?? null;
  }

  /** A new picture: its fields are asked for when it has stood for a moment, or `now`. */
  want(now = false): void {
    clearTimeout(this.#timer);
    const frame = this.#host.current();
    if (frame && this.#fields.has(keyOf(frame))) return;
    if (now) this.#askFields();
    else this.#timer = setTimeout(() => this.#askFields(), RESTS_AFTER.fields);
  }

  ask<Name extends PinnedName>(name: Name, args: ArgsOf<Name>): void {
    this.#client.ask(name, args);
  }

  /** Another position: answers about the one before are not wanted any more. */
  forget(): void {
    for (const name of ["arithmetic", "effective", "input"] as const) this.#client.forget(name);
  }

  /** The view is seen again. */
  resume(): void {
    this.#client.resume();
  }

  #askFields(): void {
    const frame = this.#host.current();
    if (!frame || this.#fields.has(keyOf(frame)) || this.#asked === keyOf(frame)) return;
    this.#asked = keyOf(frame);
    const { image, layer, filter } = frame;
    this.#client.ask("fields", { image, layer, filter });
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (!newest) return;
    if (reply.name === "fields") this.#keep(reply);
    else if (reply.error) this.#listener.failed(reply.name as PinnedName, reply.error.message);
    else if (reply.name === "arithmetic") this.#listener.arithmetic(decode(reply));
    else if (reply.name === "effective") this.#listener.effective(decode(reply));
    else if (reply.name === "input") this.#listener.input(decode(reply));
  }

  #keep(reply: ReplyTo<"fields">): void {
    const key = this.#asked;
    this.#asked = "";
    const fields: Fields = reply.error
      ? { revision: 0, fields: null, error: reply.error.message }
      : decode(reply);
    if (!fields.fields && !fields.error) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#askFields(), ASK_AGAIN_AFTER.fields);
      return;
    }
    this.#fields.set(key, fields);
    for (const old of [...this.#fields.keys()].slice(0, -KEPT)) this.#fields.delete(old);
    this.#listener.fields();
  }

  changed(): void {}

  refused(): void {}

  dispose(): void {
    clearTimeout(this.#timer);
    this.#client.dispose();
  }
}

/** What the fields depend on: the net, the filter, and the image's size. */
function keyOf({ revision, layer, filter, sample }: Frame): string {
  return [revision, layer, filter, ...sample.size].join();
}
