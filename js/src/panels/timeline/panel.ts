/** The net over its checkpoints: the selected filter at each of them, and what changed when in its layer. */

import { attribute, element, on, setText, uniqueId } from "../../dom/dom";
import { argsOf } from "../../state/frames";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import { tellsOfCheckpoints } from "../../wire/description";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { KeptTimeline, Timeline } from "../../wire/timeline";
import { ChangeMap, valueAt } from "./heat";
import { Line } from "./lines";
import { FilterStrip } from "./strip";
import { marksInWords, runsInWords, statusInWords } from "./words";

const IMAGES = 1000;

export class TimelinePanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #kept: KeptTimeline | null;
  readonly #client: Client;
  readonly #toggle = element("button.fs-wide", { type: "button", name: "show-timeline" });
  readonly #judge = element("button.fs-wide", { type: "button", name: "judge-timeline" }, "Judge all");
  readonly #images = element("input", {
    type: "number",
    name: "timeline-images",
    min: 1,
    step: 1,
    value: String(IMAGES),
    title: "How many images are looked at, the same ones at each checkpoint",
  });
  readonly #status = element("span.fs-surveyed");
  readonly #title = element("h3.fs-title");
  readonly #verdicts = element("p.fs-drives");
  readonly #summary = element("p.fs-note");
  readonly #marks = element("p.fs-note");
  readonly #strip: FilterStrip;
  readonly #start = new Line("Distance from the start");
  readonly #end = new Line("Distance from the end");
  readonly #map: ChangeMap;
  readonly #section: HTMLElement;
  readonly #root: HTMLElement;

  #frame: Frame | null = null;
  #layerName = "";
  #timeline: Timeline | null = null;
  #open = false;
  #width = 0;
  /** What the strip shows, or will show when all of it has come. */
  #stripOf = "";
  #stripFrame: Frame | null = null;
  #poll: ReturnType<typeof setTimeout> | undefined;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(host: Host, kept: KeptTimeline | null) {
    this.#host = host;
    this.#kept = kept;
    this.#client = host.client(this, { patience: LOST_AFTER.timeline, inFlight: 2 });
    this.#strip = new FilterStrip(host.palettes, (checkpoint) => host.select({ checkpoint }));
    this.#map = new ChangeMap(host.palettes, (filter, checkpoint) => host.select({ filter, checkpoint }));
    const id = uniqueId();
    attribute(this.#toggle, "aria-controls", id);
    const many = element("label.fs-choice", this.#images, element("span.fs-name", "images"));
    const ask = element("div.fs-ask", this.#judge, many, this.#status);
    const lines = element("div.fs-time-lines", this.#start.root, this.#end.root);
    const map = element("div", this.#map.root, this.#marks);
    this.#section = element(
      "section",
      { id, "data-panel": "timeline", "aria-label": "through time", hidden: true },
      this.#title,
      this.#verdicts,
      this.#strip.root,
      element("div.fs-time-body", lines, map),
      ask,
      this.#summary,
    );
    for (const node of [this.#judge, many]) node.hidden = kept !== null; // that takes the net
    this.#root = element("div.fs-timeline", { hidden: true }, this.#toggle, this.#section);
    host.below.append(this.#root);
    on(this.#toggle, "click", () => this.#show(!this.#open));
    on(this.#judge, "click", () => this.#begin());
    this.#show(false);
  }

  // What the core tells

  painted(frame: Frame, layerName: string): void {
    const before = this.#frame;
    this.#frame = frame;
    this.#layerName = layerName;
    this.#root.hidden = !this.#isThere();
    if (!this.#open || this.#root.hidden) return;
    this.#markAll();
    const sameFilter = before?.layer === frame.layer && before.filter === frame.filter;
    if (!sameFilter) this.#ask();
    if (this.#stripOf !== this.#place(frame)) this.#askStrip(RESTS_AFTER.timeline);
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump();
    if (tellsOfCheckpoints(content)) this.#ask();
  }

  layout(width: number): void {
    this.#client.resume();
    this.#width = width;
    if (this.#open) this.#paint();
  }

  dispose(): void {
    clearTimeout(this.#poll);
    clearTimeout(this.#rest);
    this.#client.dispose();
    this.#root.remove();
  }

  // What the kernel tells

  changed(): void {
    this.#stripOf = "";
    this.#ask();
  }

  refused(): void {}

  skipped(): void {
    if (!this.#open) return;
    this.#ask();
    if (this.#stripOf && this.#strip.items < this.#titles.length) this.#more();
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (!newest) return;
    if (reply.error) {
      setText(this.#status, reply.error.message);
      this.#settle(true);
    } else if (reply.name === "timeline_strip") {
      const { start, items } = decode(reply);
      if (start !== this.#strip.items) return;
      this.#strip.add(items);
      this.#more();
    } else if (
      reply.name === "timeline" ||
      reply.name === "judge_timeline" ||
      reply.name === "cancel_timeline"
    )
      this.#take(decode(reply));
  }

  #take(timeline: Timeline): void {
    if (timeline.layer !== this.#frame?.layer || timeline.filter !== this.#frame.filter) return;
    this.#timeline = timeline;
    clearTimeout(this.#poll);
    const { status, read, count } = timeline;
    if (this.#open && (status === "running" || read < count))
      this.#poll = setTimeout(() => this.#ask(), ASK_AGAIN_AFTER.timeline);
    setText(this.#judge, status === "running" ? "Cancel" : "Judge all");
    setText(this.#status, statusInWords(timeline));
    this.#paint();
  }

  #paint(): void {
    const timeline = this.#timeline;
    const frame = this.#frame;
    if (!timeline || !frame) return;
    const titles = this.#titles;
    const { filter } = timeline;
    setText(this.#title, `${this.#layerName}, filter ${filter}: over ${titles.length} checkpoints`);
    const words = [
      runsInWords("structure", timeline.steps, ({ structure }) => structure, titles),
      runsInWords("state", timeline.steps, ({ state }) => state, titles),
      runsInWords("use", timeline.steps, ({ use }) => use, titles),
      runsInWords("most for", timeline.steps, ({ best }) => best, titles),
    ];
    setText(this.#verdicts, words.filter(Boolean).join(". "));
    const along = (tensor: Timeline["step"]) =>
      titles.map((_, at) => (tensor ? valueAt(tensor, filter, at) : Number.NaN));
    this.#start.paint(along(timeline.from_start));
    this.#end.paint(along(timeline.to_end));
    this.#map.paint(timeline, titles, Math.max(240, this.#width > 900 ? this.#width / 2 : this.#width - 20));
    setText(this.#marks, marksInWords(timeline));
    setText(this.#summary, timeline.summary);
    attribute(this.#root, "data-read", timeline.read);
    attribute(this.#root, "data-judged", timeline.judged);
    this.#markAll();
    this.#settle();
  }

  #markAll(): void {
    const frame = this.#frame;
    if (!frame) return;
    const { checkpoint } = frame;
    this.#strip.mark(checkpoint);
    this.#start.mark(checkpoint);
    this.#end.mark(checkpoint);
    this.#map.mark(frame.filter, checkpoint);
  }

  // What is asked

  get #titles(): readonly string[] {
    return this.#kept?.titles ?? this.#host.description()?.checkpoints ?? [];
  }

  #isThere(): boolean {
    return this.#titles.length > 0 && (this.#kept === null || this.#kept.layer === this.#frame?.layer);
  }

  #show(open: boolean): void {
    this.#open = open;
    this.#section.hidden = !open;
    attribute(this.#toggle, "aria-expanded", open);
    setText(this.#toggle, open ? "Hide through time" : "Through time");
    clearTimeout(this.#poll);
    if (!open) return;
    this.#ask();
    this.#askStrip(0);
  }

  #ask(): void {
    const frame = this.#frame;
    this.#root.hidden = !this.#isThere();
    if (!frame || !this.#open || this.#root.hidden) return;
    this.#client.ask("timeline", { layer: frame.layer, filter: frame.filter });
    if (this.#stripOf !== this.#place(frame)) this.#askStrip(RESTS_AFTER.timeline);
  }

  #begin(): void {
    const frame = this.#frame;
    if (!frame) return;
    const { layer, filter } = frame;
    if (this.#timeline?.status === "running") {
      this.#client.ask("cancel_timeline", { layer, filter });
      return;
    }
    const images = Math.round(this.#images.valueAsNumber);
    if (!(images >= 1)) setText(this.#status, "Type how many images are looked at, 1 or more.");
    else this.#client.ask("judge_timeline", { layer, filter, images, ablation: false });
  }

  /** What the strip shows of a frame: the same whichever checkpoint is selected. */
  #place(frame: Frame): string {
    const { revision: _, ...args } = { ...argsOf(frame), revision: 0 };
    return JSON.stringify({ ...args, checkpoint: null, titles: this.#titles.length });
  }

  #askStrip(rest: number): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      const frame = this.#frame;
      if (!frame || !this.#open || !this.#isThere()) return;
      this.#stripOf = this.#place(frame);
      this.#stripFrame = frame;
      this.#strip.name(this.#titles);
      this.#markAll();
      this.#strip.begin();
      this.#settle();
      this.#more();
    }, rest);
  }

  /** Asks for the rest of the strip that was begun, whatever has been selected since. */
  #more(): void {
    const frame = this.#stripFrame;
    if (!frame || !this.#open) return;
    if (this.#strip.items >= this.#titles.length) {
      this.#strip.paint();
      attribute(this.#root, "data-filter", frame.filter);
      attribute(this.#root, "data-image", frame.image);
    } else this.#client.ask("timeline_strip", { ...argsOf(frame), start: this.#strip.items });
    this.#settle();
  }

  /** Says to whoever waits that all of it is on screen. */
  #settle(failed = false): void {
    const whole = this.#strip.items >= this.#titles.length && this.#titles.length > 0;
    attribute(this.#root, "data-strip", failed ? "failed" : whole ? this.#titles.length : "coming");
  }
}
