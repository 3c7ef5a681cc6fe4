/** The selects: what is shown, and on which scale. */

import { element, options } from "./dom";

export type Entries = readonly (readonly [value: string, text: string])[];

export class Choice {
  private readonly select: HTMLSelectElement;
  readonly root: HTMLElement;

  constructor(name: string, label: string, entries: Entries, hint: string, choose: (value: string) => void) {
    this.select = element("select", { name, title: hint, "data-lm-suppress-shortcuts": "true" });
    options(this.select, entries);
    this.root = element(
      "label",
      { class: "fs-choice" },
      element("span", { class: "fs-name" }, label),
      this.select,
    );
    this.select.addEventListener("change", () => choose(this.select.value));
  }

  offer(entries: Entries): void {
    options(this.select, entries);
  }

  show(value: string): void {
    if (this.select.value !== value) this.select.value = value;
  }
}

/** The channel, one of as many as the layer's filters have kernels; the empty value stands for all of them. */
export class ChannelChoice extends Choice {
  private channels = 0;

  constructor(choose: (channel: number | null) => void) {
    const hint = "Which of the filter's kernels: the one for this input channel, or all of them, summed";
    super("channel", "channel", [["", "all channels"]], hint, (value) =>
      choose(value === "" ? null : Number(value)),
    );
  }

  showChannel(channel: number | null, channels: number): void {
    if (channels !== this.channels) {
      this.channels = channels;
      const each = Array.from({ length: channels }, (_, c) => [String(c), `channel ${c}`] as const);
      this.offer([["", "all channels"], ...each]);
    }
    this.show(channel === null ? "" : String(channel));
  }
}
