/** What is asked about positions: fields ahead, while nobody waits for a picture; the rest when something is pinned. */

import type { Host } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame, Reply } from "../../wire/messages";
import {
  type Arithmetic,
  decodeArithmetic,
  decodeFields,
  decodeSidePicture,
  type Fields,
  type PositionArgs,
  type SidePicture,
} from "../../wire/positions";

/** After a move the person is given time to go on. */
const REST = 300;
/** When a search that gave way to something else is asked for again. */
const AGAIN = 700;
const PATIENCE = 20_000;
const HELD = 64;

export interface PointListener {
  /** The fields of the frame on screen have come. */
  fields(): void;
  arithmetic(found: Arithmetic): void;
  effective(found: SidePicture): void;
  input(found: SidePicture): void;
  /** Why there is no answer to one of these. */
  failed(name: "arithmetic" | "effective" | "input", sentence: string): void;
}

export class PointClient implements Listener {
  readonly #host: Host;
  readonly #listener: PointListener;
  readonly #client: Client;
  /** By what they depend on, the oldest first. */
  readonly #fields = new Map<string, Fields>();
  #asked = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, listener: PointListener) {
    this.#host = host;
    this.#listener = listener;
    this.#client = host.client(this, { patience: PATIENCE, inFlight: 2 });
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
    else this.#timer = setTimeout(() => this.#askFields(), REST);
  }

  ask(name: "arithmetic" | "effective" | "input", args: PositionArgs | object): void {
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

  reply(reply: Reply, newest: boolean): void {
    const { name, error } = reply;
    if (!newest) return;
    if (name === "fields") this.#keep(reply);
    else if (error) this.#listener.failed(name as "arithmetic", error.message);
    else if (name === "arithmetic") this.#listener.arithmetic(decodeArithmetic(reply));
    else if (name === "effective") this.#listener.effective(decodeSidePicture(reply));
    else this.#listener.input(decodeSidePicture(reply));
  }

  #keep(reply: Reply): void {
    const key = this.#asked;
    this.#asked = "";
    const found = reply.error
      ? { revision: 0, fields: null, error: reply.error.message }
      : decodeFields(reply);
    if (!found.fields && !found.error) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#askFields(), AGAIN);
      return;
    }
    this.#fields.set(key, found);
    for (const old of [...this.#fields.keys()].slice(0, -HELD)) this.#fields.delete(old);
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
