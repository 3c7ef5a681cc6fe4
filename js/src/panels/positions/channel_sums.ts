/** What each channel adds, the one that adds most first; of many the first, and the rest on demand. */

import { attribute, element, on, setText } from "../../dom/dom";
import { aligned, exact } from "../../text/format";
import type { Arithmetic } from "../../wire/positions";

const SHOWN = 10;

export class ChannelSums {
  readonly #look: (channel: number) => void;
  readonly #title = element("h4");
  readonly #list = element("ol.fs-channels");
  readonly #all = element("button.fs-all", { type: "button" });
  readonly root = element("div", this.#title, this.#list, this.#all);
  #shown: Arithmetic | null = null;
  #open = false;
  #channel = -1;

  constructor(look: (channel: number) => void) {
    this.#look = look;
    on(this.#all, "click", () => {
      this.#open = !this.#open;
      this.#fill();
    });
  }

  show(arithmetic: Arithmetic, channel: number): void {
    this.#shown = arithmetic;
    this.#channel = channel;
    this.#fill();
  }

  mark(channel: number): void {
    this.#channel = channel;
    for (const button of this.#list.querySelectorAll("button"))
      attribute(button, "aria-pressed", Number(button.dataset.channel) === channel);
  }

  #fill(): void {
    const { order, channel_sums, first_channel } = this.#shown!;
    const values = channel_sums.data;
    const many = order.length > SHOWN;
    const listed = many && !this.#open ? order.slice(0, SHOWN) : order;
    setText(
      this.#title,
      order.length > 1 ? `what each of ${order.length} channels adds` : "what its one channel adds",
    );
    const texts = aligned(
      listed.map((channel) => values[channel]!),
      6,
    );
    const most = Math.max(...order.map((channel) => Math.abs(values[channel]!)).filter(Number.isFinite), 0);
    const focused = this.#list.querySelector<HTMLElement>("button:focus")?.dataset.channel;
    this.#list.replaceChildren(
      ...listed.map((channel, k) => {
        const value = values[channel]!;
        const bar = element(value < 0 ? "span.fs-share-bar.fs-negative" : "span.fs-share-bar");
        bar.style.width = `${most > 0 && Number.isFinite(value) ? (Math.abs(value) / most) * 50 : 0}%`;
        const button = element(
          "button",
          { type: "button", "data-channel": channel, "aria-pressed": channel === this.#channel },
          element("span.fs-name", `channel ${first_channel + channel}`),
          element("span.fs-number", { title: exact(value) }, texts[k]!),
          element("span.fs-track", { "aria-hidden": "true" }, bar),
        );
        on(button, "click", () => this.#look(channel));
        return element("li", button);
      }),
    );
    if (focused) this.#list.querySelector<HTMLElement>(`[data-channel="${focused}"]`)?.focus();
    this.#all.hidden = !many;
    const rest = order.slice(SHOWN).reduce((sum, channel) => sum + values[channel]!, 0);
    setText(
      this.#all,
      this.#open
        ? `show the first ${SHOWN}`
        : `show all ${order.length}; the other ${order.length - SHOWN} add ${aligned([rest], 4)[0]}`,
    );
    this.#list.classList.toggle("fs-many", many && this.#open);
  }
}
