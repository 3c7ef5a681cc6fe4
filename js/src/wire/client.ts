/**
 * Requests and replies over the model's custom messages.
 *
 * Under a fast drag the latest question wins: at most three requests are in flight, of those that wait only the newest is
 * kept, and a reply is handed on only when it is newer than every reply handed on before.
 */

import { decodeMessage, type Message, type Reply, type RequestName, request } from "./messages";

export interface Wire {
  send(content: object): void;
}

export interface Listener {
  /** `newest`: nothing newer has been asked under this name. */
  reply(reply: Reply, newest: boolean): void;
  /** The kernel left the newest question of a name unanswered, for a person to be answered first. */
  skipped?(): void;
  changed(revision: number): void;
  refused(message: string): void;
}

export interface Options {
  /** After how long a reply counts as lost; doubled at each loss in a row, since a busy kernel answers late. */
  patience: number;
  /** The same before anything has been heard: a first message may wait for a cell, where a second finds a way round. */
  first?: number;
  /** Hosts may drop a view without a word: what nobody can see asks no more. */
  visible(): boolean;
  /** How many requests may be unanswered at a time. */
  inFlight?: number;
  /** While this is true nothing is sent; whoever makes it false calls `pump`. */
  held?(): boolean;
}

interface Question {
  readonly name: RequestName;
  readonly args: object;
  /** Grows with every question of this page. */
  readonly number: number;
}

const IN_FLIGHT = 3;
/**
 * When, and for how long how often, a lone question is followed by an empty message, which nobody answers. The server
 * holds a reply back until the browser acknowledges the "busy" before it, and the browser does that at leisure (40 ms) or
 * with its next message. "busy" comes 4 to 12 ms after the question: one message at 6 ms is too early for half of them
 * (median of a jump 63 ms, with more of them 49; JupyterLab 4.6 in Chromium).
 */
const NUDGE_AFTER = 6;
const NUDGE_EVERY = 10;
const NUDGES = 6;
const NUDGED = NUDGE_AFTER + (NUDGES - 1) * NUDGE_EVERY;
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
  readonly #wanted = new Map<RequestName, Question>();
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

  ask(name: RequestName, args: object): void {
    this.#numbers += 1;
    const question = { name, args, number: this.#numbers };
    this.#wanted.set(name, question);
    this.#waiting.set(name, question);
    this.pump();
  }

  /** What was asked under this name is answered otherwise: replies on their way are not wanted any more. */
  forget(name: RequestName): void {
    this.#wanted.delete(name);
    this.#waiting.delete(name);
    this.#settled.set(name, this.#numbers);
  }

  /** Called when the view is seen again: asks what was left unasked while it was not. */
  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    for (const question of [...this.#wanted.values()]) this.#askAgain(question);
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
    this.#wanted.clear();
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
      if (question === this.#wanted.get(name)) {
        this.#wanted.delete(name);
        this.#listener.skipped?.();
      }
      return;
    }
    const fresh = number > (this.#settled.get(name) ?? 0);
    const newest = number === this.#wanted.get(name)?.number;
    if (fresh) this.#settled.set(name, number);
    if (newest) this.#wanted.delete(name);
    this.pump(); // first, so that the kernel works while the page paints
    if (fresh) this.#listener.reply(reply, newest);
  }

  /** Whether something is asked that was not answered yet. */
  get busy(): boolean {
    return this.#inFlight.size > 0 || this.#waiting.size > 0;
  }

  pump(): void {
    for (const question of [...this.#waiting.values()]) {
      if (this.#inFlight.size >= (this.#options.inFlight ?? IN_FLIGHT) || this.#options.held?.()) return;
      this.#waiting.delete(question.name);
      const id = `${this.#prefix}-${question.number}`;
      const { patience: usual, first = usual } = this.#options;
      const patience = (this.#heard ? usual : first) * 2 ** Math.min(this.#losses, MOST_DOUBLINGS);
      let nudges = NUDGES;
      const nudge = () => {
        if (this.#inFlight.size === 1) this.#wire.send({ kind: "nudge" });
        nudges -= 1;
        flight.timer =
          nudges > 0 ? setTimeout(nudge, NUDGE_EVERY) : setTimeout(() => this.#giveUp(id), patience - NUDGED);
      };
      const flight = { question, timer: setTimeout(nudge, NUDGE_AFTER) };
      this.#inFlight.set(id, flight);
      this.#wire.send(request(id, question.name, question.args));
    }
  }

  #giveUp(id: string): void {
    const question = this.#inFlight.get(id)?.question;
    if (!question) return;
    this.#inFlight.delete(id);
    this.#losses += 1;
    this.#lost.set(id, question);
    for (const old of [...this.#lost.keys()].slice(0, -KEPT_LOST)) this.#lost.delete(old);
    if (!this.#options.visible()) this.#stalled = true;
    else if (this.#wanted.get(question.name) === question) this.#askAgain(question);
    else this.pump();
  }

  #askAgain(question: Question): void {
    const asked = [...this.#inFlight.values()].some((flight) => flight.question === question);
    if (!asked && !this.#waiting.has(question.name)) this.ask(question.name, question.args);
    else this.pump();
  }
}
