/** Which filters are left out, what that does to the image on screen, and what it costs over many images. */

import type { Frame, Reply } from "../../wire/messages";
import { decodeMeasurement, decodeWithout, type VerdictRequest } from "../../wire/verdicts";
import { WithoutPanel } from "./ablation_panel";

/** Between two questions while something runs. */
export const POLL = 250;

export interface RemovalActions {
  /** The frame on screen. */
  frame(): Frame | null;
  ask(name: VerdictRequest, args: object): void;
  /** Once this time has passed, in place of what waits under the same name. */
  after(what: string, delay: number, act: () => void): void;
  /** What waits under this name is not wanted any more. */
  forget(what: string): void;
  /** Other filters are left out. */
  changed(): void;
}

interface Removed {
  readonly layer: number;
  readonly filters: readonly number[];
}

export class Removal {
  readonly #actions: RemovalActions;
  readonly #panel: WithoutPanel;
  #removed: Removed | null = null;
  /** What is measured over many images just now. */
  #measuring: object | null = null;

  constructor(actions: RemovalActions) {
    this.#actions = actions;
    this.#panel = new WithoutPanel({
      toggle: () => this.#toggle(),
      clear: () => this.#remove([]),
      replace: () => this.compareAnew(),
      measure: (images) => this.#measure(images),
      cancel: () => this.#stop("cancelled"),
    });
  }

  get root(): HTMLElement {
    return this.#panel.root;
  }

  /** Filters that are left out, of the layer on screen. */
  get here(): readonly number[] {
    return this.#removed?.layer === this.#actions.frame()?.layer ? (this.#removed?.filters ?? []) : [];
  }

  say(): void {
    const filter = this.#actions.frame()?.filter ?? 0;
    this.#panel.say(filter, this.here.includes(filter), this.#removed?.filters.length ?? 0);
  }

  /** The image on screen with and without them. */
  compare(): void {
    const what = this.#what();
    if (what) this.#actions.ask("without", { ...what, image: this.#actions.frame()?.image });
  }

  /** Another removal, or another net: what was measured is not its. */
  compareAnew(): void {
    this.#stop();
    this.compare();
  }

  compared(reply: Reply): void {
    const found = decodeWithout(reply);
    if (!this.#removed) return;
    if (found.preparing) {
      this.#panel.fail("Looking at images for the mean …");
      this.#actions.after("without", POLL, () => this.compare());
    } else this.#panel.paint(found);
  }

  measured(reply: Reply): void {
    if (!this.#measuring) return;
    const found = decodeMeasurement(reply);
    this.#panel.measured(found);
    if (found.status !== "running") this.#measuring = null;
    else this.#actions.after("effect", POLL, () => this.#actions.ask("effect", this.#measuring!));
  }

  fail(name: "without" | "effect", message: string): void {
    if (name === "without") this.#panel.fail(message);
    else this.#stop(message);
  }

  #toggle(): void {
    const { filter = 0 } = this.#actions.frame() ?? {};
    const { here } = this;
    this.#remove(here.includes(filter) ? here.filter((one) => one !== filter) : [...here, filter]);
  }

  #remove(filters: readonly number[]): void {
    const sorted = [...filters].sort((one, two) => one - two);
    this.#removed = sorted.length > 0 ? { layer: this.#actions.frame()?.layer ?? 0, filters: sorted } : null;
    this.say();
    this.compareAnew();
    this.#actions.changed();
  }

  #what(): object | null {
    return this.#removed && { ...this.#removed, replaced_by: this.#panel.replacedBy };
  }

  #measure(images: number): void {
    const what = this.#what();
    if (!what) return;
    this.#measuring = { ...what, images };
    this.#actions.ask("effect", this.#measuring);
  }

  #stop(why = ""): void {
    this.#actions.forget("effect"); // to ask how far it is would begin it again
    if (this.#measuring) this.#actions.ask("effect", { ...this.#measuring, cancel: true });
    this.#measuring = null;
    this.#panel.unmeasured(why);
  }
}
