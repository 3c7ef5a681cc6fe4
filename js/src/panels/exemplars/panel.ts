/** What drives a filter, over the whole data set: begins the scan, and shows the exemplars of the selected filter. */

import { attribute, element, setText, uniqueId } from "../../dom/dom";
import { Timers } from "../../state/timers";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { type Crop, type Exemplars, type ScanRequests, type Scans, tellsOfScans } from "../../wire/scans";
import { ScanBar } from "./bar";
import { BestCropsView } from "./best_crops";
import { FilterExemplars } from "./filter_exemplars";
import { Visit } from "./visit";
import { whole } from "./words";

type Answer = ScanRequests["distribution"]["body"];
export class ExemplarsPanel implements Partial<Panels>, Listener {
  readonly #host: Host;
  readonly #saved: readonly number[] | null;
  readonly #client: Client;
  readonly #bar: ScanBar;
  readonly #filter: FilterExemplars;
  readonly #notes = element("p.fs-note");
  readonly #visit: Visit;
  readonly #best: BestCropsView;
  readonly #section: HTMLElement;
  readonly #root: HTMLElement;
  readonly #timers = new Timers();

  #frame: Frame | null = null;
  #layerName = "";
  #scans: Scans | null = null;
  #open = false;
  #ratio = 1;

  /** `saved`: in a saved page the indices in the data set of its images. */
  constructor(host: Host, saved: readonly number[] | null) {
    this.#host = host;
    this.#saved = saved;
    this.#client = host.client(this, { patience: LOST_AFTER.scans, inFlight: 2 });
    this.#visit = new Visit(host);
    this.#filter = new FilterExemplars(
      host.palettes,
      {
        chosen: () => this.#look(0),
        pointed: (kept) => this.#timers.after("look", kept ? 0 : RESTS_AFTER.bin, () => this.#askExemplars()),
        visit: (crop) => this.#go(crop),
      },
      saved !== null,
    );
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
    this.#section = element(
      "section",
      { id, "data-panel": "exemplars", "aria-label": "exemplars", hidden: true },
      ...this.#filter.nodes,
      this.#notes,
    );
    this.#root = element("div.fs-exemplars", this.#bar.root, this.#section);
    host.below.append(this.#root);
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
      this.#filter.release();
      this.#look(RESTS_AFTER.exemplars);
    } else this.#filter.recolour();
    if (before?.image !== frame.image) this.#filter.mark(this.#imageOnScreen());
    this.#visit.arrive(frame);
  }

  cleared(): void {
    this.#visit.end();
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
    this.#filter.layout(ratio);
  }

  dispose(): void {
    this.#timers.dispose();
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
      if (reply.error) this.#filter.say(reply.error.message);
      else if (reply.name === "exemplars") this.#cut(decode(reply));
      else this.#distributed(decode(reply));
    } else if (reply.name === "best_crops") {
      if (!newest || reply.error) return;
      const answer = decode(reply);
      if (answer.layer !== this.#frame?.layer) return;
      if (answer.status === "running")
        this.#timers.after("best", ASK_AGAIN_AFTER.crops, () => this.#best.again());
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
    if (scans.status === "running")
      this.#timers.after("poll", ASK_AGAIN_AFTER.scan, () => this.#ask("scans"));
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
      this.#timers.after("crops", ASK_AGAIN_AFTER.crops, () => this.#askExemplars());
      return;
    }
    const { layer, filter, kind, number } = exemplars;
    this.#filter.paintWall(exemplars);
    this.#filter.mark(this.#imageOnScreen());
    attribute(this.#root, "data-shown", `${layer} ${filter} ${kind} ${number}`);
    this.#filter.settle(layer, filter);
  }

  #distributed(distribution: Answer): void {
    const frame = this.#frame;
    if (distribution.layer !== frame?.layer || distribution.filter !== frame.filter) return;
    if (distribution.status === "running") {
      this.#timers.after("distribution", ASK_AGAIN_AFTER.crops, () => this.#askDistribution());
      return;
    }
    this.#filter.paintDistribution(distribution, this.#layerName, this.#scans?.earlier === true);
    this.#filter.settle(frame.layer, frame.filter);
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

  #go(crop: Crop): void {
    const frame = this.#frame;
    if (!frame) return;
    const image = this.#saved ? this.#saved.indexOf(crop.image) : crop.image;
    if (image < 0) {
      setText(this.#notes, `Image ${whole(crop.image)} of the data set is not in this page.`);
      this.#host.announce(this.#notes.textContent!);
    } else this.#visit.begin(frame, image, crop.position, this.#scans?.maps === "pre-activation");
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
      const coming = scans.status === "running" ? "The first images are on their way …" : "";
      this.#filter.empty(
        `${this.#layerName}: no images yet`,
        scans.fits ? coming : "This layer was not scanned: Scan looks at it, too.",
      );
      return;
    }
    this.#filter.settle(frame.layer, frame.filter);
    this.#timers.after("look", rest, () => {
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
    const { layer, filter } = frame;
    this.#client.ask("exemplars", { layer, filter, ...this.#filter.asked });
  }

  #ask(name: "scans" | "cancel_scan"): void {
    if (this.#frame) this.#client.ask(name, { layer: this.#frame.layer });
  }
}
