/** Says that a trial image stands on the page, with the way back, whether the lab is open or not. */

import { element, on, setText } from "../../dom/dom";
import { LOST_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import type { ReplyTo, RequestName } from "../../wire/requests";

export class TrialNote implements Partial<Panels>, Listener {
  readonly #client: Client;
  readonly #back = element(
    "button.fs-wide",
    { type: "button", name: "lab-back-to-data", title: "Shows the data set's own image again" },
    "Back to the data's image",
  );
  readonly #words = element("span");
  readonly #root = element("div.fs-trial", { hidden: true }, this.#words, this.#back);
  #image = 0;

  constructor(host: Host) {
    this.#client = host.client(this, { patience: LOST_AFTER.positions });
    on(this.#back, "click", () => this.#client.ask("lab_image", { image: this.#image, kind: "own" }));
    host.below.append(this.#root);
  }

  painted(frame: Frame): void {
    this.#image = frame.image;
    this.#root.hidden = !frame.sample.trial;
    setText(this.#words, `Image ${frame.image} is a trial, not the data set's.`);
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    this.#client.dispose();
    this.#root.remove();
  }

  changed(): void {}

  refused(): void {}

  reply(reply: ReplyTo<RequestName>): void {
    if (reply.error) setText(this.#words, reply.error.message);
  }
}
