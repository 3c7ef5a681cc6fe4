/** The slider over the net's checkpoints: shown where there are any, with a button that plays them. */

import { attribute, element, on, setText } from "../dom/dom";
import { IndexSlider } from "../dom/index_slider";
import { RESTS_AFTER } from "../state/timing";

export class CheckpointSlider {
  readonly #select: (checkpoint: number | null) => void;
  readonly #slider = new IndexSlider("checkpoint", (checkpoint) => this.#moved(checkpoint));
  readonly #play = element("button.fs-text", { type: "button", name: "play" }, "play");
  readonly #net = element("button.fs-text", { type: "button", name: "net-itself" }, "net itself");
  readonly root = element("div.fs-checkpoint", this.#slider.root);
  #checkpoint: number | null = null;
  /** Where the slider stands while the net itself is shown. */
  #last = 0;
  #titles: readonly string[] = [];
  #playing = false;
  /** While it plays: where it stands, or goes. */
  #played: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(select: (checkpoint: number | null) => void) {
    this.#select = select;
    this.#play.title = "Shows one checkpoint after the other";
    this.#net.title = "The net that was given, with the weights that it has now";
    this.root.hidden = true;
    this.root.append(this.#play, this.#net);
    on(this.#play, "click", () => (this.#playing ? this.#stop() : this.#start()));
    on(this.#net, "click", () => {
      this.#stop();
      this.#select(this.#checkpoint === null ? this.#last : null);
    });
  }

  show(checkpoint: number | null, titles: readonly string[]): void {
    this.root.hidden = titles.length === 0;
    this.#checkpoint = checkpoint;
    if (this.#playing && checkpoint !== this.#played) this.#stop(); // somebody has selected another one
    this.#titles = titles;
    if (checkpoint !== null) this.#last = checkpoint;
    const at = Math.min(this.#last, Math.max(0, titles.length - 1));
    this.#slider.show(at, titles.length);
    this.#slider.say(checkpoint === null ? "the net itself, as it is now" : (titles[at] ?? ""));
    this.#slider.root.classList.toggle("fs-aside", checkpoint === null);
    attribute(this.#net, "aria-pressed", checkpoint === null);
  }

  /** Whether what is selected is on screen, or an error in its place: then the next one may be played. */
  stood(ready: boolean): void {
    if (!this.#playing || !ready || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const next = (this.#checkpoint ?? -1) + 1;
      if (next < this.#titles.length) this.#goTo(next);
      if (next >= this.#titles.length - 1) this.#stop();
    }, RESTS_AFTER.play);
  }

  dispose(): void {
    this.#stop();
  }

  #moved(checkpoint: number): void {
    this.#stop();
    this.#select(checkpoint);
  }

  #start(): void {
    this.#playing = true;
    setText(this.#play, "stop");
    attribute(this.#play, "aria-pressed", true);
    const atEnd = this.#checkpoint === null || this.#checkpoint >= this.#titles.length - 1;
    if (atEnd) this.#goTo(0);
    else {
      this.#played = this.#checkpoint;
      this.stood(true);
    }
  }

  #goTo(checkpoint: number): void {
    this.#played = checkpoint;
    this.#select(checkpoint);
  }

  #stop(): void {
    this.#playing = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    setText(this.#play, "play");
    attribute(this.#play, "aria-pressed", false);
  }
}
