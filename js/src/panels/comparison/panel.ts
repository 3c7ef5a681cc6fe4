/** Two nets on one page: the selected filter in both, what changed in its layer, and where the nets disagree. */

import { attribute, element, on, setText } from "../../dom/dom";
import { argsOf } from "../../state/frames";
import { LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { ImageList } from "./images";
import { PairPictures } from "./pictures";
import { ComparedFilters } from "./table";
import { pairInWords, swapsInWords } from "./words";

export class ComparisonPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  readonly #lines = element("p.fs-note.fs-compared-lines");
  readonly #pair = element("p.fs-drives");
  readonly #pictures: PairPictures;
  readonly #filters: ComparedFilters;
  readonly #onlyA: ImageList;
  readonly #onlyB: ImageList;
  readonly #explain = element(
    "button.fs-wide",
    { type: "button", name: "explain" },
    "Which filters explain it",
  );
  readonly #swaps = element("p.fs-note.fs-compared-lines");
  readonly #error = element("p.fs-note", { hidden: true });
  readonly #root: HTMLElement;

  #frame: Frame | null = null;
  /** What was asked for last: of which layer the comparison, and of which selection the pictures. */
  #layer: number | null = null;
  #pairOf = "";
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host) {
    this.#host = host;
    this.#client = host.client(this, { patience: LOST_AFTER.timeline, inFlight: 2 });
    this.#pictures = new PairPictures(host.palettes);
    this.#filters = new ComparedFilters((filter) => host.select({ filter }));
    const pick = (image: number) => host.select({ image });
    this.#onlyA = new ImageList("a alone is right on image", pick);
    this.#onlyB = new ImageList("b alone is right on image", pick);
    this.#root = element(
      "section.fs-compared",
      { "data-panel": "comparison", "aria-label": "two nets", hidden: true },
      element("h3.fs-title", "Net a, shown above, and net b"),
      this.#lines,
      this.#error,
      element(
        "div.fs-compared-body",
        element("div", this.#pair, this.#pictures.root),
        element("div", element("h4.fs-title", "What changed most"), this.#filters.root),
      ),
      this.#onlyA.root,
      this.#onlyB.root,
      element("div.fs-ask", this.#explain),
      this.#swaps,
    );
    host.below.prepend(this.#root); // what the page was made for, before what any page can do
    on(this.#explain, "click", () => {
      const frame = this.#frame;
      if (frame) this.#client.ask("comparison_swaps", { image: frame.image, layer: frame.layer });
    });
  }

  // What the core tells

  painted(frame: Frame): void {
    this.#frame = frame;
    this.#ask(RESTS_AFTER.comparison);
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump();
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    clearTimeout(this.#rest);
    this.#client.dispose();
    this.#root.remove();
  }

  // What the kernel tells

  changed(): void {
    this.#layer = null;
    this.#pairOf = "";
    this.#ask(0);
  }

  refused(): void {}

  skipped(): void {
    this.#pairOf = "";
    this.#ask(RESTS_AFTER.comparison);
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    const frame = this.#frame;
    if (!newest || !frame) return;
    this.#error.hidden = !reply.error;
    if (reply.error) {
      setText(this.#error, reply.error.message);
      this.#settle("failed");
    } else if (reply.name === "comparison") {
      const comparison = decode(reply);
      if (comparison.layer !== frame.layer) return;
      setText(this.#lines, comparison.lines.join("\n"));
      this.#filters.paint(comparison.filters);
      this.#onlyA.paint(comparison.only_a);
      this.#onlyB.paint(comparison.only_b);
      this.#mark();
    } else if (reply.name === "comparison_pair") {
      const pair = decode(reply);
      if (pair.image !== frame.image || pair.layer !== frame.layer || pair.filter !== frame.filter) return;
      setText(this.#pair, pairInWords(pair));
      this.#pictures.paint(pair);
      this.#settle(`${pair.image} ${pair.layer} ${pair.filter}`);
    } else if (reply.name === "comparison_swaps") {
      const swaps = decode(reply);
      if (swaps.image === frame.image && swaps.layer === frame.layer)
        setText(this.#swaps, swapsInWords(swaps).join("\n"));
    }
  }

  // What is asked

  #ask(rest: number): void {
    const frame = this.#frame;
    this.#root.hidden = !this.#host.description()?.two_nets;
    if (!frame || this.#root.hidden) return;
    this.#mark();
    if (this.#layer !== frame.layer) {
      this.#layer = frame.layer;
      this.#client.ask("comparison", { layer: frame.layer });
    }
    const args = argsOf(frame);
    const key = JSON.stringify([args, frame.revision, this.#host.palettes.choice]);
    if (key === this.#pairOf) return;
    this.#pairOf = key;
    setText(this.#swaps, "");
    this.#settle("coming");
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#client.ask("comparison_pair", args), rest);
  }

  #mark(): void {
    const { image, filter } = this.#frame ?? { image: -1, filter: -1 };
    this.#filters.mark(filter);
    this.#onlyA.mark(image);
    this.#onlyB.mark(image);
    this.#explain.hidden = ![...this.#onlyA.images, ...this.#onlyB.images].includes(image);
  }

  /** Says to whoever waits what is on screen: image, layer and filter. */
  #settle(state: string): void {
    attribute(this.#root, "data-pair", state);
  }
}
