/** Timers by name: a newer one takes the place of the older one of its name. */

export class Timers {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** In so many milliseconds; 0: at once. */
  after(name: string, delay: number, act: () => void): void {
    this.forget(name);
    if (delay === 0) act();
    else this.#timers.set(name, setTimeout(act, delay));
  }

  forget(name: string): void {
    clearTimeout(this.#timers.get(name));
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
