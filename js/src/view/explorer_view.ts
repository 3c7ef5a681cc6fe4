/** One view of an explorer: the selection goes in, the newest frame that has come is painted. */

import type { AnyModel } from "@anywidget/types";
import { element, onResize } from "../dom/dom";
import { keepOwnKeys } from "../dom/keys";
import { Status } from "../dom/status";
import { followTheme, onThemeChange } from "../dom/theme";
import { Palettes } from "../draw/palette";
import { sameArgs } from "../state/frames";
import { Prefetch } from "../state/prefetch";
import type { Selection, Traits } from "../state/selection";
import { LOST_AFTER } from "../state/timing";
import { spoken } from "../text/format";
import { Client, type Listener } from "../wire/client";
import { type Description, tellsOfCheckpoints } from "../wire/description";
import type { Frame } from "../wire/frame";
import { Line } from "../wire/line";
import { decode, type ReplyTo, type RequestName } from "../wire/requests";
import { Choice, type Drawing } from "./choice";
import { followHost, followModel, type Received } from "./connection";
import { Controls } from "./controls";
import { FrameSource } from "./frame_source";
import type { Host, MakePanels } from "./host";
import { paintedInWords, tellNothing, tellPainted } from "./painted";
import { imported } from "./panels_slot";
import { Pictures } from "./pictures";
import { Still } from "./still";
import { StripView } from "./strip/strip";

