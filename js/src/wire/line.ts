/** The way to the kernel: tells it which view is shown, and notices when nobody is at the other end any more. */

import { PROBE } from "../state/timing";
import type { Wire } from "./client";

/** Jupyter tells by these how a kernel gets on with a message; other hosts call none. */
export interface Callbacks {
  readonly iopub: { status(message: { content?: { execution_state?: string } }): void };
}

interface Sender {
  send(content: object, callbacks?: Callbacks): void;
}

export class Line implements Wire {
  readonly #model: Sender;
  readonly #changed: () => void;
  readonly #view = Math.random().toString(36).slice(2);
  #gone = false;
  #probe: ReturnType<typeof setTimeout> | undefined;
  #unanswered: ReturnType<typeof setTimeout> | undefined;
  #heard = 0;

  /** `changed`: called when the kernel has gone, and when it is back. */
  constructor(model: Sender, changed: () => void) {
    this.#model = model;
    this.#changed = changed;
  }

  /** Whether the kernel has gone: nothing is sent any more, and nothing will be answered. */
  get gone(): boolean {
    return this.#gone;
  }

  /** Hosts do not say in all cases that the kernel has gone, but then nothing can be sent (JupyterLab: "Cannot send"). */
  send(content: object, callbacks?: Callbacks): void {
    if (this.#gone) return;
    try {
      this.#model.send(content, callbacks);
    } catch {
      this.is(true);
    }
  }

  /** The view is drawn: Python looks after what it shows. */
  shown(): void {
    this.send({ kind: "shown", view: this.#view });
  }

  /** A message has come. */
  hear(): void {
    this.#heard += 1;
  }

  /** Whether one ever has. */
  get heard(): boolean {
    return this.#heard > 0;
  }

  /** While somebody waits for long: asks now and then whether the explorer is there. */
  probe(waiting: boolean): void {
    clearTimeout(this.#probe);
    clearTimeout(this.#unanswered);
    this.#probe = undefined;
    const ask = () => {
      this.#ask();
      this.#probe = setTimeout(ask, PROBE.every);
    };
    if (waiting) this.#probe = setTimeout(ask, PROBE.after);
  }

  /** A kernel that has dealt with the question, and gave no answer before it said so, is not the one that drew this. */
  #ask(): void {
    const heard = this.#heard;
    const status = (message: { content?: { execution_state?: string } }) => {
      if (message.content?.execution_state !== "idle" || this.#probe === undefined) return;
      clearTimeout(this.#unanswered);
      this.#unanswered = setTimeout(() => this.#heard === heard && this.is(true), PROBE.answered);
    };
    this.send({ kind: "probe" }, { iopub: { status } });
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
