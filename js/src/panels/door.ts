/** The way into a large room: one button. The room itself is a module that comes when it is opened for the first time. */

import { attribute, element, on, setText } from "../dom/dom";
import { LOST_AFTER } from "../state/timing";
import type { Host, MakePanels, Panels } from "../view/host";
import type { Client, Listener } from "../wire/client";
import type { Frame } from "../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../wire/requests";

const REFUSED = "It cannot be opened: this page does not let the widget load another part.";

/** Which room, and what is said of it. */
export interface DoorWords {
  readonly room: string;
  readonly open: string;
  readonly close: string;
  readonly about: string;
}

export class Door implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  readonly #door: DoorWords;
  readonly #button: HTMLButtonElement;
  readonly #words = element("span.fs-surveyed");
  readonly #root: HTMLElement;
  #open = false;
  #panels: Panels | null = null;
  #gone = false;
  #painted: readonly [Frame, string] | null = null;
  #size: readonly [number, number] = [0, 1];

  constructor(host: Host, door: DoorWords) {
    this.#host = host;
    this.#door = door;
    this.#button = element("button.fs-wide", { type: "button", name: door.room, "aria-expanded": "false" });
    this.#root = element("div.fs-door", this.#button, this.#words);
    this.#client = host.client(this, { patience: LOST_AFTER.positions });
    on(this.#button, "click", () => this.#show(!this.#open));
    host.below.append(this.#root);
    this.#show(false);
  }

  painted(frame: Frame, layerName: string): void {
    this.#painted = [frame, layerName];
    if (this.#open) this.#panels?.painted(frame, layerName);
  }

  cleared(): void {
    this.#painted = null;
    this.#panels?.cleared();
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
    this.#panels?.receive(content, buffers);
  }

  layout(width: number, ratio: number): void {
    this.#size = [width, ratio];
    this.#client.resume();
    this.#panels?.layout(width, ratio);
  }

  dispose(): void {
    this.#gone = true;
    this.#client.dispose();
    this.#panels?.dispose();
    this.#root.remove();
  }

  changed(): void {}

  refused(): void {}

  reply(reply: ReplyTo<RequestName>): void {
    if (reply.name !== "module") return;
    if (reply.error) setText(this.#words, reply.error.message);
    else this.#host.load(decode(reply).text).then((make) => this.#stand(make));
  }

  #show(open: boolean): void {
    this.#open = open;
    setText(this.#button, open ? this.#door.close : this.#door.open);
    setText(this.#words, open ? "" : this.#door.about);
    attribute(this.#button, "aria-expanded", open);
    this.#root.dataset.open = String(open);
    const section = this.#section();
    if (section) section.hidden = !open;
    if (!open) return;
    if (!this.#panels) this.#client.ask("module", { room: this.#door.room });
    else if (this.#painted) this.#panels.painted(...this.#painted);
  }

  #section(): HTMLElement | null {
    return this.#root.querySelector<HTMLElement>(`[data-panel=${this.#door.room}]`);
  }

  #stand(make: MakePanels | null): void {
    if (this.#gone || this.#panels) return;
    if (!make) {
      setText(this.#words, REFUSED);
      return;
    }
    this.#panels = make({ ...this.#host, below: this.#root });
    const section = this.#section();
    if (section) section.hidden = !this.#open;
    this.#panels.layout(...this.#size);
    if (this.#painted) this.#panels.painted(...this.#painted);
  }
}
