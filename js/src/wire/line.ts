/** The way to the kernel: tells it which view is shown, and notices when nobody is at the other end any more. */

import { PROBE_EVERY } from "../state/timing";
import type { Wire } from "./client";

export class Line implements Wire {
  readonly #model: { send(content: object): void };
  readonly #changed: () => void;
  readonly #view = Math.random().toString(36).slice(2);
  #gone = false;
  #probe: ReturnType<typeof setInterval> | undefined;

  /** `changed`: called when the kernel has gone, and when it is back. */
  constructor(model: { send(content: object): void }, changed: () => void) {
    this.#model = model;
    this.#changed = changed;
  }

  /** Whether the kernel has gone: nothing is sent any more, and nothing will be answered. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Hosts do not say in all cases that the kernel has gone, but then nothing can be sent (JupyterLab: "Cannot send"). */
  send(content: object): void {
    if (this.#gone) return;
    try {
      this.#model.send(content);
    } catch {
      this.is(true);
    }
  }

  /** The view is drawn: Python looks after what it shows. */
  shown(): void {
    this.send({ kind: "shown", view: this.#view });
  }

  /** While somebody waits for long: sends something now and then, which fails where the kernel has gone. */
  probe(waiting: boolean): void {
    clearInterval(this.#probe);
    if (waiting) this.#probe = setInterval(() => this.send({ kind: "nudge" }), PROBE_EVERY);
  }

  /** Nobody sees the view any more: Python may let go of what it needed. */
  hidden(): void {
    this.send({ kind: "gone", view: this.#view });
  }

  is(gone: boolean): void {
    if (gone === this.#gone) return;
    this.#gone = gone;
    this.#changed();
  }
}
