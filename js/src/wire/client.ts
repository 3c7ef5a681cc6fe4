/**
 * Requests and replies over the model's custom messages.
 *
 * Under a fast drag the latest question wins: at most three requests are in flight, of those that wait only the newest is
 * kept, and a reply is handed on only when it is newer than every reply handed on before.
 */

import { NUDGE } from "../state/timing";
import { decodeMessage, type Message, request } from "./messages";
import type { ArgsOf, ReplyTo, RequestName } from "./requests";

export interface Wire {
  send(content: object): void;
  /** Nobody is at the other end: what is asked is dropped, and nothing is waited for. */
  readonly gone?: boolean;
}

export interface Listener {
  /** `newest`: nothing newer has been asked under this name. */
  reply(reply: ReplyTo<RequestName>, newest: boolean): void;
  /** The kernel left the newest question of a name unanswered, for a person to be answered first. */
  skipped?(): void;
  changed(revision: number): void;
  refused(message: string): void;
}

export interface Options {
  /** After how many milliseconds a reply counts as lost; doubled at each loss in a row, since a busy kernel answers late. */
  patience: number;
  /** In place of `patience` before anything has been heard. */
  first?: number;
  /** Hosts may drop a view without a word: what nobody can see asks no more. */
  visible(): boolean;
  /** How many requests may be unanswered at a time. */
  inFlight?: number;
  /** While a person waits for a picture nothing else is sent; whoever ends the wait calls `pump`. */
  someoneWaits?(): boolean;
}

interface Question {
  readonly name: RequestName;
  readonly args: object;
  /** Grows with every question of this page. */
  readonly number: number;
}

const IN_FLIGHT = 3;
const NUDGES = 6;
const NUDGED_FOR = NUDGE.after + (NUDGES - 1) * NUDGE.every;
const KEPT_LOST = 16;
const MOST_DOUBLINGS = 5;

export class Client {
  readonly #wire: Wire;
  readonly #listener: Listener;
  readonly #options: Options;
  readonly #prefix = Math.random().toString(36).slice(2);
  #numbers = 0;
  #losses = 0;
  #heard = false;
  /** The newest question of each name that still wants an answer. */
  readonly #unanswered = new Map<RequestName, Question>();
  readonly #waiting = new Map<RequestName, Question>();
  readonly #inFlight = new Map<string, { question: Question; timer: ReturnType<typeof setTimeout> }>();
  /** Given up, but welcome if they still come. */
  readonly #lost = new Map<string, Question>();
  /** Replies to questions up to this number are of no more use. */
  readonly #settled = new Map<RequestName, number>();
  #stalled = false;

  constructor(wire: Wire, listener: Listener, options: Options) {
    this.#wire = wire;
    this.#listener = listener;
    this.#options = options;
  }

  ask<Name extends RequestName>(name: Name, args: ArgsOf<Name>): void {
    this.#put(name, args);
  }

  /** What was asked under this name is answered otherwise: replies on their way are not wanted any more. */
  forget(name: RequestName): void {
    this.#unanswered.delete(name);
    this.#waiting.delete(name);
    this.#settled.set(name, this.#numbers);
  }

  /** Called when the view is seen again: asks what was left unasked while it was not. */
  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    for (const question of [...this.#unanswered.values()]) this.#askAgain(question);
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    const message = decodeMessage(content, buffers, (id) => this.#inFlight.has(id) || this.#lost.has(id));
    if (message?.kind === "changed") this.#listener.changed(message.revision);
    if (message?.kind === "refused") this.#listener.refused(message.message);
    if (message?.kind === "reply") this.#settle(message);
  }

  dispose(): void {
    for (const { timer } of this.#inFlight.values()) clearTimeout(timer);
    this.#inFlight.clear();
    this.#lost.clear();
    this.#waiting.clear();
    this.#unanswered.clear();
  }

  #put(name: RequestName, args: object): void {
    if (this.#wire.gone) return;
    this.#numbers += 1;
    const question = { name, args, number: this.#numbers };
    this.#unanswered.set(name, question);
    this.#waiting.set(name, question);
    this.pump();
  }

  #settle({ reply }: Message & { kind: "reply" }): void {
    const flight = this.#inFlight.get(reply.id);
    const question = flight?.question ?? this.#lost.get(reply.id);
    if (!question) return;
    if (flight) clearTimeout(flight.timer);
    this.#inFlight.delete(reply.id);
    this.#lost.delete(reply.id);
    this.#losses = 0;
    this.#heard = true;
    const { name, number } = question;
    if (reply.skipped) {
      this.pump();
      if (question === this.#unanswered.get(name)) {
        this.#unanswered.delete(name);
        this.#listener.skipped?.();
      }
      return;
    }
    const fresh = number > (this.#settled.get(name) ?? 0);
    const newest = number === this.#unanswered.get(name)?.number;
    if (fresh) this.#settled.set(name, number);
    if (newest) this.#unanswered.delete(name);
    this.pump(); // first, so that the kernel works while the page paints
    if (fresh) this.#listener.reply(reply as ReplyTo<RequestName>, newest);
  }

  /** Whether something is asked that was not answered yet. */
  get busy(): boolean {
    return !this.#wire.gone && (this.#inFlight.size > 0 || this.#waiting.size > 0);
  }

  pump(): void {
    if (this.#wire.gone) this.dispose();
    for (const question of [...this.#waiting.values()]) {
      if (this.#inFlight.size >= (this.#options.inFlight ?? IN_FLIGHT) || this.#options.someoneWaits?.())
        return;
      this.#waiting.delete(question.name);
      const id = `${this.#prefix}-${question.number}`;
      const { patience: usual, first = usual } = this.#options;
      const patience = (this.#heard ? usual : first) * 2 ** Math.min(this.#losses, MOST_DOUBLINGS);
      let nudges = NUDGES;
      const nudge = () => {
        if (this.#inFlight.size === 1) this.#wire.send({ kind: "nudge" });
        if (this.#wire.gone) {
          this.dispose();
          return;
        }
        nudges -= 1;
        flight.timer =
          nudges > 0
            ? setTimeout(nudge, NUDGE.every)
            : setTimeout(() => this.#giveUp(id), patience - NUDGED_FOR);
      };
      const flight = { question, timer: setTimeout(nudge, NUDGE.after) };
      this.#inFlight.set(id, flight);
      this.#wire.send(request(id, question.name, question.args));
      if (this.#wire.gone) {
        this.dispose();
        return;
      }
    }
  }

  #giveUp(id: string): void {
    const question = this.#inFlight.get(id)?.question;
    if (this.#wire.gone) this.dispose();
    if (!question || this.#wire.gone) return;
    this.#inFlight.delete(id);
    this.#losses += 1;
    this.#lost.set(id, question);
    for (const old of [...this.#lost.keys()].slice(0, -KEPT_LOST)) this.#lost.delete(old);
    if (!this.#options.visible()) this.#stalled = true;
    else if (this.#unanswered.get(question.name) === question) this.#askAgain(question);
    else this.pump();
  }

  #askAgain(question: Question): void {
    const asked = [...this.#inFlight.values()].some((flight) => flight.question === question);
    if (!asked && !this.#waiting.has(question.name)) this.#put(question.name, question.args);
    else this.pump();
  }
}