export class ExplorerView implements Listener {
  readonly root = element("div.filterscope");
  readonly #model: AnyModel<Traits>;
  readonly #choice: Choice;
  readonly #line: Line;
  readonly #palettes = new Palettes();
  readonly #status = new Status(this.root);
  readonly #pictures = new Pictures(this.#palettes, {
    select: (change) => this.#select(change),
    plane: (plane) => this.#draw({ plane }),
  });
  readonly #controls: Controls;
  readonly #client: Client;
  readonly #strip: StripView;
  readonly #prefetch: Prefetch;
  readonly #host: Host;
  readonly #frames: FrameSource;
  readonly #slot = this.#pictures.slot;
  /** As wide as there is room, and never high. */
  readonly #width = element("div");
  readonly #still: Still;

  #description: Description | null = null;
  #painted: Frame | null = null;
  readonly #errors: Partial<Record<RequestName, string | null>> = {};
  #notice: string | null = null;
  readonly #undo: (() => void)[] = [];

  /** `panels`: where they need not be fetched, as in a saved page. */
  constructor(model: AnyModel<Traits>, { panels }: { panels?: MakePanels } = {}) {
    this.#model = model;
    this.#choice = new Choice(model, () => this.#description);
    this.#line = new Line(model, () => this.#kernelChanged());
    this.#still = new Still(model, this.#line);
    this.#controls = new Controls(
      {
        select: (change) => this.#select(change),
        scale: (scale) => this.#draw({ scale }),
        slice: (change) => this.#draw(change),
        palette: (choice) => {
          this.#palettes.choice = choice;
          if (this.#painted) this.#paint(this.#painted);
        },
      },
      this.#status.busy,
    );
    const visible = () => this.root.isConnected;
    const someoneWaits = () => this.#client.busy; // nothing else delays a frame
    const current = () => (this.root.dataset.ready === "true" ? this.#painted : null);
    const { frame: patience, first } = LOST_AFTER;
    this.#client = new Client(this.#line, this, { patience, first, visible });
    this.#frames = new FrameSource(this.#client);
    this.#prefetch = new Prefetch(this.#line, {
      frames: this.#frames.kept,
      current,
      lengths: () => this.#choice.lengths,
      inLayer: (layer) => (this.#description?.layers[layer] ? this.#choice.args({ layer }) : null),
      framed: (reply) => this.#frames.keep(reply),
      more: () => this.#follow(true),
      someoneWaits,
      visible,
    });
    this.#strip = new StripView(this.#line, {
      select: (image) => this.#select({ image }),
      someoneWaits,
      visible: () => this.root.getClientRects().length > 0,
    });
    const parts = [this.#strip.root, this.#controls.root, ...this.#status.nodes, ...this.#pictures.nodes];
    this.root.append(element("div.fs-inner", this.#width, ...parts, this.#still.root));
    this.#host = {
      root: this.root,
      client: (listener, options) => new Client(this.#line, listener, { ...options, visible, someoneWaits }),
      ...this.#pictures.places,
      current,
      description: () => this.#description,
      paint: (frame) => this.#paint(frame),
      select: (change) => this.#select(change),
      load: (text) => imported(text).catch(() => null),
      announce: (words) => this.#status.announce(words),
    };
    this.#listen();
    if (panels) this.#slot.stand(panels, this.#host, () => {});
    this.#client.ask("describe", {});
    this.#follow();
    this.#line.shown(); // after the questions: these are waited for
  }

  dispose(): void {
    this.#line.probe(false);
    this.#line.hidden();
    this.#pictures.end();
    // Their pixels go now, whoever still holds the nodes.
    for (const canvas of this.root.querySelectorAll("canvas")) canvas.width = canvas.height = 0;
    for (const undo of this.#undo) undo();
    for (const part of [this.#client, this.#strip, this.#prefetch, this.#slot]) part.dispose();
    for (const part of [this.#controls, this.#status, this.#still]) part.dispose();
    this.#frames.kept.clear();
    this.#painted = this.#description = null;
    this.root.remove();
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (reply.error) {
      if (reply.name === "panels") this.#slot.refuse(this.#host);
      else if (newest) this.#fail(reply.error.message, reply.name);
      return; // an older question's error says nothing about what is asked now
    }
    try {
      if (reply.name === "describe") this.#described(decode(reply));
      else if (reply.name === "panels") this.#load(decode(reply).modules);
      else if (reply.name === "frame") {
        const frame = this.#frames.take(reply, newest);
        if (frame) this.#framed(frame);
        else if (newest) this.#follow();
      }
    } catch (error) {
      if (newest) this.#fail(`The page cannot read the answer: ${(error as Error).message}`, reply.name);
    }
  }

  changed(revision: number): void {
    this.#frames.changed(revision);
    this.#client.ask("describe", {});
    this.#follow();
  }

  refused(message: string): void {
    this.#notice = message;
    this.#follow();
  }

  #listen(): void {
    const { root } = this;
    const received: Received = (content, buffers) => this.#received(content, buffers);
    this.#undo.push(
      followModel(this.#model, received, () => this.#follow()),
      followHost(this.#model, root, this.#line),
      keepOwnKeys(root),
      // Not the root's: its height changes by what is laid out then, which WebKit reports as an error.
      onResize(this.#width, () => this.#resize()),
      onThemeChange(root, () => {
        followTheme(root);
        this.#pictures.themed();
      }),
    );
  }

  #received(content: unknown, buffers: readonly unknown[] = []): void {
    this.#still.heard();
    this.#client.receive(content, buffers);
    if (tellsOfCheckpoints(content)) this.#client.ask("describe", {});
    this.#strip.receive(content, buffers);
    this.#prefetch.receive(content, buffers);
    this.#slot.panels?.receive(content, buffers);
  }

  /** The kernel has gone: what it drew last stays, with its own selection. Or it is back: then all is asked anew. */
  #kernelChanged(): void {
    if (this.#line.gone) this.#follow();
    else {
      this.#line.shown();
      this.#received({ kind: "changed", revision: 0 });
    }
  }

  /** The selection of what is painted: nobody can draw another one. */
  #stay(): void {
    if (!this.#painted) return;
    this.#choice.take(this.#painted);
    this.#frames.settle();
  }

  #select(change: Partial<Selection>): void {
    this.#notice = null;
    const moved = this.#choice.select(change);
    this.#follow(); // what is asked goes first: the pictures do not wait for the traits
    if (moved && !this.#line.gone) this.#model.save_changes();
  }

  #draw(change: Partial<Drawing>): void {
    this.#choice.draw(change);
    this.#follow();
  }

  /** Brings the view to the selection: from what is painted, from a frame that is kept (of which `more` has come), or by asking. */
  #follow(more = false): void {
    const args = this.#choice.args();
    if (!more && this.#painted && this.#frames.answers(this.#painted, args)) this.#frames.settle();
    else {
      const frame = this.#frames.find(args);
      if (frame) {
        this.#frames.settle();
        this.#paint(frame);
      } else if (this.#line.gone) this.#stay();
      else if (!more) this.#frames.ask(args);
    }
    this.#show();
    if (this.root.dataset.ready === "true") this.#prefetch.painted(this.#painted!);
  }

  #described(description: Description): void {
    this.#description = description;
    this.#errors.describe = null;
    if (this.#painted) this.#paint(this.#painted); // a frame may come first, and has no names
    this.#frames.reached(description.revision);
    this.#follow();
  }

  #framed(frame: Frame): void {
    const images = Math.max(this.#description?.images ?? 0, frame.images);
    if (this.#description) this.#description = { ...this.#description, images };
    this.#paint(frame);
    this.#follow(); // it may hold the filter that was selected meanwhile
  }

  #paint(frame: Frame): void {
    this.#errors.frame = null;
    const name = this.#layerName(frame);
    this.#painted = frame;
    this.#pictures.paint(frame, name);
    tellPainted(this.root, frame);
    this.#status.announce(paintedInWords(frame, name));
  }

  #fail(sentence: string, name: RequestName): void {
    this.#errors[name] = sentence;
    if (name === "frame") {
      this.#painted = null;
      this.#pictures.clear();
      tellNothing(this.root);
    }
    this.#show();
  }

  #show(): void {
    const { selection } = this.#choice;
    this.#strip.mark(selection.image, selection.checkpoint);
    const asked = this.#choice.unfitted();
    this.#controls.show(selection, asked.scale, asked, this.#description);
    this.#controls.say(this.#painted, selection);
    const current = this.#painted !== null && sameArgs(this.#painted, asked) && !this.#frames.waits;
    const error = this.#errors.frame ?? this.#errors.describe ?? null;
    const ready = current && error === null && this.#description !== null;
    const { gone } = this.#line;
    const waiting = !ready && error === null && !gone;
    this.#controls.stood(ready || error !== null);
    const kernel = gone ? (this.#painted ? "gone" : "none") : "there";
    if (kernel === "none") this.#still.show();
    this.#status.show({ ready, waiting, kernel, error, notice: this.#notice });
    this.#line.probe(waiting);
    if (!ready || this.#slot.asked) return;
    this.#slot.asked = true;
    this.#client.ask("panels", {}); // not before: the first picture does not wait for it
  }

  #load(texts: readonly string[]): void {
    this.#slot.load(texts, this.#host, (panels) => {
      if (this.#painted) panels.painted(this.#painted, this.#layerName(this.#painted));
    });
    this.#follow(); // what waited for this answer
  }

  #layerName({ layer }: Frame): string {
    return spoken(this.#description?.layers[layer]?.name ?? String(layer));
  }

  #resize(): void {
    this.#still.seen(this.root);
    this.#client.resume();
    this.#strip.resume();
    const width = Math.floor(this.root.firstElementChild!.getBoundingClientRect().width); // clientWidth may round up
    if (width === 0) return;
    followTheme(this.root);
    this.#strip.layout(width);
    this.#pictures.layout(this.root, width, window.devicePixelRatio || 1);
  }
}
