/** The kernel, edited: its numbers, what to begin with, the buttons that change it, and what comes of it. */

import { element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import type { Frame } from "../../wire/frame";
import type { LabFilter, StepName } from "../../wire/lab";
import type { ReplyTo, RequestName } from "../../wire/requests";
import { Cells, Complaint, MOST_CELLS, tooLarge } from "./cells";
import { type KernelChange, KernelTrial, sameNumbers } from "./kernel_trial";
import type { Bench, Part } from "./part";
import { TRANSFORMS, type Transform } from "./transforms";

const ALL = "all";

/** What stands beside the editor: what an edit does. */
export interface Consequences {
  readonly root: HTMLElement;
  /** Said where something is edited: what is of this trial, and what is not. */
  readonly trial: string;
  follow(lab: LabFilter): void;
  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean;
}

export class KernelPart implements Part {
  readonly name = "kernel";
  readonly title = "Kernel";
  readonly #trial: KernelTrial;
  readonly #cells: Cells;
  readonly #complaint = new Complaint();
  readonly #consequences: Consequences;
  readonly #channel: Select;
  readonly #preset: Select;
  readonly #says = element("p.fs-note");
  readonly #edits = element("p.fs-note.fs-edits");
  readonly #undo = button("undo", "Undo", "Takes the last change back");
  readonly #redo = button("redo", "Redo", "Makes it again");
  readonly #own = button("own", "Net's own", "Gives this filter the net's own kernel again");
  readonly #reset = button("reset", "Reset all", "Gives every edited filter the net's own kernel again");
  readonly #buttons: readonly HTMLButtonElement[];
  readonly #ofRows: readonly HTMLButtonElement[];
  readonly root: HTMLElement;

  constructor(bench: Bench, consequences: Consequences) {
    this.#consequences = consequences;
    const say = (sentence: string) => this.#complaint.say(sentence);
    this.#trial = new KernelTrial(bench, {
      changed: () => this.#paint(),
      other: (lab, frame) => this.#offer(lab, frame),
      settled: (lab) => consequences.follow(lab),
      gone: () => this.#disable(true),
      say,
    });
    this.#cells = new Cells(bench.host.palettes, {
      change: (place, value, gesture) => {
        const [height, width] = this.#trial.sides();
        this.#change(gesture, (values) => {
          const changed = values.slice();
          changed[place] = value;
          return changed.length === height * width ? changed : values;
        });
      },
      refuse: say,
    });
    this.#channel = new Select("lab-channel", "kernel", [["0", "0"]], "Which of the filter's kernels", () =>
      this.#paint(),
    );
    this.#preset = new Select("lab-preset", "begin with", [["", "…"]], "A kernel to begin with", (value) => {
      if (value !== "") this.#begin(Number(value));
      this.#preset.show("");
    });
    const transforms = TRANSFORMS.map((transform) => {
      const node = button(transform.name, transform.words, transform.hint);
      on(node, "click", () => this.#transform(transform));
      return node;
    });
    this.#buttons = [...transforms, this.#own];
    this.#ofRows = transforms.filter((_, k) => TRANSFORMS[k]!.ofRows);
    const steps = { undo: this.#undo, redo: this.#redo, reset: this.#reset, own: this.#own } as const;
    for (const [step, node] of Object.entries(steps))
      on(node, "click", () => this.#trial.go(step as StepName));
    const editor = element(
      "div.fs-editor",
      element("div.fs-choices", this.#channel.root, this.#preset.root),
      this.#cells.root,
      this.#says,
      this.#complaint.root,
      element("div.fs-buttons", ...transforms),
      element("div.fs-buttons", this.#undo, this.#redo, this.#own, this.#reset),
      this.#edits,
    );
    this.root = element("div.fs-bench", editor, consequences.root);
  }

  follow(frame: Frame): void {
    this.#trial.follow(frame);
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    return this.#consequences.reply(reply, newest) || this.#trial.reply(reply, newest);
  }

  // What the person does

  #begin(place: number): void {
    const { lab, kernels } = this.#trial;
    const preset = lab?.presets[place];
    if (!preset) return;
    const { data, shape } = preset.kernel;
    const [height, width] = this.#trial.sides();
    const size = height * width;
    const whole = data.length === kernels.length && shape.length === lab!.own.shape.length;
    this.#change("", (_, channel) => {
      const from = whole ? channel * size : 0;
      return data.slice(from, from + size);
    });
  }

  #transform(transform: Transform): void {
    const [height, width] = this.#trial.sides();
    let refusal = "";
    this.#change("", (values, _, own) => {
      const changed = transform.apply(values, { height, width }, own);
      if (typeof changed !== "string") return changed;
      refusal = changed;
      return values;
    });
    if (refusal) this.#complaint.say(refusal);
  }

  /** Changes the chosen kernels. */
  #change(gesture: string, change: KernelChange): void {
    const channels = this.#trial.lab?.own.shape[0] ?? 1;
    const chosen = this.#channel.value === ALL ? [...Array(channels).keys()] : [Number(this.#channel.value)];
    this.#trial.change(chosen, gesture, change);
  }

  // What is seen

  #offer({ own, presets }: LabFilter, frame: Frame): void {
    const [channels = 1] = own.shape;
    const each = [...Array(channels).keys()].map((k) => [String(k), `channel ${k}`] as const);
    this.#channel.offer(channels > 1 ? [...each, [ALL, `all ${channels}`]] : each);
    this.#channel.show(String(frame.channel ?? 0));
    this.#channel.root.hidden = channels === 1;
    const [height] = this.#trial.sides();
    for (const node of this.#ofRows) node.hidden = height === 1;
    this.#preset.offer([["", "…"], ...presets.map(({ name }, k) => [String(k), name] as const)]);
  }

  #disable(disabled: boolean): void {
    const { lab } = this.#trial;
    for (const node of this.#buttons) node.disabled = disabled;
    this.#undo.disabled = !lab?.can_undo;
    this.#redo.disabled = !lab?.can_redo;
    this.#reset.disabled = !lab?.edits.length;
    this.#cells.disable(disabled);
  }

  #paint(): void {
    const { lab, kernels } = this.#trial;
    if (!lab) return;
    const [height, width] = this.#trial.sides();
    const size = height * width;
    const all = this.#channel.value === ALL;
    const volume = lab.own.shape.length > 3;
    const fits = Math.max(height, width) <= MOST_CELLS && !volume;
    const largest = [...kernels, ...lab.own.data].reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const first = all ? 0 : Number(this.#channel.value);
    const shown = kernels.slice(first * size, (first + 1) * size);
    const refused = lab.why_not !== "";
    this.#cells.root.hidden = !fits || all;
    if (fits && !all) this.#cells.paint(shown, height, width, largest, refused);
    const sum = shown.reduce((total, value) => total + value, 0);
    setText(
      this.#says,
      all
        ? "What you begin with and the buttons change all kernels of the filter; choose one to type its numbers."
        : volume
          ? "Of a volume's kernels, presets and buttons change every slice; explorer.kernel = … in Python sets each number."
          : fits
            ? `Its numbers add up to ${Number(sum.toPrecision(3)) || 0}.`.replace("-", "−")
            : tooLarge(height, width),
    );
    this.#disable(refused);
    this.#own.disabled ||= sameNumbers(kernels, lab.own.data);
    setText(this.#edits, editsInWords(lab, this.#consequences.trial));
  }
}

function editsInWords({ edits }: LabFilter, trial: string): string {
  if (edits.length === 0) return "Nothing is edited: all pictures are the net's own.";
  const names = edits.slice(0, 4).map(({ layer, filter }) => `${layer} filter ${filter}`);
  const more = edits.length > 4 ? ` and ${edits.length - 4} more` : "";
  return `Edited: ${names.join(", ")}${more}. ${trial}`;
}

function button(name: string, words: string, hint: string): HTMLButtonElement {
  return element("button.fs-wide", { type: "button", name: `lab-${name}`, title: hint }, words);
}
