/** The slide: the window goes over the input, and its sums of products fill the map. */

import { attribute, element, on, setText } from "../../dom/dom";
import { codesOf, rangeOf } from "../../draw/codes";
import { fitPicture } from "../../draw/layout";
import { Raster } from "../../draw/raster";
import { RESTS_AFTER } from "../../state/timing";
import { number } from "../../text/format";
import type { Frame } from "../../wire/frame";
import type { LabFilter } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { count, type FloatTensor, summarize } from "../../wire/tensor";
import { classic } from "./arithmetic";
import { channelsOf, sidesOf, withKernels } from "./edited_frame";
import type { Bench, Part } from "./part";

const SIDE = 280;
const NOT_HERE =
  "The slide goes over what the page computes itself: layers of one or two spatial axes whose input is not too large. Here it cannot.";

export class SlidePart implements Part {
  readonly name = "slide";
  readonly title = "Slide";
  readonly #bench: Bench;
  readonly #play = button("lab-play", "Play", "Lets the window go on by itself");
  readonly #back = button("lab-back", "‹ Step", "One position back");
  readonly #step = button("lab-step", "Step ›", "One position on");
  readonly #pin = button(
    "lab-pin",
    "All products",
    "Shows how this value comes about, as a click into the response does",
  );
  readonly #backwards = element("input", { type: "checkbox", name: "lab-backwards" });
  readonly #speed = element("input", {
    type: "range",
    name: "lab-speed",
    min: 0,
    max: 8,
    step: 0.5,
    value: 3,
  });
  readonly #position = element("input", { type: "range", name: "lab-position", min: 0, max: 0, value: 0 });
  readonly #says = element("p.fs-slide-sum", { "aria-live": "off" });
  readonly #note = element("p.fs-note");
  readonly #input = element("canvas", { role: "img", "aria-label": "input", width: 1, height: 1 });
  readonly #map = element("canvas", { role: "img", "aria-label": "the map so far", width: 1, height: 1 });
  readonly #window = element("i.fs-window");
  readonly #spot = element("i.fs-window.fs-spot-now");
  readonly #mounts = [
    element("div.fs-pad", this.#input, this.#window),
    element("div.fs-pad", this.#map, this.#spot),
  ];
  readonly root: HTMLElement;
  #lab: LabFilter | null = null;
  #frame: Frame | null = null;
  #at = 0;
  #timer = 0;
  #last = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.root = element(
      "div",
      element(
        "div.fs-choices",
        this.#back,
        this.#play,
        this.#step,
        element("label.fs-choice", element("span.fs-name", "speed"), this.#speed),
        element("label.fs-choice", this.#backwards, element("span.fs-name", "backwards")),
        element("label.fs-choice", element("span.fs-name", "position"), this.#position),
        this.#pin,
      ),
      this.#note,
      element("div.fs-stages.fs-slide", ...this.#mounts),
      this.#says,
    );
    on(this.#play, "click", () => (this.#timer ? this.#pause() : this.#begin()));
    on(this.#step, "click", () => this.#go(1));
    on(this.#back, "click", () => this.#go(-1));
    on(this.#position, "input", () => {
      this.#pause();
      this.#show(this.#position.valueAsNumber);
    });
    on(this.#pin, "click", () => {
      const [row, column] = this.#placeOf(this.#at);
      bench.host.pictures.find(({ view }) => view === "response")?.pin({ row, column });
    });
  }

  follow(frame: Frame): void {
    const { image, layer, filter, channel, source, scale, plane, slice, kernel_slice, revision } = frame;
    const lab = this.#lab;
    if (lab?.image === image && lab.layer === layer && lab.filter === filter && lab.revision >= revision) {
      const same = this.#frame === frame;
      this.#frame = frame;
      if (!same) this.#draw();
      return;
    }
    this.#pause();
    this.#bench.after("lab", lab ? RESTS_AFTER.lab : 0, () =>
      this.#bench.ask("lab", { image, layer, filter, channel, source, scale, plane, slice, kernel_slice }),
    );
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab" || !newest) return false;
    if (reply.error) {
      this.#lab = null;
      this.#draw(reply.error.message);
      return true;
    }
    const lab = decode(reply);
    const frame = this.#bench.frame();
    if (!frame || lab.image !== frame.image || lab.layer !== frame.layer || lab.filter !== frame.filter)
      return true;
    const other = this.#lab?.layer !== lab.layer || this.#lab.filter !== lab.filter;
    this.#lab = lab;
    this.#frame = frame;
    if (other) this.#at = 0;
    this.#draw();
    return true;
  }

  leave(): void {
    this.#pause();
  }

  // The pictures

  /** What the window goes over, and the map that its sums fill; null where the page does not compute it. */
  #whole(): { over: FloatTensor; map: FloatTensor } | null {
    const { frame, lab } = { frame: this.#frame, lab: this.#lab };
    const edited = frame && lab && withKernels(frame, lab, lab.kernels.data);
    const source = frame?.source === "input" ? lab?.input : lab?.over;
    if (!edited || !source || edited.detail.response.dtype !== "float32") return null;
    const channel = Math.min(frame.channel ?? 0, source.shape[0]! - 1);
    const size = count(source.shape.slice(1));
    const data = source.data.subarray(channel * size, (channel + 1) * size);
    return { over: { ...source, shape: source.shape.slice(1), data }, map: edited.detail.response };
  }

  #draw(whyNot = NOT_HERE): void {
    const whole = this.#whole();
    for (const node of [this.#play, this.#back, this.#step, this.#pin, this.#position])
      node.disabled = whole === null;
    for (const mount of this.#mounts) mount.hidden = whole === null;
    const still = reduced();
    this.#play.disabled ||= still;
    if (!whole) {
      setText(this.#note, whyNot);
      setText(this.#says, "");
      return;
    }
    const channels = this.#lab!.own.shape[0] ?? 1;
    const several = channelsOf(this.#frame!, channels).length > 1;
    setText(
      this.#note,
      [
        several ? `Drawn is channel 0 of ${channels}; each value sums the products of all.` : "",
        still ? "Your system asks for less motion: go by steps." : "",
      ]
        .filter(Boolean)
        .join(" "),
    );
    const positions = count(whole.map.shape);
    this.#position.max = String(positions - 1);
    this.#paint(this.#input, whole.over, whole.over.data);
    this.#show(Math.min(this.#at, positions - 1));
  }

  #paint(
    canvas: HTMLCanvasElement,
    { shape }: FloatTensor,
    values: Float32Array,
    upTo = values.length,
  ): void {
    const [height, width] = [shape.at(-2) ?? 1, shape.at(-1) ?? 1];
    const range = rangeOf(summarize(values));
    const codes = codesOf(values, range.low, range.high);
    const raster = new Raster(width, height);
    raster.put(codes, 0, width, height, this.#bench.host.palettes.lookup(range.signed));
    raster.words.fill(0, upTo);
    raster.show(canvas);
    const fit = fitPicture(width, height, SIDE, window.devicePixelRatio || 1);
    const mount = canvas.parentElement!;
    mount.style.width = `${fit.width}px`;
    mount.style.height = `${fit.height}px`;
  }

  /** The map is filled as far as the position. */
  #show(at: number): void {
    const whole = this.#whole();
    if (!whole) return;
    this.#at = at;
    this.#position.value = String(at);
    this.#paint(this.#map, whole.map, whole.map.data, at + 1);
    const lab = this.#lab!;
    const [height, width] = sidesOf(lab.own);
    const geometry =
      this.#frame!.source === "input" ? lab.geometry! : classic({ data: lab.own.data, height, width });
    const [row, column] = this.#placeOf(at);
    const [top = 0, left = 0] = [row, column].map(
      (place, axis) => place * geometry.stride[axis]! - (geometry.pads[axis]![0] ?? 0),
    );
    const [tall = 1, wide = 1] = [height, width].map(
      (side, axis) => geometry.dilation[axis]! * (side - 1) + 1,
    );
    put(this.#window, this.#input, top, left, tall, wide);
    put(this.#spot, this.#map, row, column, 1, 1);
    const sum = whole.map.data[at]!;
    const position = this.#map.height === 1 ? `${column}` : `(${row}, ${column})`;
    setText(this.#says, `Position ${position}: Σ window × kernel = ${number(sum)}, without the bias`);
    attribute(this.root, "data-at", at);
  }

  #placeOf(at: number): [number, number] {
    const width = this.#map.width || 1;
    return [Math.floor(at / width), at % width];
  }

  // The motion

  #go(steps: number): void {
    this.#pause();
    const last = Number(this.#position.max);
    this.#show((this.#at + steps + last + 1) % (last + 1));
  }

  #begin(): void {
    if (reduced()) return;
    setText(this.#play, "Pause");
    this.#last = performance.now();
    const last = Number(this.#position.max);
    const forwards = () => (this.#backwards.checked ? -1 : 1);
    if (forwards() > 0 ? this.#at >= last : this.#at <= 0) this.#show(forwards() > 0 ? 0 : last);
    const tick = (now: number) => {
      const perSecond = 2 ** this.#speed.valueAsNumber;
      const steps = Math.floor(((now - this.#last) / 1000) * perSecond);
      if (steps > 0) {
        this.#last += (steps * 1000) / perSecond;
        const next = this.#at + forwards() * steps;
        this.#show(Math.min(Math.max(next, 0), last));
        if (next < 0 || next > last) {
          this.#pause();
          return;
        }
      }
      this.#timer = this.root.isConnected ? requestAnimationFrame(tick) : 0;
    };
    this.#timer = requestAnimationFrame(tick);
  }

  #pause(): void {
    if (this.#timer) cancelAnimationFrame(this.#timer);
    this.#timer = 0;
    setText(this.#play, "Play");
  }
}

function reduced(): boolean {
  return window.matchMedia?.("(prefers-reduced-motion: reduce)").matches ?? false;
}

/** A box of rows × columns over a canvas; what lies outside of it stands beyond its edge. */
function put(
  node: HTMLElement,
  { width, height }: HTMLCanvasElement,
  top: number,
  left: number,
  tall: number,
  wide: number,
) {
  const style = node.style;
  style.top = `${(100 * top) / height}%`;
  style.left = `${(100 * left) / width}%`;
  style.height = `${(100 * tall) / height}%`;
  style.width = `${(100 * wide) / width}%`;
}

function button(name: string, words: string, hint: string): HTMLButtonElement {
  return element("button.fs-wide", { type: "button", name, title: hint }, words);
}
