/** The smaller net beside the original: which the panel of two nets shows, above. */

import { attribute, element, on, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER } from "../../state/timing";
import { decode, type ReplyTo } from "../../wire/requests";
import type { FilterOf, Tray } from "../../wire/surgery";
import type { Bench } from "./bench";

const COMPARE = "Compare with the original";
const CLOSE = "Close the comparison";

export class Beside {
  readonly #bench: Bench;
  readonly #filters: () => readonly FilterOf[];
  readonly #view: HTMLElement;
  readonly #button = element("button.fs-wide", {
    type: "button",
    name: "tray-compare",
    title: "Each filter that stays in both nets, and the images on which one of them alone is right",
  });
  readonly #words = element("span.fs-surveyed", { role: "status" });
  readonly root = element("div.fs-ask", this.#button, this.#words);
  #running = false;
  #stands = false;
  /** The comparison is to be brought into view once it is there. */
  #brings = false;

  constructor(view: HTMLElement, bench: Bench, filters: () => readonly FilterOf[]) {
    this.#view = view;
    this.#bench = bench;
    this.#filters = filters;
    on(this.#button, "click", () => this.#press());
    this.#show();
  }

  paint({ beside, layers }: Tray): void {
    this.#stands = beside;
    this.#button.disabled = layers.length === 0;
    if (this.#running) return;
    if (!beside) setText(this.#words, "");
    this.#show();
  }

  /** All panels are being painted: the comparison stands after that. */
  painted(): void {
    if (this.#brings) this.#bench.after("bring", 1, () => this.#bring());
  }

  reply(reply: ReplyTo<"tray_compare">): void {
    if (reply.error) {
      this.#finish(reply.error.message);
      return;
    }
    if (!this.#running) return;
    if (decode(reply).status === "running") {
      setText(this.#words, "The net is made, and run beside the original …");
      this.#bench.after("compare", ASK_AGAIN_AFTER.diagnosis, () => this.#running && this.#ask());
      return;
    }
    this.#stands = this.#brings = true;
    this.#finish("Both stand above: a is the original, b the smaller net.");
  }

  stop(): void {
    if (this.#running) this.#bench.ask("tray_compare", { cancel: true });
    this.#finish("");
  }

  #press(): void {
    if (this.#running) this.stop();
    else if (this.#stands) {
      this.#stands = false;
      this.#bench.ask("tray_compare", { close: true });
      this.#finish("");
    } else this.#ask();
  }

  #ask(): void {
    this.#running = true;
    setText(this.#button, "Cancel");
    this.#bench.ask("tray_compare", { filters: this.#filters() });
  }

  #bring(): void {
    const section = this.#view.querySelector<HTMLElement>("section[data-panel=comparison]");
    if (!section || section.hidden) return;
    this.#brings = false;
    section.scrollIntoView({ block: "nearest" });
  }

  #finish(words: string): void {
    this.#running = false;
    setText(this.#words, words);
    this.#show();
  }

  #show(): void {
    setText(this.#button, this.#stands ? CLOSE : COMPARE);
    attribute(this.#button, "aria-pressed", this.#stands);
  }
}
