/** What of a layer's filters is looked at: the channel, and the slice of volumes. */

import { type Entries, Select } from "../dom/select";
import { drawnSlice } from "../state/selection";

/** The channel, one of as many as the layer's filters have kernels; the empty value stands for all of them. */
export class ChannelSelect extends Select {
  constructor(choose: (channel: number | null) => void) {
    super("channel", "channel", [["", "all, summed"]], "", (value) =>
      choose(value === "" ? null : Number(value)),
    );
  }

  showChannel(channel: number | null, channels: number): void {
    const all = channels > 1 ? `all ${channels}, summed` : "the only one";
    this.offerCount(channels, () => [["", all], ...counted(channels, (c) => `channel ${c}`)]);
    this.show(channel === null ? "" : String(channel));
  }
}

/** Which slice of the kernels; nothing to choose where they are no volumes. */
export class KernelSliceSelect extends Select {
  constructor(choose: (slice: number) => void) {
    super("kernel-slice", "kernel slice", [], "", (value) => choose(Number(value)));
  }

  showSlice(slice: number | null, depth: number | null): void {
    this.root.hidden = depth === null;
    if (depth === null) return;
    this.offerCount(depth, () => counted(depth, (k) => `${k} of ${depth}`));
    this.show(String(slice ?? drawnSlice(null, depth)));
  }
}

function counted(count: number, words: (k: number) => string): Entries {
  return Array.from({ length: count }, (_, k) => [String(k), words(k)] as const);
}
