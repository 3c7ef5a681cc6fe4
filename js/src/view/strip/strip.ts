/** The strip of the data set's images: one sheet of thumbnails, which follows the selected image or a filter. */

import { element, on, setText } from "../../dom/dom";
import { hasModifier, keyTarget } from "../../dom/keys";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import { Client, type Listener, type Wire } from "../../wire/client";
import type { ReplyTo, RequestName } from "../../wire/requests";
import { decodeStrip, type Strip, type StripArgs } from "../../wire/strip";
import { type StripActions, StripControls } from "./controls";
import { StripItems } from "./items";
import {
  type Filter,
  filters,
  NO_FILTER,
  type Shape,
  shapeOf,
  sheetHolding,
  troubleInWords,
  withinList,
} from "./sheets";

const UNKNOWN = Number.POSITIVE_INFINITY;

export interface StripOptions {
  select(image: number): void;
  /** While the view waits for a frame, nothing is asked. */
  someoneWaits(): boolean;
  visible(): boolean;
}

interface Painted {
  readonly strip: Strip;
  readonly filter: Filter;
  /** How many images were asked for. */
  readonly size: number;
}

export class StripView implements Listener, StripActions {
  readonly #items = new StripItems();
  readonly #controls = new StripControls(this);
  readonly #message = element("p", { role: "status" });
  readonly #options: StripOptions;
  readonly #client: Client;
  readonly root: HTMLElement;

  /** No size before the first layout. */
  #shape: Shape = { columns: 0, rows: 0, size: 0 };
  /** The sheet that is wanted, painted or not. */
  #start = 0;
  #filter = NO_FILTER;
  /** A place in the list; the sheet follows it. */
  #checkpoint: number | null = null;
  #cursor = 0;
  #selected = 0;
  #painted: Painted | null = null;
  #trouble = "";
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stalled = false;
  /** The selection left the sheet and may still be on its way. */
  #following = false;

