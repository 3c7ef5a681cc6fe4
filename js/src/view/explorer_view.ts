/** One view of an explorer: the selection goes in, the newest frame that has come is painted. */

import type { AnyModel } from "@anywidget/types";
import { element, on } from "../dom/dom";
import { Status } from "../dom/status";
import { followTheme, onThemeChange } from "../dom/theme";
import { Palettes } from "../draw/palette";
import { Frames, sameArgs } from "../state/frames";
import { Ahead } from "../state/prefetch";
import {
  fitSelection,
  fitSlices,
  readSelection,
  type Selection,
  TRAITS,
  type Traits,
  writeSelection,
} from "../state/selection";
import { spoken, verdict } from "../text/format";
import { Client, type Listener } from "../wire/client";
import {
  type Description,
  decodeDescription,
  decodeFrame,
  decodeModule,
  type Frame,
  type FrameArgs,
  type Reply,
  type RequestName,
  type Scale,
  type Slices,
} from "../wire/messages";
import { Controls } from "./controls";
import type { Host, MakePanels } from "./host";
import { Pictures } from "./pictures";
import { StripView } from "./strip/strip";

const HELD_BYTES = 32 * 2 ** 20;
const PATIENCE = 10_000;
const FIRST_PATIENCE = 400;

export class ExplorerView implements Listener {
  readonly root = element("div.filterscope", { "data-lm-suppress-shortcuts": "true" });
  readonly #model: AnyModel<Traits>;
  readonly #palettes = new Palettes();
  readonly #status = new Status(this.root);
  readonly #pictures = new Pictures(this.#palettes, {
    select: (change) => this.#select(change),
    plane: (plane) => {
      this.#plane = plane;
      this.#follow();
    },
  });
  readonly #controls: Controls;
  readonly #client: Client;
  readonly #strip: StripView;
  readonly #ahead: Ahead;
  readonly #host: Host;
  readonly #frames = new Frames(HELD_BYTES);
  readonly #slot = this.#pictures.slot;

  #description: Description | null = null;
  #painted: Frame | null = null;
  /** The question whose answer is awaited. */
  #asked: FrameArgs | null = null;
  readonly #errors: Partial<Record<RequestName, string | null>> = {};
  #notice: string | null = null;
  #scale: Scale = "layer";
  #plane: number | null = null;
  #slices: Slices = { slice: null, kernel_slice: null };
  #revision = Number.NEGATIVE_INFINITY;
  #following = false;
  readonly #undo: (() => void)[] = [];

  /** `panels`: where they need not be fetched, as in a saved page. */
  constructor(model: AnyModel<Traits>, { panels }: { panels?: MakePanels } = {}) {
    this.#model = model;
    this.#controls = new Controls(
      {
        select: (change) => this.#select(change),
        scale: (scale) => {
          this.#scale = scale;
          this.#follow();
        },
        slice: (change) => {
          this.#slices = { ...this.#slices, ...change };
          this.#follow();
        },
        palette: (choice) => {
          this.#palettes.choice = choice;
          if (this.#painted) this.#paint(this.#painted);
        },
      },
      this.#status.busy,
    );
    const visible = () => this.root.isConnected;
    const held = () => this.#client.busy; // nothing else delays a frame
    const current = () => (this.root.dataset.ready === "true" ? this.#painted : null);
    this.#client = new Client(model, this, { patience: PATIENCE, first: FIRST_PATIENCE, visible });
    this.#ahead = new Ahead(model, {
      frames: this.#frames,
      current,
      images: () => this.#description?.images ?? null,
      inLayer: (layer) => (this.#description?.layers[layer] ? this.#wanted({ layer }) : null),
      framed: (reply) => this.#keep(reply),
      more: () => this.#follow(true),
      held,
      visible,
    });
    this.#strip = new StripView(model, {
      select: (image) => this.#select({ image }),
      held,
      visible: () => this.root.getClientRects().length > 0,
    });
    const parts = [this.#strip.root, this.#controls.root, ...this.#status.nodes, ...this.#pictures.nodes];
    this.root.append(element("div.fs-inner", ...parts));
    this.#host = {
      root: this.root,
      client: (listener, options) => new Client(model, listener, { ...options, visible, held }),
      ...this.#pictures.places,
      current,
      description: () => this.#description,
      announce: (words) => this.#status.announce(words),
    };
    this.#listen();
    if (panels) this.#slot.stand(panels, this.#host, () => {});
    this.#client.ask("describe", {});
    this.#follow();
  }

  dispose(): void {
    for (const undo of this.#undo) undo();
    this.#client.dispose();
    this.#strip.dispose();
    this.#ahead.dispose();
    this.#slot.dispose();
    this.#status.dispose();
    this.#frames.clear();
    this.root.remove();
  }

  reply(reply: Reply, newest: boolean): void {
    if (reply.error) {
      if (reply.name === "panels") this.#slot.refuse(this.#host);
      else if (newest) this.#fail(reply.error.message, reply.name);
      return; // an older question's error says nothing about what is asked now
    }
    try {
      if (reply.name === "describe") this.#described(decodeDescription(reply));
      else if (reply.name === "panels") this.#load(decodeModule(reply));
      else {
        const frame = this.#decode(reply);
        if (frame) this.#framed(frame, newest);
      }
    } catch (error) {
      if (newest) this.#fail(`The page cannot read the answer: ${(error as Error).message}`, reply.name);
    }
  }

  changed(revision: number): void {
    this.#revision = Math.max(this.#revision, revision);
    this.#frames.clear();
    this.#asked = null;
    this.#client.ask("describe", {});
    this.#follow();
  }

  refused(message: string): void {
    this.#notice = message;
    this.#follow();
  }

  #listen(): void {
    const model = this.#model;
    const root = this.root;
    const received = (content: unknown, buffers: readonly unknown[]) => {
      this.#client.receive(content, buffers ?? []);
      this.#strip.receive(content, buffers ?? []);
      this.#ahead.receive(content, buffers ?? []);
      this.#slot.panels?.receive(content, buffers ?? []);
    };
    const moved = () => this.#followSoon();
    model.on("msg:custom", received);
    for (const trait of TRAITS) model.on(`change:${trait}`, moved);
    const size = new ResizeObserver(() => this.#resize());
    size.observe(root);
    // Hosts bind their own actions to keys: what is pressed in here stays in here.
    on(root, "keydown", (event) => event.stopPropagation());
    const theme = onThemeChange(root, () => {
      followTheme(root);
      this.#pictures.themed();
    });
    this.#undo.push(
      () => model.off("msg:custom", received),
      () => {
        for (const trait of TRAITS) model.off(`change:${trait}`, moved);
      },
      () => size.disconnect(),
      theme,
    );
  }

  #select(change: Partial<Selection>): void {
    this.#notice = null;
    const moved = writeSelection(this.#model, change, this.#description);
    this.#follow(); // what is asked goes first: the pictures do not wait for the traits
    if (moved) this.#model.save_changes();
  }

  /** Traits that change together arrive as several events: one look at all of them follows. */
  #followSoon(): void {
    if (this.#following) return;
    this.#following = true;
    queueMicrotask(() => {
      this.#following = false;
      this.#follow();
    });
  }

  /** Brings the page to the selection: from what is painted, from what is held (of which `more` has come), or by asking. */
  #follow(more = false): void {
    const args = this.#wanted();
    if (!more && this.#painted && this.#painted.revision >= this.#revision && sameArgs(this.#painted, args))
      this.#arrive();
    else {
      const held = this.#frames.answer(args, this.#revision);
      if (held) {
        this.#arrive();
        this.#paint(held);
      } else if (!more && (!this.#asked || !sameArgs(this.#asked, args))) {
        this.#asked = args;
        this.#client.ask("frame", { ...args, kernels_held: this.#frames.withKernels(args)?.revision });
      }
    }
    this.#show();
    if (this.root.dataset.ready === "true") this.#ahead.painted(this.#painted!);
  }

  /** What the reply leaves out, because the page has it, is put in; null where that is out of date. */
  #decode(reply: Reply): Frame | null {
    const { revision } = (reply.body ?? {}) as Frame;
    if (revision < this.#revision) return null;
    return decodeFrame(reply, this.#frames.withKernels(reply.body as Frame)?.kernels);
  }

  #keep(reply: Reply): void {
    const frame = this.#decode(reply);
    if (frame) this.#frames.add(frame);
  }

  #wanted(change?: Partial<Selection>): FrameArgs {
    return this.#asArgs(fitSelection({ ...readSelection(this.#model), ...change }, this.#description));
  }

  /** With what is chosen in this page alone. */
  #asArgs(selection: Selection): FrameArgs {
    const layer = this.#description?.layers[selection.layer];
    return { ...selection, scale: this.#scale, plane: this.#plane, ...fitSlices(this.#slices, layer) };
  }

  #arrive(): void {
    this.#asked = null;
    this.#client.forget("frame");
  }

  #described(description: Description): void {
    this.#description = description;
    this.#errors.describe = null;
    if (this.#painted) this.#paint(this.#painted); // a frame may come first, and has no names
    this.#revision = Math.max(this.#revision, description.revision);
    this.#follow();
  }

  #framed(frame: Frame, newest: boolean): void {
    if (frame.revision < this.#revision && !newest) return; // from before the weights changed
    this.#revision = frame.revision;
    const images = Math.max(this.#description?.images ?? 0, frame.images);
    if (this.#description) this.#description = { ...this.#description, images };
    this.#frames.add(frame);
    if (newest) this.#asked = null;
    this.#paint(frame);
    this.#follow(); // it may hold the filter that was selected meanwhile
  }

  #paint(frame: Frame): void {
    this.#errors.frame = null;
    const name = this.#layerName(frame);
    this.#painted = frame;
    this.#pictures.paint(frame, name);
    Object.assign(this.root.dataset, { image: frame.image, layer: frame.layer, filter: frame.filter });
    const parts = [`image ${frame.image}`, verdict(frame.sample), name, `filter ${frame.filter}`];
    this.#status.announce(parts.filter(Boolean).join(", "));
  }

  #fail(sentence: string, name: RequestName): void {
    this.#errors[name] = sentence;
    if (name === "frame") {
      this.#painted = null;
      this.#pictures.clear();
      for (const key of ["image", "layer", "filter"]) delete this.root.dataset[key];
    }
    this.#show();
  }

  #show(): void {
    const selection = readSelection(this.#model);
    this.#strip.mark(selection.image);
    const asked = this.#asArgs(selection);
    this.#controls.show(selection, this.#scale, asked, this.#description);
    this.#controls.say(this.#painted, selection);
    const current = this.#painted !== null && sameArgs(this.#painted, asked) && this.#asked === null;
    const error = this.#errors.frame ?? this.#errors.describe ?? null;
    const ready = current && error === null && this.#description !== null;
    const waiting = !ready && error === null;
    this.#status.show({ ready, waiting, error, notice: this.#notice });
    if (!ready || this.#slot.asked) return;
    this.#slot.asked = true;
    this.#client.ask("panels", {}); // not before: the first picture does not wait for it
  }

  #load(text: string): void {
    this.#slot.load(text, this.#host, (panels) => {
      if (this.#painted) panels.painted(this.#painted, this.#layerName(this.#painted));
    });
    this.#follow(); // what waited for this answer
  }

  #layerName({ layer }: Frame): string {
    return spoken(this.#description?.layers[layer]?.name ?? String(layer));
  }

  #resize(): void {
    this.#client.resume();
    this.#strip.resume();
    const inner = this.root.firstElementChild as HTMLElement;
    const width = Math.floor(inner.getBoundingClientRect().width); // clientWidth may round up: a row too wide
    if (width === 0) return;
    followTheme(this.root);
    const ratio = window.devicePixelRatio || 1;
    this.#strip.layout(width);
    this.#pictures.layout(this.root, width, ratio);
  }
}
