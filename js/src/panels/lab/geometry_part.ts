/** Another stride, padding and dilation for the selected layer: its map alone. */

import { element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import { RESTS_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import type { GeometryTrial } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { Complaint } from "./cells";
import type { Bench, Part } from "./part";
import { SmallPicture } from "./picture";

const SIDE = 260;
const FIELDS = { stride: [1, 64], padding: [0, 64], dilation: [1, 64] } as const;
const MODES = ["zeros", "reflect", "replicate", "circular"].map((mode) => [mode, mode] as const);
const ALONE =
  "The map alone: what follows in the net was made for the layer's own size, so nothing behind it is run.";

interface Changed {
  readonly stride?: number;
  readonly padding?: number;
  readonly dilation?: number;
  readonly padding_mode?: string;
}

export class GeometryPart implements Part {
  readonly name = "geometry";
  readonly title = "Geometry";
  readonly #bench: Bench;
  readonly #inputs: Readonly<Record<keyof typeof FIELDS, HTMLInputElement>>;
  readonly #mode: Select;
  readonly #own = element(
    "button.fs-wide",
    { type: "button", name: "lab-own-geometry", title: "The layer's own stride, padding and dilation" },
    "Layer's own",
  );
  readonly #picture: SmallPicture;
  readonly #formula = element("div.fs-formulas");
  readonly #complaint = new Complaint();
  readonly root: HTMLElement;
  #layer = -1;
  /** What was changed; the rest is the layer's own. */
  #changed: Changed = {};
  #asked = "";

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#picture = new SmallPicture(bench.host);
    const entries = Object.entries(FIELDS).map(([name, [min, max]]) => {
      const input = element("input", { type: "number", name: `lab-${name}`, min, max, step: 1 });
      on(input, "input", () => this.#set({ [name]: input.valueAsNumber }, input));
      return [name, input] as const;
    });
    this.#inputs = Object.fromEntries(entries) as Record<keyof typeof FIELDS, HTMLInputElement>;
    this.#mode = new Select("lab-padding-mode", "mode", MODES, "What stands around the input", (mode) =>
      this.#set({ padding_mode: mode }),
    );
    on(this.#own, "click", () => {
      this.#changed = {};
      this.#ask();
    });
    const fields = entries.map(([name, input]) =>
      element("label.fs-choice", element("span.fs-name", name), input),
    );
    const form = element(
      "div.fs-editor",
      element("div.fs-choices", ...fields, this.#mode.root, this.#own),
      this.#complaint.root,
      this.#formula,
    );
    this.root = element("div.fs-bench", form, this.#picture.root);
  }

  follow(frame: Frame): void {
    if (frame.layer !== this.#layer) this.#changed = {};
    this.#layer = frame.layer;
    const { image, layer, filter, revision } = frame;
    const key = [image, layer, filter, revision, this.#bench.host.palettes.choice].join();
    if (key === this.#asked) return;
    this.#asked = key;
    this.#bench.after("geometry", RESTS_AFTER.lab, () => this.#ask());
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab_geometry") return false;
    if (!newest) return true;
    if (reply.error) this.#complaint.say(reply.error.message);
    else this.#paint(decode(reply));
    return true;
  }

  #set(change: Changed, input?: HTMLInputElement): void {
    if (input && !Number.isInteger(input.valueAsNumber)) {
      const [least, most] = FIELDS[input.name.replace("lab-", "") as keyof typeof FIELDS];
      this.#complaint.say(`Type a whole number from ${least} to ${most}.`);
      return;
    }
    this.#changed = { ...this.#changed, ...change };
    this.#ask();
  }

  #ask(): void {
    const frame = this.#bench.frame();
    if (!frame) return;
    const { image, layer, filter } = frame;
    const { stride = null, padding = null, dilation = null, padding_mode = null } = this.#changed;
    this.#bench.ask("lab_geometry", { image, layer, filter, stride, padding, padding_mode, dilation });
  }

  #paint(trial: GeometryTrial): void {
    this.#complaint.say("");
    for (const [name, input] of Object.entries(this.#inputs)) {
      const values = trial[name as keyof typeof FIELDS];
      if (input !== (this.root.getRootNode() as Document | ShadowRoot).activeElement)
        input.value = String(values[0]);
      input.title = `The layer's own: ${trial.own[name as keyof typeof FIELDS].join("×")}`;
    }
    this.#mode.show(trial.padding_mode);
    const lines = trial.formula.map((line) => element("p.fs-formula-line", line));
    const sees = trial.sees.join("×");
    this.#formula.replaceChildren(
      ...lines,
      element(
        "p.fs-note",
        `⌊(input + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1. Each output reaches across ${sees} of the input. ${trial.parameters.toLocaleString("en")} weights and biases, whatever the geometry.`,
      ),
      element("p.fs-note", ALONE),
    );
    setText(this.#own, "Layer's own");
    const filter = this.#bench.frame()?.filter ?? 0;
    this.#picture.paint(`filter ${filter}, before the nonlinearity`, trial, trial.shape, SIDE);
  }
}
