/** The way to an exemplar: its image is selected, and its position pinned as soon as that image is on screen. */

import type { Host, View } from "../../view/host";
import type { Frame } from "../../wire/frame";

interface Goal {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly view: View;
  readonly position: readonly number[];
}

export class Visit {
  readonly #host: Host;
  #goal: Goal | null = null;

  constructor(host: Host) {
    this.#host = host;
  }

  /** `before`: the position is of the map before normalisation and nonlinearity. */
  begin({ layer, filter }: Frame, image: number, position: readonly number[], before: boolean): void {
    this.#goal = { image, layer, filter, view: before ? "response" : "activation", position };
    this.#host.select(before ? { image, source: "input", channel: null } : { image });
    this.arrive(this.#host.current());
  }

  /** This frame is on screen. */
  arrive(frame: Frame | null): void {
    const goal = this.#goal;
    if (!goal || !frame) return;
    if (frame.layer !== goal.layer || frame.filter !== goal.filter) this.#goal = null;
    if (frame.image !== goal.image || !this.#goal) return;
    this.#goal = null;
    const picture = this.#host.pictures.find(({ view }) => view === goal.view);
    const row = goal.position.length < 2 ? 0 : goal.position.at(-2)!;
    picture?.pin({ row, column: goal.position.at(-1)! });
  }

  /** The person goes elsewhere. */
  end(): void {
    this.#goal = null;
  }
}
