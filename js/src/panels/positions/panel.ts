/**
 * Pointing at positions: one pin a view. What is pinned, or else pointed at last, is marked in every picture that shares its
 * grid; the image shows what it sees; and of what is pinned the arithmetic stands below the pictures.
 */

import { RESTS_AFTER } from "../../state/timing";
import type { Host, LargePicture, Panels, View } from "../../view/host";
import type { LayerInfo } from "../../wire/description";
import { type Frame, MAP_NAMES } from "../../wire/frame";
import type { Arithmetic, MapFields, PositionArgs, SidePicture } from "../../wire/positions";
import { ArithmeticPanel } from "./arithmetic";
import { type PinnedName, PositionsClient, type PositionsListener } from "./client";
import { counterpart, type NetMap, netMapOf, positionOf } from "./coordinates";
import { FieldBoxes } from "./field_boxes";
import { Overlay } from "./overlay";
import { PixelCursor } from "./pixel_cursor";
import { type Field, fieldAsReading, fieldAt, fieldInWords } from "./receptive_field";

/** Why something of the net's cannot be had. */
export interface Refusals {
  readonly arithmetic?: string;
  readonly effective?: string;
}

export class PositionsPanel implements Partial<Panels>, PositionsListener {
  readonly #host: Host;
  readonly #client: PositionsClient;
  /** A kernel has no place in the image: it is pointed at alone. */
  readonly #kernel: PixelCursor;
  readonly #image: PixelCursor;
  /** Of the maps, whose positions may be the net's, and of the image: what shares a grid shares its position. */
  readonly #cursors: readonly PixelCursor[];
  readonly #response: LargePicture;
  readonly #boxes: FieldBoxes;
  readonly #panel: ArithmeticPanel;
  readonly #overlay: Overlay;
  readonly #refusal: string | undefined;
  #frame: Frame | null = null;
  /** Pointed at last. */
  #last: PixelCursor | null = null;
  /** What was asked about the pinned position, as text; empty where nothing is pinned. */
  #asked = "";
  #announced = "";
  #palette = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `refusals`: why there are no numbers of the net, where none can be asked. */
  constructor(host: Host, refusals: Refusals = {}) {
    this.#host = host;
    this.#refusal = refusals.arithmetic;
    const moved = (cursor: PixelCursor) => this.#moved(cursor);
    const pictureOf = (view: View) => host.pictures.find((picture) => picture.view === view)!;
    const image = pictureOf("image");
    this.#response = pictureOf("response");
    this.#kernel = new PixelCursor(pictureOf("kernel"), () => {});
    this.#image = new PixelCursor(image, moved);
    this.#cursors = [...MAP_NAMES.map((name) => new PixelCursor(pictureOf(name), moved)), this.#image];
    this.#client = new PositionsClient(host, this);
    this.#boxes = new FieldBoxes(image);
    this.#overlay = new Overlay(host, image, () => this.#askEffective(), refusals.effective);
    this.#panel = new ArithmeticPanel(host.palettes, {
      close: () => this.#release(),
      input: (channel, slice) => this.#askInput(channel, slice),
    });
    host.below.append(this.#panel.root);
  }

  painted(frame: Frame): void {
    this.#frame = frame;
    this.#client.want();
    this.#share(RESTS_AFTER.arithmetic);
    const { choice } = this.#host.palettes;
    if (choice !== this.#palette) this.#panel.redraw();
    this.#palette = choice;
  }

  cleared(): void {
    clearTimeout(this.#timer);
    this.#client.forget();
    this.#frame = null;
    this.#boxes.show(null, [1, 1]);
    this.#panel.hide();
    this.#overlay.clear();
    this.#asked = "";
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
  }

  layout(width: number, ratio: number): void {
    this.#client.resume();
    this.#panel.layout(width, ratio);
  }

  dispose(): void {
    clearTimeout(this.#timer);
    for (const cursor of [this.#kernel, ...this.#cursors]) cursor.dispose();
    this.#client.dispose();
    this.#boxes.dispose();
    this.#overlay.dispose();
    this.#panel.root.remove();
  }

  // What is answered

  fields(): void {
    this.#share();
    this.#announce();
  }

  arithmetic(arithmetic: Arithmetic): void {
    const pin = this.#pinned();
    if (!pin || !this.#frame || arithmetic.revision < this.#frame.revision) return;
    this.#panel.show(arithmetic, this.#layer()!.name, this.#frame.channel);
    this.#announce();
  }

  /** Once for all that is known: what the position sees may come before its numbers, or behind them. */
  #announce(): void {
    const words = this.#panel.words();
    if (words === "" || words === this.#announced) return;
    this.#announced = words;
    this.#host.announce(words);
  }

  effective(picture: SidePicture): void {
    this.#overlay.effective(picture);
  }

  input(picture: SidePicture): void {
    this.#panel.showInput(picture);
  }

  failed(name: PinnedName, sentence: string): void {
    const here = this.#pinned()?.here;
    if (name === "effective") this.#overlay.refuse(sentence);
    else if (name === "input") this.#panel.refuseInput(sentence);
    else if (here) this.#panel.none(here, sentence);
  }

  // What is pointed at

  #moved(cursor: PixelCursor): void {
    if (cursor.here) this.#last = cursor;
    if (cursor.pinned)
      for (const other of this.#cursors) if (other !== cursor && other.pinned) other.release();
    if (cursor.here) this.#client.want(true);
    this.#share();
  }

  #pinned(): PixelCursor | null {
    return this.#cursors.find(({ pinned }) => pinned) ?? null;
  }

  #leader(): PixelCursor | null {
    const pinned = this.#pinned();
    if (pinned) return pinned;
    return this.#last?.here ? this.#last : (this.#cursors.find(({ here }) => here) ?? null);
  }

  #release(): void {
    const pinned = this.#pinned();
    pinned?.release();
    pinned?.picture.canvas.focus({ preventScroll: true });
    this.#share();
  }

  #layer(): LayerInfo | undefined {
    return this.#frame ? this.#host.description()?.layers[this.#frame.layer] : undefined;
  }

  #fieldsOf(map: NetMap): MapFields | null {
    return (this.#frame && this.#client.fieldsOf(this.#frame)?.fields?.[map]) || null;
  }

  /** Brings all that shows a position to the one that leads. */
  #share(rest = 0): void {
    const frame = this.#frame;
    const layer = this.#layer();
    if (!frame || !layer) return;
    const leader = this.#leader();
    const map = leader?.here ? netMapOf(leader.picture, frame, layer, this.#response) : null;
    const place = this.#fieldsOf("pre_activation");
    for (const cursor of this.#cursors) {
      const there =
        leader?.here && cursor !== leader
          ? counterpart(leader.here, leader.picture, cursor.picture, frame, place)
          : null;
      cursor.receive(there, leader?.pinned ?? false);
    }
    const fields = map && this.#fieldsOf(map);
    const field =
      fields && leader?.here ? fieldAt(fields, positionOf(leader.here, fields, frame, layer)) : null;
    this.#boxes.show(field, frame.sample.size);
    this.#sayField(field);
    this.#overlay.show(frame, this.#client.fieldsOf(frame), this.#askedPosition(frame, layer) !== null);
    this.#follow(frame, layer, map, field, rest);
  }

  /** Below the image, while nothing is pointed at in it. */
  #sayField(field: Field | null): void {
    const { picture, here } = this.#image;
    if (here || picture.mount.querySelector(".fs-marker:not([hidden])")) return;
    picture.say(field && fieldAsReading(field));
  }

  // What is pinned

  #askedPosition(frame: Frame, layer: LayerInfo): PositionArgs | null {
    const pin = this.#pinned();
    if (!pin?.here || netMapOf(pin.picture, frame, layer, this.#response) !== "pre_activation") return null;
    const { image, filter, slice, kernel_slice } = frame;
    return { image, layer: frame.layer, filter, slice, kernel_slice, ...pin.here };
  }

  #follow(frame: Frame, layer: LayerInfo, map: NetMap | null, field: Field | null, rest: number): void {
    const pin = this.#pinned();
    if (!pin || pin === this.#image) {
      clearTimeout(this.#timer);
      this.#client.forget();
      this.#panel.hide();
      this.#asked = "";
      this.#announced = "";
      return;
    }
    const error = this.#client.fieldsOf(frame)?.error ?? "";
    this.#panel.sayField(field ? fieldInWords(field) : error);
    const args = this.#askedPosition(frame, layer);
    const asked = args ? JSON.stringify({ ...args, revision: frame.revision }) : `${map} ${frame.layer}`;
    if (asked === this.#asked) return;
    this.#asked = asked;
    clearTimeout(this.#timer);
    this.#client.forget();
    if (!args || this.#refusal) {
      this.#panel.none(pin.here!, (args && this.#refusal) || whyNot(map, layer));
      return;
    }
    this.#overlay.wait();
    this.#panel.wait(layer.name, frame.filter, pin.here!);
    const ask = () => {
      this.#client.ask("arithmetic", args);
      this.#askEffective();
    };
    if (rest) this.#timer = setTimeout(ask, rest);
    else ask();
  }

  #askInput(channel: number, slice: number | null): void {
    const args = this.#frame && this.#askedPosition(this.#frame, this.#layer()!);
    if (args) this.#client.ask("input", { ...args, input_channel: channel, input_slice: slice });
  }

  #askEffective(): void {
    const frame = this.#frame;
    const layer = this.#layer();
    if (!frame || !layer || !this.#overlay.asks) return;
    const args = this.#askedPosition(frame, layer);
    if (!args) return;
    this.#overlay.wait();
    this.#client.ask("effective", args);
  }
}

function whyNot(map: NetMap | null, { name }: LayerInfo): string {
  return map === "activation"
    ? `The way to ${name}'s activation passes a pool, so this map is smaller than the pre-activation: pin a position of the response to see how its value comes about.`
    : "This response runs over the image itself, which is not what the net computes: choose the layer's own input as source, or pin a position of the activation.";
}
