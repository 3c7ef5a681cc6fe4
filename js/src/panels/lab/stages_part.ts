/** The strip of stages: what stands of the filter between two operations, each with its shape and its range. */

import { element, setText } from "../../dom/dom";
import { RESTS_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import type { Stage } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { Bench, Part } from "./part";
import { SmallPicture } from "./picture";

const SIDE = 150;
const TITLES: Readonly<Record<string, string>> = { bias: "+ bias" };

export class StagesPart implements Part {
  readonly name = "stages";
  readonly title = "Stages";
  readonly #bench: Bench;
  readonly #strip = element("div.fs-stages");
  readonly #says = element("p.fs-note");
  readonly root = element("div", this.#strip, this.#says);
  #asked = "";

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  follow(frame: Frame): void {
    const { image, layer, filter, channel, revision } = frame;
    const key = [image, layer, filter, channel, revision, this.#bench.host.palettes.choice].join();
    if (key === this.#asked) return;
    this.#asked = key;
    this.#bench.after("stages", RESTS_AFTER.lab, () =>
      this.#bench.ask("lab_stages", { image, layer, filter, channel }),
    );
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab_stages") return false;
    if (!newest) return true;
    if (reply.error) {
      this.#strip.replaceChildren();
      setText(this.#says, reply.error.message);
    } else this.#paint(decode(reply).stages);
    return true;
  }

  #paint(stages: readonly Stage[]): void {
    const nodes = stages.map((stage) => {
      const picture = new SmallPicture(this.#bench.host);
      const kind = TITLES[stage.kind] ?? stage.kind;
      const what = stage.kind === "bias" ? stage.name.replace("bias ", "") : stage.name;
      picture.paint(
        stage.kind === "bias" ? `${kind} ${what}` : `${kind} · ${what}`,
        stage,
        stage.shape,
        SIDE,
      );
      picture.root.dataset.stage = stage.kind;
      return picture.root;
    });
    this.#strip.replaceChildren(...nodes);
    const { kind = "", name = "" } = stages.at(-1) ?? {};
    setText(
      this.#says,
      stages.length
        ? `From what ${this.#bench.layerName()} is given, each in a range of its own, to ${kind === "pool" ? "the pool" : name} behind it; what follows takes other maps as well, or moves the channels.`
        : "The net does not reach this layer for this image.",
    );
  }
}
