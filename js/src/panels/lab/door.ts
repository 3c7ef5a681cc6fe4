/**
 * The way into the lab: one button. The lab itself is a module that comes when it is opened for the first time. While a trial
 * image stands on the page it is said here, with the way back, whether the lab is open or not.
 */

import { attribute, element, on, setText } from "../../dom/dom";
import { LOST_AFTER } from "../../state/timing";
import type { Host, MakePanels, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";

const NOTEBOOK = "Change the kernel, the image or the geometry, and see what happens.";
const REFUSED = "The lab cannot be opened: this page does not let the widget load another part.";

export class LabDoor implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  readonly #button = element("button.fs-wide", { type: "button", name: "lab", "aria-expanded": "false" });
  readonly #words = element("span.fs-surveyed");
  readonly #back = element(
    "button.fs-wide",
    { type: "button", name: "lab-back-to-data", title: "Shows the data set's own image again" },
    "Back to the data's image",
  );
  readonly #which = element("span");
  readonly #trial = element("span.fs-trial", { hidden: true }, this.#which, this.#back);
  readonly #root = element("div.fs-door", this.#button, this.#words, this.#trial);
  readonly #purpose: string;
  #open = false;
  #lab: Panels | null = null;
  #gone = false;
  #painted: readonly [Frame, string] | null = null;
  #size: readonly [number, number] = [0, 1];

  /** `purpose`: what the lab of this page is for. */
  constructor(host: Host, purpose = NOTEBOOK) {
    this.#host = host;
    this.#purpose = purpose;
    this.#client = host.client(this, { patience: LOST_AFTER.positions });
    on(this.#button, "click", () => this.#show(!this.#open));
    on(this.#back, "click", () => {
      const [frame] = this.#painted ?? [];
      if (frame) this.#client.ask("lab_image", { image: frame.image, kind: "own" });
    });
    host.below.append(this.#root);
    this.#show(false);
  }

  painted(frame: Frame, layerName: string): void {
    this.#painted = [frame, layerName];
    this.#trial.hidden = !frame.sample.trial;
    setText(this.#which, `Image ${frame.image} is a trial, not the data set's.`);
    if (this.#open) this.#lab?.painted(frame, layerName);
  }

  cleared(): void {
    this.#painted = null;
    this.#lab?.cleared();
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
    this.#lab?.receive(content, buffers);
  }

  layout(width: number, ratio: number): void {
    this.#size = [width, ratio];
    this.#client.resume();
    this.#lab?.layout(width, ratio);
  }

  dispose(): void {
    this.#gone = true;
    this.#client.dispose();
    this.#lab?.dispose();
    this.#root.remove();
  }

  changed(): void {}

  refused(): void {}

  reply(reply: ReplyTo<RequestName>): void {
    if (reply.name === "lab_image" && reply.error) setText(this.#words, reply.error.message);
    if (reply.name !== "module") return;
    if (reply.error) setText(this.#words, reply.error.message);
    else this.#host.load(decode(reply).text).then((make) => this.#stand(make));
  }

  #show(open: boolean): void {
    this.#open = open;
    setText(this.#button, open ? "Close the lab" : "Lab");
    setText(this.#words, open ? "" : this.#purpose);
    attribute(this.#button, "aria-expanded", open);
    const section = this.#section();
    if (section) section.hidden = !open;
    if (!open) return;
    if (!this.#lab) this.#client.ask("module", { room: "lab" });
    else if (this.#painted) this.#lab.painted(...this.#painted);
  }

  #section(): HTMLElement | null {
    return this.#root.querySelector<HTMLElement>("[data-panel=lab]");
  }

  #stand(make: MakePanels | null): void {
    if (this.#gone || this.#lab) return;
    if (!make) {
      setText(this.#words, REFUSED);
      return;
    }
    this.#lab = make({ ...this.#host, below: this.#root });
    const section = this.#section();
    if (section) section.hidden = !this.#open;
    this.#lab.layout(...this.#size);
    if (this.#painted) this.#lab.painted(...this.#painted);
  }
}
