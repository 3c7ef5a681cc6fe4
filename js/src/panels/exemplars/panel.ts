/** What drives a filter, over the whole data set: begins the scan, and shows the exemplars of the selected filter. */

import { attribute, element, setText, uniqueId } from "../../dom/dom";
import { Select } from "../../dom/select";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels, View } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import {
  type Bar,
  type Crop,
  type Exemplars,
  type Kind,
  type ScanRequests,
  type Scans,
  tellsOfScans,
} from "../../wire/scans";
import { ScanBar } from "./bar";
import { BestCropsView } from "./best_crops";
import { DistributionView, type Place } from "./distribution";
import { MeanMap } from "./mean_map";
import { Wall } from "./wall";
import { KINDS, kindInWords, summaryInWords, whole } from "./words";

const ENTRIES = KINDS.map(([kind, words]) => [kind, words] as const);
type Answer = ScanRequests["distribution"]["body"];
const ALL: Bar = { bin: 0, label: null };

/** Where a person wants to be: pinned as soon as that image is on screen. */
interface Goal {
  readonly image: number;
  readonly layer: number;
  readonly filter: number;
  readonly view: View;
  readonly position: readonly number[];
}

export class ExemplarsPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #saved: readonly number[] | null;
  readonly #client: Client;
  readonly #bar: ScanBar;
  readonly #title = element("h3.fs-title");
  readonly #summary = element("p.fs-drives");
  readonly #notes = element("p.fs-note");
  readonly #choose: Select;
  readonly #what = element("p.fs-note.fs-what");
  readonly #wall = new Wall((crop) => this.#visit(crop));
  readonly #distribution: DistributionView;
  readonly #map: MeanMap;
  readonly #best: BestCropsView;
  readonly #body: HTMLElement;
  readonly #section: HTMLElement;
  readonly #root: HTMLElement;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();

  #frame: Frame | null = null;
  #layerName = "";
  #scans: Scans | null = null;
  #open = false;
  #ratio = 1;
  /** The bar that is looked at, in place of what is chosen. */
  #at: Bar | null = null;
  #shown: Exemplars | null = null;
  #goal: Goal | null = null;
  #palette = "";

  /** `saved`: in a saved page the indices in the data set of its images. */
  constructor(host: Host, saved: readonly number[] | null) {
    this.#host = host;
    this.#saved = saved;
    this.#client = host.client(this, { patience: LOST_AFTER.scans, inFlight: 2 });
    this.#distribution = new DistributionView(
      (place, kept) => this.#pointed(place, kept),
      saved ? "Point at a bar to read it." : "Point at a bar to see its images; a click keeps them.",
    );
    this.#map = new MeanMap(host.palettes);
    this.#best = new BestCropsView(host, (filters) => {
      if (this.#frame) this.#client.ask("best_crops", { layer: this.#frame.layer, filters });
    });
    const id = uniqueId();
    this.#bar = new ScanBar(
      {
        start: (images, only) => this.#start(images, only),
        cancel: () => this.#ask("cancel_scan"),
        open: (open) => this.#show(open),
      },
      id,
      saved === null,
    );
    this.#choose = new Select("exemplars-kind", "show", ENTRIES, "Which images of the data set", () => {
      this.#at = null;
      this.#distribution.release();
      this.#look(0);
    });
    const side = element(
      "div.fs-exemplar-side",
      element("div", element("h4.fs-title", "Its maximum in each image"), this.#distribution.root),
      this.#map.root,
    );
    const wall = element(
      "div.fs-exemplar-wall",
      element("div.fs-choices", this.#choose.root),
      this.#what,
      this.#wall.root,
    );
    this.#body = element("div.fs-exemplar-body", wall, side);
    this.#section = element(
      "section",
      { id, "data-panel": "exemplars", "aria-label": "exemplars", hidden: true },
      this.#title,
      this.#summary,
      this.#body,
      this.#notes,
    );
    this.#root = element("div.fs-exemplars", this.#bar.root, this.#section);
    host.below.append(this.#root);
    this.#body.hidden = true;
  }

  // What the core tells

  painted(frame: Frame, layerName: string): void {
    const before = this.#frame;
    this.#frame = frame;
    this.#layerName = layerName;
    const other = before?.layer !== frame.layer || before.filter !== frame.filter;
    if (before?.layer !== frame.layer || before.revision !== frame.revision) this.#ask("scans");
    if (before?.layer !== frame.layer) this.#best.follow(this.#stateOf(frame.layer));
    if (other) {
      if (this.#at) this.#distribution.release();
      this.#at = null;
      this.#look(RESTS_AFTER.exemplars);
    } else if (this.#palette !== this.#host.palettes.choice) this.#paintMap();
    this.#palette = this.#host.palettes.choice;
    if (before?.image !== frame.image) this.#wall.mark(this.#imageOnScreen());
    this.#arrive(frame);
  }

  cleared(): void {
    this.#goal = null;
  }

  placed(): void {
    this.#best.place();
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
    if (tellsOfScans(content)) this.#ask("scans");
  }

  layout(_width: number, ratio: number): void {
    this.#client.resume();
    if (ratio === this.#ratio) return;
    this.#ratio = ratio;
    this.#best.layout(ratio);
    this.#paintMap();
    if (this.#shown) this.#paintWall(this.#shown);
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#client.dispose();
    this.#best.dispose();
    this.#root.remove();
  }

  // What the kernel tells

  changed(): void {
    this.#ask("scans");
  }

  refused(): void {}

  skipped(): void {
    if (this.#scans?.status === "running") this.#ask("scans");
    this.#look(ASK_AGAIN_AFTER.crops);
    this.#best.again();
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.name === "exemplars" || reply.name === "distribution") {
      if (!newest) return;
      if (reply.error) this.#fail(reply.error.message);
      else if (reply.name === "exemplars") this.#cut(decode(reply));
      else this.#distributed(decode(reply));
    } else if (reply.name === "best_crops") {
      if (!newest || reply.error) return;
      const answer = decode(reply);
      if (answer.layer !== this.#frame?.layer) return;
      if (answer.status === "running") this.#after("best", ASK_AGAIN_AFTER.crops, () => this.#best.again());
      else this.#best.take(answer);
    } else if (reply.error) {
      if (newest) this.#bar.fail(reply.error.message);
    } else if (reply.name === "scan" || reply.name === "scans" || reply.name === "cancel_scan")
      this.#take(decode(reply));
  }

  #take(scans: Scans): void {
    if (scans.layer !== this.#frame?.layer) return; // of the layer that has come since, it was asked too
    const before = this.#scans;
    this.#scans = scans;
    attribute(this.#root, "data-status", scans.status);
    attribute(this.#root, "data-number", scans.number);
    this.#bar.paint(scans);
    setText(this.#notes, scans.notes.join(" "));
    this.#best.follow(this.#stateOf(scans.layer));
    this.#section.classList.toggle("fs-earlier", scans.earlier);
    if (scans.status === "running") this.#after("poll", ASK_AGAIN_AFTER.scan, () => this.#ask("scans"));
    else if (before?.status === "running")
      this.#host.announce(`scan ${scans.status}, ${whole(scans.images)} images`);
    if (scans.status !== "none" && (before === null || before.status === "none")) this.#show(true);
    if (before?.number !== scans.number || before.layer !== scans.layer || before.fits !== scans.fits)
      this.#look(0);
  }

  #cut(exemplars: Exemplars): void {
    const frame = this.#frame;
    if (exemplars.layer !== frame?.layer || exemplars.filter !== frame.filter) return;
    if (exemplars.status === "running") {
      this.#after("crops", ASK_AGAIN_AFTER.crops, () => this.#askExemplars());
      return;
    }
    this.#paintWall(exemplars);
  }

  #paintWall(exemplars: Exemplars): void {
    this.#shown = exemplars;
    const { kind, layer, filter } = exemplars;
    const what = kindInWords(kind, exemplars, this.#distribution.distribution);
    setText(this.#what, what);
    this.#wall.paint(exemplars, what, this.#ratio);
    this.#wall.mark(this.#imageOnScreen());
    attribute(this.#root, "data-shown", `${layer} ${filter} ${kind} ${exemplars.number}`);
    this.#settle();
  }

  #distributed(distribution: Answer): void {
    const frame = this.#frame;
    if (distribution.layer !== frame?.layer || distribution.filter !== frame.filter) return;
    if (distribution.status === "running") {
      this.#after("distribution", ASK_AGAIN_AFTER.crops, () => this.#askDistribution());
      return;
    }
    this.#body.hidden = false;
    setText(this.#title, `${this.#layerName}, filter ${frame.filter}: the images that drive it`);
    setText(
      this.#summary,
      `${summaryInWords(distribution)}${this.#scans?.earlier ? " Of earlier weights or data." : ""}`,
    );
    this.#distribution.paint(distribution);
    this.#paintMap();
    this.#settle();
  }

  #paintMap(): void {
    const distribution = this.#distribution.distribution;
    if (distribution) this.#map.paint(distribution.mean_map, distribution.why, this.#ratio);
  }

  #fail(message: string): void {
    this.#shown = null;
    this.#wall.say(message);
    this.#settle();
  }

  /** What is on the wall is the selected filter's, or it is drawn fainter. */
  #settle(): void {
    const { layer, filter } = this.#frame ?? {};
    const shown = this.#shown;
    const current = !shown || (shown.layer === layer && shown.filter === filter);
    attribute(this.#body, "data-current", current);
  }

  // What the person does

  #start(images: number | null, only: boolean): void {
    const frame = this.#frame;
    if (!frame) return;
    this.#show(true);
    this.#client.ask("scan", { layer: frame.layer, images, only_this_layer: only });
    this.#host.announce("scan begun");
  }

  #show(open: boolean): void {
    this.#open = open;
    this.#section.hidden = !open;
    this.#bar.opened(open);
    if (open) this.#look(0);
  }

  #pointed(place: Place | null, kept: boolean): void {
    if (this.#saved) return; // there would be too many images to save
    const row = place && this.#distribution.distribution?.rows[place.row];
    this.#at = place && row ? { bin: place.bin, label: row.label } : null;
    this.#after("look", kept ? 0 : RESTS_AFTER.bin, () => this.#askExemplars());
  }

  #visit(crop: Crop): void {
    const frame = this.#frame;
    if (!frame) return;
    const before = this.#scans?.maps === "pre-activation";
    const { layer, filter } = frame;
    const { position } = crop;
    const image = this.#saved ? this.#saved.indexOf(crop.image) : crop.image;
    if (image < 0) {
      setText(this.#notes, `Image ${whole(crop.image)} of the data set is not in this page.`);
      this.#host.announce(this.#notes.textContent!);
      return;
    }
    this.#goal = { image, layer, filter, view: before ? "response" : "activation", position };
    this.#host.select(before ? { image, source: "input", channel: null } : { image });
    this.#arrive(this.#host.current());
  }

  /** The image that was asked for is there: the position is pinned in its map. */
  #arrive(frame: Frame | null): void {
    const goal = this.#goal;
    if (!goal || !frame) return;
    if (frame.layer !== goal.layer || frame.filter !== goal.filter) this.#goal = null;
    if (frame.image !== goal.image || !this.#goal) return;
    this.#goal = null;
    const picture = this.#host.pictures.find(({ view }) => view === goal.view);
    const row = goal.position.length < 2 ? 0 : goal.position.at(-2)!;
    picture?.pin({ row, column: goal.position.at(-1)! });
  }

  // Inside

  /** Its index in the data set. */
  #imageOnScreen(): number {
    const image = this.#frame?.image ?? -1;
    return this.#saved?.[image] ?? image;
  }

  /** Which state of the scan a layer's best crops are of; "" where there are none. */
  #stateOf(layer: number): string {
    const scans = this.#scans;
    return scans?.layer === layer && scans.fits && scans.images > 0 ? `${layer} ${scans.number}` : "";
  }

  #look(rest: number): void {
    const frame = this.#frame;
    const scans = this.#scans;
    if (!this.#open || !frame || !scans || scans.layer !== frame.layer || scans.status === "none") return;
    if (!scans.fits || scans.images === 0) {
      this.#body.hidden = true;
      setText(this.#title, `${this.#layerName}: no images yet`);
      const why = scans.fits ? "" : "This layer was not scanned: Scan looks at it, too.";
      setText(
        this.#summary,
        scans.status === "running" && scans.fits ? "The first images are on their way …" : why,
      );
      return;
    }
    this.#settle();
    this.#after("look", rest, () => {
      this.#askExemplars();
      this.#askDistribution();
    });
  }

  #askDistribution(): void {
    if (!this.#frame || !this.#open) return;
    const { layer, filter } = this.#frame;
    this.#client.ask("distribution", { layer, filter });
  }

  #askExemplars(): void {
    const frame = this.#frame;
    if (!frame || !this.#open) return;
    const kind: Kind = this.#at ? "bin" : (this.#choose.value as Kind);
    const { layer, filter } = frame;
    this.#client.ask("exemplars", { layer, filter, kind, ...(this.#at ?? ALL) });
  }

  #ask(name: "scans" | "cancel_scan"): void {
    if (this.#frame) this.#client.ask(name, { layer: this.#frame.layer });
  }

  #after(what: string, delay: number, act: () => void): void {
    clearTimeout(this.#timers.get(what));
    if (delay === 0) act();
    else this.#timers.set(what, setTimeout(act, delay));
  }
}
