/** The lab: one section with a tab for each thing that can be tried. */

import { attribute, element, on, setText, uniqueId } from "../../dom/dom";
import { hasModifier } from "../../dom/keys";
import { Timers } from "../../state/timers";
import { ASK_AGAIN_AFTER, LOST_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import type { ReplyTo, RequestName } from "../../wire/requests";
import type { Bench, Part } from "./part";

export class LabPanel implements Partial<Panels>, Listener {
  readonly #client: Client;
  readonly #parts: readonly Part[];
  readonly #tabs: readonly HTMLButtonElement[];
  readonly #title = element("h3.fs-title");
  readonly #section: HTMLElement;
  readonly #timers = new Timers();
  #frame: Frame | null = null;
  #layerName = "";
  #open: Part;

  /** `make`: the tabs, from left to right. */
  constructor(host: Host, make: (bench: Bench) => readonly Part[]) {
    this.#client = host.client(this, { patience: LOST_AFTER.lab, inFlight: 2 });
    const bench: Bench = {
      host,
      ask: (name, args) => this.#client.ask(name, args),
      frame: () => this.#frame,
      layerName: () => this.#layerName,
      after: (name, delay, act) => this.#timers.after(name, delay, act),
    };
    this.#parts = make(bench);
    this.#open = this.#parts[0]!;
    const id = uniqueId();
    this.#tabs = this.#parts.map((part) => {
      const tab = element(
        "button.fs-tab",
        {
          type: "button",
          role: "tab",
          id: `${id}-${part.name}`,
          "aria-controls": `${id}-panel`,
          name: `lab-tab-${part.name}`,
        },
        part.title,
      );
      on(tab, "click", () => this.#choose(part));
      on(tab, "keydown", (event) => this.#move(event, part));
      return tab;
    });
    const body = element(
      "div.fs-lab-body",
      { role: "tabpanel", id: `${id}-panel` },
      ...this.#parts.map(({ root }) => root),
    );
    this.#section = element(
      "section",
      { "data-panel": "lab", "aria-label": "lab" },
      this.#title,
      element("div.fs-tabs", { role: "tablist", "aria-label": "What is tried" }, ...this.#tabs),
      body,
    );
    host.below.append(this.#section);
    this.#choose(this.#open);
  }

  painted(frame: Frame, layerName: string): void {
    this.#frame = frame;
    this.#layerName = layerName;
    setText(this.#title, `Lab: ${layerName}, filter ${frame.filter}`);
    this.#open.follow(frame);
  }

  cleared(): void {
    this.#frame = null;
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    this.#timers.dispose();
    this.#client.dispose();
    for (const part of this.#parts) part.leave?.();
    this.#section.remove();
  }

  changed(): void {}

  refused(): void {}

  skipped(): void {
    this.#timers.after("again", ASK_AGAIN_AFTER.crops, () => {
      if (this.#frame) this.#open.follow(this.#frame);
    });
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.name === "lab") {
      for (const part of this.#parts) part.reply(reply, newest); // several parts need the filter
      return;
    }
    for (const part of this.#parts) if (part.reply(reply, newest)) return;
  }

  #choose(part: Part): void {
    if (part !== this.#open) this.#open.leave?.();
    this.#open = part;
    for (const [k, each] of this.#parts.entries()) {
      const chosen = each === part;
      each.root.hidden = !chosen;
      attribute(this.#tabs[k]!, "aria-selected", chosen);
      this.#tabs[k]!.tabIndex = chosen ? 0 : -1;
      if (chosen) attribute(each.root.parentElement!, "aria-labelledby", this.#tabs[k]!.id);
    }
    this.#section.dataset.tab = part.name;
    if (this.#frame) part.follow(this.#frame);
  }

  #move(event: KeyboardEvent, part: Part): void {
    if (hasModifier(event)) return;
    const at = this.#parts.indexOf(part);
    const last = this.#parts.length - 1;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = (to + this.#parts.length) % this.#parts.length;
    this.#choose(this.#parts[next]!);
    this.#tabs[next]!.focus();
  }
}
