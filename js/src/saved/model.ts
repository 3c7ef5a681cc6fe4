/** The model of a saved page: the traits, and messages to and from what was saved. What was not saved is refused. */

import type { AnyModel } from "@anywidget/types";
import type { Traits } from "../state/selection";
import type { SavedKernel } from "./kernel";
import { changedMessage, readRequest, refusedMessage } from "./replies";
import type { SavedOutline } from "./types";
import { refusal } from "./unsaved";

type Listener = (...args: never[]) => void;

export class SavedModel {
  readonly #outline: SavedOutline;
  readonly #kernel: SavedKernel;
  readonly #listeners = new Map<string, Set<Listener>>();
  #traits: Traits;
  /** The traits when they were last allowed. */
  #saved: Traits;

  constructor(outline: SavedOutline, kernel: SavedKernel) {
    this.#outline = outline;
    this.#kernel = kernel;
    this.#traits = { ...outline.selection };
    this.#saved = { ...outline.selection };
    kernel.changed = (revision) => this.#emit("msg:custom", changedMessage(revision), []);
  }

  /** The view uses no more of a model than there is here. */
  asAnyModel(): AnyModel<Traits> {
    return this as unknown as AnyModel<Traits>;
  }

  get<K extends keyof Traits>(name: K): Traits[K] {
    return this.#traits[name];
  }

  set<K extends keyof Traits>(name: K, value: Traits[K]): void {
    if (this.#traits[name] === value) return;
    this.#traits = { ...this.#traits, [name]: value };
    this.#emit(`change:${name}`);
  }

  save_changes(): void {
    const sentence = refusal(this.#outline.saved, this.#traits);
    const instead =
      sentence === null ? this.#kernel.timeline?.instead(this.#traits) : { traits: this.#saved, sentence };
    this.#saved = instead?.traits ?? this.#traits;
    if (!instead) return;
    for (const name of Object.keys(this.#saved) as (keyof Traits)[]) this.set(name, this.#saved[name]);
    this.#emit("msg:custom", refusedMessage(instead.sentence), []);
  }

  on(name: string, listener: Listener): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  off(name?: string | null, listener?: Listener | null): void {
    if (name && listener) this.#listeners.get(name)?.delete(listener);
    else if (name) this.#listeners.delete(name);
    else this.#listeners.clear();
  }

  send(content: unknown): void {
    const request = readRequest(content);
    if (request) this.#kernel.answer(request).then((sent) => this.#emit("msg:custom", ...sent));
  }

  #emit(name: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) listener(...(args as never[]));
  }
}
