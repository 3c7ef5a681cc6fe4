/** The kernel, edited: what the page computes itself is painted at once, Python's exact numbers take its place. */

import { element, on, setText } from "../../dom/dom";
import { Select } from "../../dom/select";
import { RESTS_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import type { History, LabFilter } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { Cells, Complaint, MOST_CELLS, tooLarge } from "./cells";
import { sidesOf, withKernels } from "./edited_frame";
import { Outcome } from "./outcome";
import type { Bench, Part } from "./part";
import { TRANSFORMS, type Transform } from "./transforms";

const ALL = "all";

type HistoryStep = "undo" | "redo" | "reset" | "own";

export class KernelPart implements Part {
  readonly name = "kernel";
  readonly title = "Kernel";
  readonly #bench: Bench;
  readonly #cells: Cells;
  readonly #complaint = new Complaint();
  readonly #outcome: Outcome;
  readonly #channel: Select;
  readonly #preset: Select;
  readonly #says = element("p.fs-note");
  readonly #edits = element("p.fs-note.fs-edits");
  readonly #undo = button("undo", "Undo", "Takes the last change back");
  readonly #redo = button("redo", "Redo", "Makes it again");
  readonly #own = button("own", "Net's own", "Gives this filter the net's own kernel again");
  readonly #reset = button("reset", "Reset all", "Gives every edited filter the net's own kernel again");
  readonly #buttons: readonly HTMLButtonElement[];
  readonly root: HTMLElement;
  #lab: LabFilter | null = null;
  /** Of the filter, all of them, as a person has made them. */
  #kernels = new Float32Array();
  /** It was sent, and is not answered yet. */
  #pending = false;
  /** What is to be done when that is answered. */
  #next: HistoryStep | null = null;
  #painting = false;
  #asked = "";

  constructor(bench: Bench) {
    this.#bench = bench;
    this.#outcome = new Outcome(bench);
    this.#cells = new Cells(bench.host.palettes, {
      change: (place, value, gesture) => {
        const [height, width] = this.#sides();
        this.#change(gesture, (values) => {
          const changed = values.slice();
          changed[place] = value;
          return changed.length === height * width ? changed : values;
        });
      },
      refuse: (sentence) => this.#complaint.say(sentence),
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
    const steps = { undo: this.#undo, redo: this.#redo, reset: this.#reset, own: this.#own } as const;
    for (const [step, node] of Object.entries(steps))
      on(node, "click", () => this.#history(step as keyof typeof steps));
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
    this.root = element("div.fs-bench", editor, this.#outcome.root);
  }

  follow(frame: Frame): void {
    if (this.#painting) return;
    const lab = this.#lab;
    if (lab && isOf(lab, frame) && frame.revision <= lab.revision) {
      if (this.#pending) this.#overlay(frame);
      else this.#paint();
      return;
    }
    if (!lab || lab.layer !== frame.layer || lab.filter !== frame.filter) {
      this.#lab = null;
      this.#pending = false;
      this.#complaint.say("");
      this.#disable(true);
    }
    const key = JSON.stringify([frame.image, frame.layer, frame.filter, frame.source, frame.revision]);
    if (this.#asked === key) return;
    this.#bench.after("lab", lab ? RESTS_AFTER.lab : 0, () => {
      const now = this.#bench.frame();
      if (!now) return;
      this.#asked = key;
      const { image, layer, filter, channel, source, scale, plane, slice, kernel_slice } = now;
      this.#bench.ask("lab", {
        image,
        layer,
        filter,
        channel,
        source,
        scale,
        plane,
        slice,
        kernel_slice,
      });
    });
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (this.#outcome.reply(reply, newest)) return true;
    if (reply.name === "lab") {
      this.#asked = "";
      if (reply.error) this.#complaint.say(reply.error.message);
      else if (newest) this.#take(decode(reply));
      return true;
    }
    if (reply.name !== "edit_kernel" && reply.name !== "lab_history") return false;
    if (!newest) return true;
    if (reply.error) this.#refused(reply.error.message);
    else this.#settled(decode(reply));
    return true;
  }

  // What the kernel tells

  #take(lab: LabFilter): void {
    const frame = this.#bench.frame();
    if (!frame || !isOf(lab, frame)) return;
    const other = this.#lab?.layer !== lab.layer || this.#lab.filter !== lab.filter;
    this.#lab = lab;
    if (!this.#pending) this.#kernels = lab.kernels.data.slice();
    if (other) this.#offer(lab, frame);
    this.#complaint.say(lab.why_not);
    this.#paint();
    this.#outcome.follow(lab);
  }

  #offer({ own, presets }: LabFilter, frame: Frame): void {
    const [channels = 1] = own.shape;
    const each = [...Array(channels).keys()].map((k) => [String(k), `channel ${k}`] as const);
    this.#channel.offer(channels > 1 ? [...each, [ALL, `all ${channels}`]] : each);
    this.#channel.show(String(frame.channel ?? 0));
    this.#channel.root.hidden = channels === 1;
    this.#preset.offer([["", "…"], ...presets.map(({ name }, k) => [String(k), name] as const)]);
  }

  #settled(history: History): void {
    this.#pending = false;
    const next = this.#next;
    this.#next = null;
    if (next) this.#history(next);
    if (this.#lab) this.#lab = { ...this.#lab, ...history };
    this.#paint();
    if (this.#lab) this.#outcome.follow(this.#lab);
  }

  /** What Python did not take stands nowhere: the kernel is again what it was. */
  #refused(sentence: string): void {
    this.#pending = false;
    this.#next = null;
    if (this.#lab) this.#kernels = this.#lab.kernels.data.slice();
    const frame = this.#bench.frame();
    if (frame) this.#show(frame);
    this.#paint();
    this.#complaint.say(sentence);
  }

  // What the person does

  #begin(place: number): void {
    const preset = this.#lab?.presets[place];
    if (!preset) return;
    const { data, shape } = preset.kernel;
    const [height, width] = this.#sides();
    const size = height * width;
    const whole = data.length === this.#kernels.length && shape.length === this.#lab!.own.shape.length;
    this.#change("", (_, channel) => {
      const from = whole ? channel * size : 0;
      return data.slice(from, from + size);
    });
  }

  #transform(transform: Transform): void {
    const [height, width] = this.#sides();
    let refusal = "";
    this.#change("", (values, _, own) => {
      const changed = transform.apply(values, { height, width }, own);
      if (typeof changed !== "string") return changed;
      refusal = changed;
      return values;
    });
    if (refusal) this.#complaint.say(refusal);
  }

  #history(step: HistoryStep): void {
    const frame = this.#bench.frame();
    if (!frame) return;
    if (this.#pending) {
      this.#next = step; // what is on its way is a step, too: it must not come after this one
      return;
    }
    const { image, layer, filter } = frame;
    this.#complaint.say("");
    this.#bench.ask("lab_history", { image, layer, filter, step });
  }

  /** Changes the chosen kernels; the page's own answer comes first. */
  #change(
    gesture: string,
    change: (values: Float32Array, channel: number, own: Float32Array) => Float32Array,
  ): void {
    const lab = this.#lab;
    const frame = this.#bench.frame();
    if (!lab || !frame || lab.why_not) return;
    const [height, width] = this.#sides();
    const size = height * width;
    const kernels = this.#kernels.slice();
    const planes = kernels.length / size / (lab.own.shape[0] ?? 1); // a volume's slices
    for (const channel of this.#chosen()) {
      for (let slice = 0; slice < planes; slice++) {
        const from = (channel * planes + slice) * size;
        const values = change(
          kernels.slice(from, from + size),
          channel,
          lab.own.data.subarray(from, from + size),
        );
        kernels.set(values, from);
      }
    }
    if (kernels.every((value, place) => value === this.#kernels[place])) return;
    if (!kernels.every((value) => Number.isFinite(value))) {
      this.#complaint.say("That would make numbers that are too large: nothing was changed.");
      return;
    }
    this.#kernels = kernels;
    this.#pending = true;
    this.#complaint.say("");
    this.#overlay(frame);
    const { layer, filter } = lab;
    this.#bench.ask("edit_kernel", { layer, filter, kernel: [...kernels], gesture });
  }

  // Inside

  #sides(): [number, number] {
    return this.#lab ? sidesOf(this.#lab.own) : [0, 0];
  }

  #chosen(): number[] {
    const channels = this.#lab?.own.shape[0] ?? 1;
    return this.#channel.value === ALL ? [...Array(channels).keys()] : [Number(this.#channel.value)];
  }

  /** What the page computes itself. */
  #overlay(frame: Frame): void {
    const edited = this.#lab && withKernels(frame, this.#lab, this.#kernels);
    if (edited) this.#show(edited);
    this.#paint();
  }

  #show(frame: Frame): void {
    this.#painting = true;
    try {
      this.#bench.host.paint(frame);
    } finally {
      this.#painting = false;
    }
  }

  #disable(disabled: boolean): void {
    for (const node of this.#buttons) node.disabled = disabled;
    this.#undo.disabled = !this.#lab?.can_undo;
    this.#redo.disabled = !this.#lab?.can_redo;
    this.#reset.disabled = !this.#lab?.edits.length;
  }

  #paint(): void {
    const lab = this.#lab;
    if (!lab) return;
    const [height, width] = this.#sides();
    const size = height * width;
    const all = this.#channel.value === ALL;
    const volume = lab.own.shape.length > 3;
    const fits = Math.max(height, width) <= MOST_CELLS && !volume;
    const largest = [...this.#kernels, ...lab.own.data].reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const first = all ? 0 : Number(this.#channel.value);
    this.#cells.root.hidden = !fits || all;
    if (fits && !all)
      this.#cells.paint(
        this.#kernels.slice(first * size, (first + 1) * size),
        height,
        width,
        largest,
        lab.why_not !== "",
      );
    const sum = this.#kernels
      .slice(first * size, (first + 1) * size)
      .reduce((total, value) => total + value, 0);
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
    this.#disable(lab.why_not !== "");
    this.#own.disabled ||= same(this.#kernels, lab.own.data);
    setText(this.#edits, editsInWords(lab));
  }
}

function isOf(lab: LabFilter, frame: Frame): boolean {
  return lab.image === frame.image && lab.layer === frame.layer && lab.filter === frame.filter;
}

function same(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place]);
}

function editsInWords({ edits }: History): string {
  if (edits.length === 0) return "Nothing is edited: all pictures are the net's own.";
  const names = edits.slice(0, 4).map(({ layer, filter }) => `${layer} filter ${filter}`);
  const more = edits.length > 4 ? ` and ${edits.length - 4} more` : "";
  return `Edited: ${names.join(", ")}${more}. All pictures and predictions are of this trial, on a copy; your net is as it was. Verdicts, scans and ablations are of your net.`;
}

function button(name: string, words: string, hint: string): HTMLButtonElement {
  return element("button.fs-wide", { type: "button", name: `lab-${name}`, title: hint }, words);
}