  constructor(wire: Wire, options: StripOptions) {
    this.#options = options;
    this.#client = new Client(wire, this, { ...options, patience: LOST_AFTER.strip, inFlight: 1 });
    const { root: head, bar } = this.#controls;
    const body = element("div.fs-strip-body", bar, this.#items.root, this.#message);
    this.root = element("section.fs-strip", { "data-strip": true, "aria-label": "images" }, head, body);
    on(this.#items.root, "click", (event) => this.#click(event));
    on(this.#items.root, "keydown", (event) => this.#key(event));
    this.#show();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#client.dispose();
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what the view waited for
  }

  /** Called when the view is seen again. */
  resume(): void {
    this.#client.resume();
    if (this.#stalled) this.#ask();
  }

  layout(width: number): void {
    const before = this.#shape;
    const shape = shapeOf(width);
    if (before.columns === shape.columns && before.rows === shape.rows) return;
    const heldSelected = this.#holds(this.#selected);
    this.#shape = shape;
    this.root.style.setProperty("--fs-columns", String(shape.columns));
    this.root.style.setProperty("--fs-rows", String(shape.rows));
    this.#items.trim(shape.size);
    const lost = before.size === 0 || (heldSelected && !this.#holds(this.#selected));
    if (lost && !filters(this.#filter)) this.#start = this.#sheetOfSelected();
    else this.#start = withinList(this.#start, shape.size, this.#length);
    if (before.size > 0) this.#askSoon(RESTS_AFTER.strip);
    else this.#ask();
    this.#show();
  }

  /** The selected image, wherever it was selected, and the checkpoint whose predictions are told. */
  mark(image: number, checkpoint: number | null): void {
    if (checkpoint !== this.#checkpoint) {
      this.#checkpoint = checkpoint;
      if (this.#painted) this.#askSoon(RESTS_AFTER.strip);
    }
    if (image === this.#selected) return;
    this.#selected = image;
    this.#items.select(image);
    if (!filters(this.#filter)) this.#cursor = image;
    this.#items.moveCursor(this.#cursor);
    if (this.#shape.size === 0 || filters(this.#filter)) return;
    if (!this.#holds(image)) {
      this.#start = this.#sheetOfSelected();
      this.#following = true;
    }
    if (this.#following) this.#askSoon(RESTS_AFTER.strip);
    this.#show();
  }

  turn(sheets: -1 | 1): void {
    const { size } = this.#shape;
    const start = withinList(this.#start + sheets * size, size, this.#length);
    if (start === this.#start) return;
    this.#cursor = start;
    this.#go(start);
  }

  jump(place: number): void {
    const length = this.#length;
    if (length === 0 || length === UNKNOWN) return;
    this.#cursor = Math.max(0, Math.min(place, length - 1));
    this.#go(withinList(this.#cursor, this.#shape.size, length));
  }

  choose(filter: Filter): void {
    this.#filter = filter;
    this.#client.forget("strip"); // what is on its way answers another filter
    this.#cursor = filters(filter) ? 0 : this.#selected;
    this.#go(filters(filter) ? 0 : this.#sheetOfSelected());
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.name !== "strip") return;
    try {
      if (reply.error) throw new Error(reply.error.message);
      this.#paint(decodeStrip(reply, this.#painted?.strip), newest);
    } catch (error) {
      if (newest) this.#fail((error as Error).message);
    }
    this.#show();
  }

  changed(): void {
    this.#client.forget("strip");
    this.#ask();
  }

  refused(): void {}

  /** How many images the list has; no end while nobody knows. */
  get #length(): number {
    const painted = this.#painted;
    if (!filters(this.#filter)) return painted?.strip.total ?? UNKNOWN;
    return painted?.filter === this.#filter ? painted.strip.matching : UNKNOWN;
  }

  #holds(place: number): boolean {
    return place >= this.#start && place < this.#start + this.#shape.size;
  }

  #sheetOfSelected(): number {
    return sheetHolding(this.#selected, 0, Math.max(1, this.#shape.size), this.#length);
  }

  #go(start: number): void {
    this.#start = start;
    this.#ask();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.#stalled = false;
    this.#following = false;
    const painted = this.#painted;
    if (this.#shape.size === 0) return;
    const args: StripArgs = {
      start: this.#start,
      count: this.#shape.size,
      ...this.#filter,
      ...(painted?.filter === this.#filter &&
        painted.strip.start === this.#start && { held: painted.strip.pictures }),
    };
    this.#client.ask("strip", args);
    this.#show();
  }

  /** Only the last of many in a row asks, and only where somebody sees it. */
  #askSoon(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (this.#options.visible()) this.#ask();
      else this.#stalled = true;
    }, delay);
  }

  #paint(strip: Strip, newest: boolean): void {
    this.#painted = { strip, filter: this.#filter, size: newest ? this.#shape.size : 0 };
    this.#trouble = troubleInWords(strip, this.#filter);
    this.#items.paint(strip);
    this.#items.trim(this.#shape.size); // it may have been asked for while there was more room
    this.#items.select(this.#selected);
    if (strip.start === this.#start && !this.#holds(this.#cursor)) {
      this.#cursor = strip.start + Math.max(0, strip.images.indexOf(this.#selected));
    }
    this.#items.moveCursor(this.#cursor);
    if (newest && this.#surveying) this.#askSoon(ASK_AGAIN_AFTER.survey);
  }

  #fail(sentence: string): void {
    this.#painted = null;
    this.#trouble = sentence;
    this.#items.clear();
  }

  get #surveying(): boolean {
    const { running, needed } = this.#painted?.strip.survey ?? { running: false, needed: false };
    return running && needed;
  }

  #show(): void {
    const painted = this.#painted;
    const strip = painted?.strip ?? null;
    const start = this.#start;
    const { size } = this.#shape;
    const current = strip?.start === start && painted?.size === size && painted.filter === this.#filter;
    this.#controls.show(strip, painted?.filter ?? NO_FILTER, { start, size, length: this.#length });
    setText(this.#message, this.#trouble);
    Object.assign(this.root.dataset, {
      ready: current && !this.#surveying && !this.#client.busy,
      current: current || this.#trouble !== "",
      start: strip?.start ?? "",
      count: strip?.images.length ?? "",
    });
  }

  #click(event: Event): void {
    const item = (event.target as Element).closest<HTMLElement>("[data-index]");
    if (!item) return;
    this.#cursor = this.#items.placeOf(item);
    this.#items.moveCursor(this.#cursor);
    this.#options.select(Number(item.dataset.index));
  }

  #key(event: KeyboardEvent): void {
    const shape = this.#shape;
    const length = this.#length;
    if (hasModifier(event) || length === 0 || length === UNKNOWN) return;
    const rows = { columns: shape.rows > 1 ? shape.columns : 1, jump: shape.size };
    const target = keyTarget(event.key, this.#cursor, rows, length);
    if (target !== null) this.#moveCursor(target, shape.size, length);
    else if (event.key === "Enter" || event.key === " ") this.#pick();
    else return;
    event.preventDefault();
  }

  /** Without a filter a place is an image, painted already or not. */
  #pick(): void {
    const image = this.#items.imageAt(this.#cursor) ?? (filters(this.#filter) ? null : this.#cursor);
    if (image !== null) this.#options.select(image);
  }

  #moveCursor(place: number, size: number, length: number): void {
    this.#cursor = place;
    this.#items.moveCursor(place);
    if (!this.#holds(place)) this.#go(sheetHolding(place, this.#start, size, length));
  }
}
