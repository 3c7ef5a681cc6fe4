/** Verdicts in the page: asks for them, and gives them to the bar, the badges and the card. */

import { attribute, element, uniqueId } from "../../dom/dom";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame, Reply } from "../../wire/messages";
import {
  type Badge,
  decodeVerdict,
  decodeVerdicts,
  type Verdicts as Found,
  tellsOfVerdicts,
  type VerdictRequest,
} from "../../wire/verdicts";
import { POLL, Removal } from "./ablation";
import { VerdictBadges } from "./badges";
import { VerdictBar } from "./bar";
import { VerdictCard } from "./card";
import { orderOf } from "./order";

/** A slider that moves on is followed where it stays. */
const SETTLED = 60;
const PATIENCE = 4000;

export class VerdictPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  readonly #bar: VerdictBar;
  readonly #badges: VerdictBadges;
  readonly #card: VerdictCard;
  readonly #removal: Removal;
  readonly #root: HTMLElement;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  #frame: Frame | null = null;
  #layerName = "";
  #found: Found | null = null;
  /** Of the layer on screen. */
  #known: { layer: number; number: number; badges: readonly Badge[] } = { layer: -1, number: -1, badges: [] };
  #open = false;
  #palette = "";

  /** `saved`: there is no net to ask, all was saved that was found. */
  constructor(host: Host, saved = false) {
    this.#host = host;
    this.#client = host.client(this, { patience: PATIENCE });
    const id = uniqueId();
    this.#bar = new VerdictBar(
      {
        start: (images, only) => this.#start(images, only),
        cancel: () => this.#ask("cancel_diagnosis", this.#place()),
        arrange: () => this.#arrange(),
        open: (open) => this.#show(open),
      },
      id,
      saved,
    );
    this.#removal = new Removal({
      frame: () => this.#frame,
      ask: (name, args) => this.#ask(name, args),
      after: (what, delay, act) => this.#after(what, delay, act),
      forget: (what) => clearTimeout(this.#timers.get(what)),
      changed: () => this.#paintBadges(),
    });
    this.#card = new VerdictCard(host.palettes, id, saved ? "" : this.#removal.root);
    this.#badges = new VerdictBadges(host.cells);
    this.#root = element(
      "section.fs-verdicts",
      { "aria-label": "verdicts" },
      this.#bar.root,
      this.#bar.below,
      this.#card.root,
    );
    host.below.append(this.#root);
  }

  // What the core tells

  painted(frame: Frame, layerName: string): void {
    const before = this.#frame;
    this.#frame = frame;
    this.#layerName = layerName;
    const other = before?.layer !== frame.layer;
    if (!other && before.kernels !== frame.kernels) this.#arrange();
    if (other) {
      this.#known = { layer: frame.layer, number: -1, badges: [] };
      this.#paintBadges();
    }
    if (other || before?.revision !== frame.revision) this.#ask("verdicts", this.#place());
    if (other || before?.filter !== frame.filter) this.#after("verdict", SETTLED, () => this.#asksVerdict());
    else if (this.#palette !== this.#host.palettes.choice) this.#card.redraw();
    this.#palette = this.#host.palettes.choice;
    if (before?.revision !== frame.revision) this.#removal.compareAnew();
    else if (before.image !== frame.image) this.#removal.compare();
    this.#removal.say();
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
    if (tellsOfVerdicts(content)) this.changed();
  }

  placed(): void {
    this.#badges.place();
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#client.dispose();
    this.#badges.dispose();
    this.#root.remove();
  }

  // What the kernel tells

  changed(): void {
    if (this.#frame) this.#ask("verdicts", this.#place());
  }

  refused(): void {}

  reply(reply: Reply, newest: boolean): void {
    if (reply.error) {
      if (newest) this.#fail(reply.name as VerdictRequest, reply.error.message);
      return;
    }
    if (reply.name === "verdict") this.#verdict(reply);
    else if (reply.name === "without") this.#removal.compared(reply);
    else if (reply.name !== "effect") this.#verdicts(decodeVerdicts(reply));
    else if (newest) this.#removal.measured(reply);
  }

  #verdicts(found: Found): void {
    if (found.layer !== this.#frame?.layer) return; // of the layer that has come since, it was asked too
    const before = this.#found;
    this.#found = found;
    if (found.filters) this.#known = { layer: found.layer, number: found.number, badges: found.filters };
    attribute(this.#root, "data-status", found.status);
    attribute(this.#root, "data-layer", found.layer);
    attribute(this.#root, "data-badges", this.#known.badges.length);
    this.#bar.paint(found, this.#known.badges);
    this.#arrange();
    if (found.status === "running") this.#after("poll", POLL, () => this.#ask("verdicts", this.#place()));
    else if (before?.status === "running") this.#host.announce(`diagnosis ${found.status}. ${found.summary}`);
    if (found.status === "none") return;
    if (before === null || before.status === "none") this.#show(true);
    const shown = this.#card.shown;
    const { layer, filter } = this.#frame;
    if (shown?.number !== found.number || shown.layer !== layer || shown.filter !== filter)
      this.#asksVerdict();
  }

  #verdict(reply: Reply): void {
    const verdict = decodeVerdict(reply);
    const { layer, filter } = this.#frame ?? {};
    if (verdict.layer === layer && verdict.filter === filter) this.#card.paint(verdict, this.#layerName);
  }

  #fail(name: VerdictRequest, message: string): void {
    if (name === "without" || name === "effect") this.#removal.fail(name, message);
    else if (name === "verdict") this.#card.paint(null, this.#layerName, message);
    else this.#bar.fail(message);
  }

  // What the person does

  #start(images: number, only: boolean): void {
    this.#show(true);
    this.#ask("diagnose", { ...this.#place(), images, only_this_layer: only });
    this.#host.announce("diagnosis begun");
  }

  #show(open: boolean): void {
    this.#open = open;
    this.#card.root.hidden = !open;
    this.#bar.opened(open);
    if (open) this.#asksVerdict();
  }

  #arrange(): void {
    const { badges } = this.#known;
    const order = orderOf(badges, this.#bar.sort, this.#bar.shown);
    this.#host.arrange(order && order.length > 0 ? order : null);
    this.#paintBadges();
  }

  // Inside

  #paintBadges(): void {
    this.#badges.show(this.#known.badges, this.#found?.earlier ?? false, new Set(this.#removal.here));
  }

  #place(): object {
    const { layer, number } = this.#known;
    return { layer: this.#frame?.layer ?? 0, held: layer === this.#frame?.layer ? number : -1 };
  }

  #asksVerdict(): void {
    const { layer, filter } = this.#frame ?? {};
    if (this.#open && this.#known.badges.length > 0) this.#ask("verdict", { layer, filter });
    else if (this.#known.badges.length === 0) this.#card.paint(null, this.#layerName);
  }

  #ask(name: VerdictRequest, args: object): void {
    this.#client.ask(name, args);
  }

  #after(what: string, delay: number, act: () => void): void {
    clearTimeout(this.#timers.get(what));
    this.#timers.set(what, setTimeout(act, delay));
  }
}
