/** The image, painted on or changed for another: each is an image of its own, given to the net as the data set's are. */

import { element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { Complaint } from "./cells";
import { OcclusionView } from "./occlusion";
import { Pad, type Place } from "./pad";
import type { Bench, Part } from "./part";
import { fileIn, photograph, pictureIn } from "./picture_input";
import {
  asBase64,
  blurred,
  boxed,
  brightened,
  dabbed,
  meanOf,
  noisy,
  type Pixels,
  shapeOf,
  shifted,
  turned,
} from "./pixels";

const TOOLS = [
  ["paint", "paint"],
  ["erase", "erase"],
  ["box", "cover with a box"],
] as const;
const CHANGES: readonly (readonly [
  name: string,
  words: string,
  hint: string,
  change: (from: Pixels) => Pixels,
])[] = [
  ["blur", "Blur", "Each pixel becomes a mean of its neighbours", blurred],
  ["left", "←", "Shift by one pixel to the left", (from) => shifted(from, 0, -1)],
  ["right", "→", "Shift by one pixel to the right", (from) => shifted(from, 0, 1)],
  ["up", "↑", "Shift up by one pixel", (from) => shifted(from, -1, 0)],
  ["down", "↓", "Shift down by one pixel", (from) => shifted(from, 1, 0)],
  ["turn", "Turn 15°", "Turns the picture counter-clockwise", (from) => turned(from, 15)],
  ["brighter", "Brighter", "A quarter brighter", (from) => brightened(from, 1.25)],
  ["darker", "Darker", "A fifth darker", (from) => brightened(from, 0.8)],
  ["noise", "Add noise", "Adds a random number to each pixel", (from) => noisy(from, 20)],
  ["clear", "Empty pad", "All black: a pad to draw on", (from) => brightened(from, 0)],
];

const NO_IMAGES =
  "Signals and volumes are not painted on here: explorer.try_image(array) in Python shows another in place of this one.";

export class ImagePart implements Part {
  readonly name = "image";
  readonly title = "Image";
  readonly #bench: Bench;
  readonly #pad = new Pad({
    draw: (place, from, before) => this.#use(place, from, before),
    moved: ([row, column]) => setText(this.#says, `row ${row}, column ${column}`),
  });
  readonly #tool = new Select("lab-tool", "tool", TOOLS, "What the mouse and Space do", () => {});
  readonly #size = element("input", {
    type: "range",
    name: "lab-brush",
    min: 0,
    max: 6,
    step: 0.5,
    value: 1,
  });
  readonly #level = element("input", { type: "range", name: "lab-level", min: 0, max: 255, value: 255 });
  readonly #complaint = new Complaint();
  readonly #says = element("p.fs-note");
  readonly #own = element(
    "button.fs-wide",
    { type: "button", name: "lab-own-image", title: "The data set's own image again" },
    "Data's own",
  );
  readonly #occlusion: OcclusionView;
  readonly #editor: HTMLElement;
  readonly #refusal = element("p.fs-note", { hidden: true }, NO_IMAGES);
  readonly root: HTMLElement;
  #pixels: Pixels | null = null;
  #place = "";
  #pending = false;
  #tried = false;
  #plane: number | null = null;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#occlusion = new OcclusionView(bench);
    const changes = CHANGES.map(([name, words, hint, change]) => {
      const node = element(
        "button.fs-wide",
        { type: "button", name: `lab-image-${name}`, title: hint },
        words,
      );
      if (words.length === 1) node.setAttribute("aria-label", hint);
      on(node, "click", () => this.#pixels && this.#put(change(this.#pixels)));
      return node;
    });
    const file = element("input", { type: "file", name: "lab-file", accept: "image/*" });
    on(file, "change", () => {
      if (file.files?.[0]) this.#take(pictureIn(file.files[0]));
      file.value = "";
    });
    const open = element("label.fs-choice.fs-file", element("span.fs-name", "open a picture"), file);
    const camera = element(
      "button.fs-wide",
      { type: "button", name: "lab-camera", title: "Takes one picture" },
      "Camera",
    );
    on(camera, "click", () => this.#take(photograph()));
    on(this.#own, "click", () => this.#ask({ kind: "own" }));
    this.#editor = element(
      "div.fs-editor",
      element(
        "div.fs-choices",
        this.#tool.root,
        element("label.fs-choice", element("span.fs-name", "size"), this.#size),
        element("label.fs-choice", element("span.fs-name", "brightness"), this.#level),
      ),
      this.#pad.root,
      this.#complaint.root,
      element("div.fs-buttons", ...changes),
      element("div.fs-buttons", open, camera, this.#own),
      this.#says,
    );
    this.root = element("div.fs-bench", this.#refusal, this.#editor, this.#occlusion.root);
    on(this.root, "paste", (event) => this.#bring(event, event.clipboardData));
    on(this.root, "dragover", (event) => event.preventDefault());
    on(this.root, "drop", (event) => this.#bring(event, event.dataTransfer));
  }

  follow(frame: Frame): void {
    const images = this.#bench.host.description()?.input.length === 3;
    this.#refusal.hidden = images;
    this.#editor.hidden = this.#occlusion.root.hidden = !images;
    if (!images) return;
    this.#occlusion.follow(frame);
    const place = `${frame.image} ${frame.sample.plane}`;
    const other = place !== this.#place;
    this.#place = place;
    this.#plane = frame.sample.plane;
    if (this.#pending && !other) return;
    this.#pending = false;
    const { display } = frame.sample;
    const [height = 1, width = 1, channels = 1] = display.shape;
    this.#pixels = {
      height,
      width,
      channels: channels === 3 ? 3 : 1,
      data: Uint8ClampedArray.from(display.data),
    };
    this.#tried = frame.sample.trial;
    if (other) this.#complaint.say("");
    this.#draw();
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (this.#occlusion.reply(reply, newest)) return true;
    if (reply.name !== "lab_image") return false;
    if (!newest) return true;
    this.#pending = false;
    if (reply.error) {
      this.#complaint.say(reply.error.message);
      const frame = this.#bench.frame();
      if (frame) this.follow(frame);
    } else {
      this.#tried = decode(reply).tried !== null;
      this.#draw();
    }
    return true;
  }

  leave(): void {
    this.#occlusion.leave();
  }

  // What the person does

  #bring(event: Event, data: DataTransfer | null): void {
    event.preventDefault();
    const file = fileIn(data);
    if (file) this.#take(pictureIn(file));
    else this.#complaint.say("There is no picture in what came: drop or paste an image file.");
  }

  #take(coming: Promise<Pixels>): void {
    this.#complaint.say("");
    coming.then(
      (pixels) => this.#ask({ kind: "picture", shape: shapeOf(pixels), pixels: asBase64(pixels) }),
      (error: Error) => this.#complaint.say(error.message),
    );
  }

  #put(pixels: Pixels): void {
    this.#pixels = pixels;
    this.#pending = true;
    this.#complaint.say("");
    this.#draw();
    this.#ask({
      kind: "painted",
      shape: shapeOf(pixels),
      pixels: asBase64(pixels),
      plane: this.#plane,
    });
  }

  #ask(what: {
    kind: "painted" | "picture" | "own";
    shape?: number[];
    pixels?: string;
    plane?: number | null;
  }) {
    const frame = this.#bench.frame();
    if (frame) this.#bench.ask("lab_image", { image: frame.image, ...what });
  }

  #use(place: Place, from: Place | null, before: Pixels): void {
    const [row, column] = place;
    const radius = this.#size.valueAsNumber;
    const tool = this.#tool.value;
    if (!this.#pixels) return;
    if (tool === "box") {
      const [fromRow, fromColumn] = from ?? [row - radius, column - radius];
      const [toRow, toColumn] = from ? place : [row + radius, column + radius];
      const box = [
        Math.min(fromRow, toRow),
        Math.min(fromColumn, toColumn),
        Math.max(fromRow, toRow),
        Math.max(fromColumn, toColumn),
      ] as const;
      this.#put(boxed(before, box, meanOf(before)));
    } else
      this.#put(dabbed(this.#pixels, row, column, radius, tool === "erase" ? 0 : this.#level.valueAsNumber));
  }

  #draw(): void {
    if (!this.#pixels) return;
    this.#pad.show(this.#pixels);
    this.#own.disabled = !this.#tried;
    this.root.dataset.tried = String(this.#tried);
    setText(
      this.#says,
      this.#tried
        ? "A trial: the pictures and the prediction are of this image. The data set is as it was."
        : "The data set's image. Draw on it, drop or paste a picture, or begin with an empty pad.",
    );
  }
}
