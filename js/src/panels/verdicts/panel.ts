/** Verdicts in the page: asks for them, and gives them to the bar, the badges and the card. */

import { attribute, element, uniqueId } from "../../dom/dom";
import { Timers } from "../../state/timers";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { type ArgsOf, decode, type ReplyTo, type RequestName } from "../../wire/requests";
import {
  type Badge,
  tellsOfVerdicts,
  type VerdictRequests,
  type Verdicts,
  type VerdictsArgs,
} from "../../wire/verdicts";
import { Ablation } from "./ablation";
import { VerdictBadges } from "./badges";
import { VerdictBar } from "./bar";
import { VerdictCard } from "./card";
import { SHOWN, sortsOf } from "./order";

type Name = keyof VerdictRequests;

export class VerdictsPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #client: Client;
  readonly #bar: VerdictBar;
  readonly #badges: VerdictBadges;
  readonly #card: VerdictCard;
  readonly #ablation: Ablation;
  readonly #root: HTMLElement;
  readonly #sorts = sortsOf((layer) => this.#badgesOf(layer));
  readonly #timers = new Timers();

  #frame: Frame | null = null;
  #layerName = "";
  #verdicts: Verdicts | null = null;
  /** Of the layer on screen. */
  #known: { layer: number; number: number; badges: readonly Badge[] } = { layer: -1, number: -1, badges: [] };
  #open = false;
  #palette = "";

  /** `saved`: there is no net to ask, all was saved that was found. */
  constructor(host: Host, saved = false) {
    this.#host = host;
    this.#client = host.client(this, { patience: LOST_AFTER.verdicts });
    const id = uniqueId();
    this.#bar = new VerdictBar(
      {
        start: (images, only) => this.#start(images, only),
        cancel: () => this.#ask("cancel_diagnosis", this.#layerArgs()),
        arrange: () => this.#arrange(),
        open: (open) => this.#show(open),
      },
      id,
      saved,
    );
    this.#ablation = new Ablation({
      frame: () => this.#frame,
      ask: (name, args) => this.#ask(name, args),
      after: (what, delay, act) => this.#timers.after(what, delay, act),
      forget: (what) => this.#timers.forget(what),
      changed: () => this.#paintBadges(),
    });
    this.#card = new VerdictCard(host.palettes, id, saved ? "" : this.#ablation.root);
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
    if (other) {
      this.#known = { layer: frame.layer, number: -1, badges: [] };
      this.#arrange();
    }
    if (other || before?.revision !== frame.revision) this.#ask("verdicts", this.#layerArgs());
    if (other || before?.filter !== frame.filter)
      this.#timers.after("verdict", RESTS_AFTER.verdict, () => this.#asksVerdict());
    else if (this.#palette !== this.#host.palettes.choice) this.#card.redraw();
    this.#palette = this.#host.palettes.choice;
    if (before?.revision !== frame.revision) this.#ablation.compareAnew();
    else if (before.image !== frame.image) this.#ablation.compare();
    this.#ablation.say();
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
    this.#timers.dispose();
    this.#client.dispose();
    this.#host.order.offer("verdicts", []);
    this.#badges.dispose();
    this.#root.remove();
  }

  // What the kernel tells

  changed(): void {
    if (this.#frame) this.#ask("verdicts", this.#layerArgs());
  }

  refused(): void {}

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.error) {
      if (newest) this.#fail(reply.name as Name, reply.error.message);
    } else if (reply.name === "verdict") this.#judged(reply);
    else if (reply.name === "without") this.#ablation.compared(reply);
    else if (reply.name === "effect") {
      if (newest) this.#ablation.measured(reply);
    } else if (reply.name === "verdicts" || reply.name === "diagnose" || reply.name === "cancel_diagnosis")
      this.#take(decode(reply));
  }

  #take(verdicts: Verdicts): void {
    if (verdicts.layer !== this.#frame?.layer) return; // of the layer that has come since, it was asked too
    const before = this.#verdicts;
    this.#verdicts = verdicts;
    if (verdicts.filters)
      this.#known = { layer: verdicts.layer, number: verdicts.number, badges: verdicts.filters };
    attribute(this.#root, "data-status", verdicts.status);
    attribute(this.#root, "data-layer", verdicts.layer);
    attribute(this.#root, "data-badges", this.#known.badges.length);
    this.#bar.paint(verdicts, this.#known.badges);
    this.#arrange();
    if (verdicts.status === "running")
      this.#timers.after("poll", ASK_AGAIN_AFTER.diagnosis, () => this.#ask("verdicts", this.#layerArgs()));
    else if (before?.status === "running")
      this.#host.announce(`diagnosis ${verdicts.status}. ${verdicts.summary}`);
    if (verdicts.status === "none") return;
    if (before === null || before.status === "none") this.#show(true);
    const shown = this.#card.shown;
    const { layer, filter } = this.#frame;
    if (shown?.number !== verdicts.number || shown.layer !== layer || shown.filter !== filter)
      this.#asksVerdict();
  }

  #judged(reply: ReplyTo<"verdict">): void {
    const verdict = decode(reply);
    const { layer, filter } = this.#frame ?? {};
    if (verdict.layer === layer && verdict.filter === filter) this.#card.paint(verdict, this.#layerName);
  }

  #fail(name: Name, message: string): void {
    if (name === "without" || name === "effect") this.#ablation.fail(name, message);
    else if (name === "verdict") this.#card.paint(null, this.#layerName, message);
    else this.#bar.fail(message);
  }

  // What the person does

  #start(images: number, only: boolean): void {
    this.#show(true);
    this.#ask("diagnose", { ...this.#layerArgs(), images, only_this_layer: only });
    this.#host.announce("diagnosis begun");
  }

  #show(open: boolean): void {
    this.#open = open;
    this.#card.root.hidden = !open;
    this.#bar.opened(open);
    if (open) this.#asksVerdict();
  }

  #arrange(): void {
    const { order } = this.#host;
    const { holds } = SHOWN.find(({ value }) => value === this.#bar.shown) ?? SHOWN[0]!;
    order.offer("verdicts", this.#known.badges.length > 0 ? this.#sorts : [], ({ layer }, filter) => {
      const badge = this.#badgesOf(layer)[filter];
      return !badge || holds(badge);
    });
    this.#paintBadges();
  }

  // Inside

  #paintBadges(): void {
    this.#badges.show(this.#known.badges, this.#verdicts?.earlier ?? false, new Set(this.#ablation.here));
  }

  #badgesOf(layer: number): readonly Badge[] {
    return layer === this.#known.layer ? this.#known.badges : [];
  }

  #layerArgs(): VerdictsArgs {
    const { layer, number } = this.#known;
    return { layer: this.#frame?.layer ?? 0, held: layer === this.#frame?.layer ? number : -1 };
  }

  #asksVerdict(): void {
    const frame = this.#frame;
    if (this.#open && frame && this.#known.badges.length > 0)
      this.#ask("verdict", { layer: frame.layer, filter: frame.filter });
    else if (this.#known.badges.length === 0) this.#card.paint(null, this.#layerName);
  }

  #ask<name extends Name>(name: name, args: ArgsOf<name>): void {
    this.#client.ask(name, args);
  }
}
