/** Sorts the grid by how much the prediction for the image on screen rests on each filter; Python leaves out one by one. */

import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import { className } from "../../text/format";
import { rankingOf } from "../../view/grid/order";
import type { Host, Panels, Ranking } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { FilterEffects } from "../../wire/verdicts";
import { progressInWords, signed } from "./words";

const SORT = "effect";

/** What the effects depend on. */
type Place = Pick<Frame, "image" | "layer" | "revision">;

const isSame = (a: Place | null, b: Place | null) =>
  a?.image === b?.image && a?.layer === b?.layer && a?.revision === b?.revision;

export class FilterEffectsPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  #frame: Frame | null = null;
  /** Whose effects are wanted and not known yet. */
  #wanted: Place | null = null;
  /** Whether that was asked: it may be being measured. */
  #asked = false;
  #known: { readonly place: Place; readonly ranking: Ranking } | null = null;
  /** How far it is where it takes longer, or why there is nothing. */
  #words = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#client = host.client(this, { patience: LOST_AFTER.verdicts });
    const chosen = (now: boolean) => (now ? this.#begin(0) : this.#stop());
    const rank = (frame: Frame) => this.#rank(frame);
    host.order.offer(SORT, [{ value: SORT, words: "effect on the prediction", rank, chosen }]);
  }

  painted(frame: Frame): void {
    const before = this.#frame;
    this.#frame = frame;
    if (this.#host.order.sort === SORT && !isSame(before, frame)) this.#begin(RESTS_AFTER.effects);
  }

  cleared(): void {
    this.#stop();
    this.#frame = null;
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    this.#stop();
    this.#host.order.offer(SORT, []);
    this.#client.dispose();
  }

  // What the kernel tells

  changed(): void {}

  refused(): void {}

  skipped(): void {
    this.#after(ASK_AGAIN_AFTER.diagnosis);
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.name !== "filter_effects" || !newest || !this.#wanted) return;
    if (reply.error) this.#say(reply.error.message);
    else this.#take(decode(reply), this.#wanted);
  }

  #take(answer: FilterEffects, place: Place): void {
    const { status, effects, predicted, error } = answer;
    if (answer.image !== place.image || answer.layer !== place.layer) return;
    if (effects && predicted !== null) {
      const what = `Fall of the log-probability of ${className(predicted)} without each filter, in nats`;
      this.#known = { place, ranking: rankingOf(effects.data, what, signed) };
      if (this.#words) this.#host.announce(this.#known.ranking.sentence); // a person has waited for it
      this.#say("");
    } else if (status === "running") {
      this.#after(ASK_AGAIN_AFTER.diagnosis);
      this.#say(progressInWords(answer.progress), place);
    } else if (status === "cancelled")
      this.#after(ASK_AGAIN_AFTER.diagnosis); // by another view
    else this.#say(error ?? "");
  }

  // Inside

  #rank(frame: Frame): Ranking {
    const known = this.#known?.place.layer === frame.layer ? this.#known : null;
    const order = known?.ranking.order ?? null;
    if (known && isSame(known.place, frame)) return known.ranking;
    // Until its own are there, the filters stay where they are.
    if (this.#words || !known) return { order, sentence: this.#words };
    return { ...known.ranking, old: true };
  }

  #begin(after: number): void {
    const frame = this.#frame;
    this.#stop();
    if (!frame || frame.kernels.tensor.shape[0]! < 2) return;
    if (!this.#known || !isSame(this.#known.place, frame)) {
      const { image, layer, revision } = frame;
      this.#wanted = { image, layer, revision };
      this.#after(after);
    }
  }

  /** What is measured for another place, or for nobody any more, ends. */
  #stop(): void {
    clearTimeout(this.#timer);
    const { image = 0, layer = 0 } = this.#wanted ?? {};
    if (this.#asked) this.#client.ask("filter_effects", { image, layer, cancel: true });
    this.#asked = false;
    this.#wanted = null;
    this.#words = "";
  }

  #after(delay: number): void {
    clearTimeout(this.#timer);
    const ask = () => {
      if (!this.#wanted) return;
      const { image, layer } = this.#wanted;
      this.#asked = true;
      this.#client.ask("filter_effects", { image, layer });
    };
    if (delay === 0) ask();
    else this.#timer = setTimeout(ask, delay);
  }

  /** `wanted`: what still is. */
  #say(words: string, wanted: Place | null = null): void {
    this.#words = words;
    this.#wanted = wanted;
    this.#asked &&= wanted !== null;
    this.#host.order.changed();
  }
}
