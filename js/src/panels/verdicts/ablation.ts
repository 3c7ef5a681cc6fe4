/** Which filters are left out, what that does to the image on screen, and what it costs over many images. */

import { ASK_AGAIN_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import { type ArgsOf, decode, type ReplyTo } from "../../wire/requests";
import type { AblationArgs } from "../../wire/verdicts";
import { AblationPanel } from "./ablation_panel";

type Name = "without" | "effect";

export interface AblationActions {
  /** The frame on screen. */
  frame(): Frame | null;
  ask<name extends Name>(name: name, args: ArgsOf<name>): void;
  /** Once this time has passed, in place of what waits under the same name. */
  after(what: string, delay: number, act: () => void): void;
  /** What waits under this name is not wanted any more. */
  forget(what: string): void;
  /** Other filters are left out. */
  changed(): void;
}

type LeftOut = Omit<AblationArgs, "replaced_by">;

export class Ablation {
  readonly #actions: AblationActions;
  readonly #panel: AblationPanel;
  #leftOut: LeftOut | null = null;
  /** What is measured over many images just now. */
  #measuring: ArgsOf<"effect"> | null = null;

  constructor(actions: AblationActions) {
    this.#actions = actions;
    this.#panel = new AblationPanel({
      toggle: () => this.#toggle(),
      clear: () => this.#leaveOut([]),
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
    return this.#leftOut?.layer === this.#actions.frame()?.layer ? (this.#leftOut?.filters ?? []) : [];
  }

  say(): void {
    const filter = this.#actions.frame()?.filter ?? 0;
    this.#panel.say(filter, this.here.includes(filter), this.#leftOut?.filters.length ?? 0);
  }

  /** The image on screen with and without them. */
  compare(): void {
    const args = this.#args();
    const frame = this.#actions.frame();
    if (args && frame) this.#actions.ask("without", { ...args, image: frame.image });
  }

  /** Other filters, or another net: what was measured is not theirs. */
  compareAnew(): void {
    this.#stop();
    this.compare();
  }

  compared(reply: ReplyTo<"without">): void {
    const comparison = decode(reply);
    if (!this.#leftOut) return;
    if (comparison.preparing) {
      this.#panel.fail("Looking at images for the mean …");
      this.#actions.after("without", ASK_AGAIN_AFTER.diagnosis, () => this.compare());
    } else this.#panel.paint(comparison);
  }

  measured(reply: ReplyTo<"effect">): void {
    if (!this.#measuring) return;
    const measurement = decode(reply);
    this.#panel.measured(measurement);
    if (measurement.status !== "running") this.#measuring = null;
    else
      this.#actions.after("effect", ASK_AGAIN_AFTER.diagnosis, () =>
        this.#actions.ask("effect", this.#measuring!),
      );
  }

  fail(name: Name, message: string): void {
    if (name === "without") this.#panel.fail(message);
    else this.#stop(message);
  }

  #toggle(): void {
    const { filter = 0 } = this.#actions.frame() ?? {};
    const { here } = this;
    this.#leaveOut(here.includes(filter) ? here.filter((other) => other !== filter) : [...here, filter]);
  }

  #leaveOut(filters: readonly number[]): void {
    const sorted = [...filters].sort((a, b) => a - b);
    this.#leftOut = sorted.length > 0 ? { layer: this.#actions.frame()?.layer ?? 0, filters: sorted } : null;
    this.say();
    this.compareAnew();
    this.#actions.changed();
  }

  #args(): AblationArgs | null {
    return this.#leftOut && { ...this.#leftOut, replaced_by: this.#panel.replacedBy };
  }

  #measure(images: number): void {
    const args = this.#args();
    if (!args) return;
    this.#measuring = { ...args, images };
    this.#actions.ask("effect", this.#measuring);
  }

  #stop(why = ""): void {
    this.#actions.forget("effect"); // to ask how far it is would begin it again
    if (this.#measuring) this.#actions.ask("effect", { ...this.#measuring, cancel: true });
    this.#measuring = null;
    this.#panel.unmeasured(why);
  }
}
