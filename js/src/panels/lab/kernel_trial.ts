/**
 * A filter's kernels, as a person has made them: what the page computes itself is painted at once, the exact numbers of
 * whoever answers take its place.
 */

import { argsOf } from "../../state/frames";
import { RESTS_AFTER } from "../../state/timing";
import type { Frame } from "../../wire/frame";
import type { History, HistoryStep, LabFilter, StepName } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import { sidesOf, withKernels } from "./edited_frame";
import type { Bench } from "./part";

export type KernelChange = (values: Float32Array, channel: number, own: Float32Array) => Float32Array;

export interface TrialListener {
  /** Other numbers, or another history. */
  changed(): void;
  /** Another filter has come: what can be chosen is another. */
  other(lab: LabFilter, frame: Frame): void;
  /** What comes of the edits is to be shown. */
  settled(lab: LabFilter): void;
  /** The filter is not here yet, or cannot be had. */
  gone(): void;
  /** "" takes back what was said. */
  say(sentence: string): void;
}

export class KernelTrial {
  readonly #bench: Bench;
  readonly #listener: TrialListener;
  lab: LabFilter | null = null;
  /** Of the filter, all of them. */
  kernels = new Float32Array();
  /** They were sent, and are not answered yet. */
  #pending = false;
  /** What is to be done when they are answered. */
  #next: StepName | null = null;
  #painting = false;
  #asked = "";

  constructor(bench: Bench, listener: TrialListener) {
    this.#bench = bench;
    this.#listener = listener;
  }

  follow(frame: Frame): void {
    if (this.#painting) return;
    const lab = this.lab;
    if (lab && isOf(lab, frame) && frame.revision <= lab.revision) {
      if (this.#pending) this.#overlay(frame);
      else this.#listener.changed();
      return;
    }
    if (!lab || lab.layer !== frame.layer || lab.filter !== frame.filter) {
      this.lab = null;
      this.#pending = false;
      this.#listener.say("");
      this.#listener.gone();
    }
    const key = JSON.stringify([frame.image, frame.layer, frame.filter, frame.source, frame.revision]);
    if (this.#asked === key) return;
    this.#bench.after("lab", lab ? RESTS_AFTER.lab : 0, () => {
      const now = this.#bench.frame();
      if (!now) return;
      this.#asked = key;
      this.#bench.ask("lab", argsOf(now));
    });
  }

  /** False where it did not ask. */
  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name === "lab") {
      this.#asked = "";
      if (reply.error) {
        this.#listener.gone();
        this.#listener.say(reply.error.message);
      } else if (newest) this.#take(decode(reply));
      return true;
    }
    if (reply.name !== "edit_kernel" && reply.name !== "lab_history") return false;
    if (!newest) return true;
    if (reply.error) this.#refused(reply.error.message);
    else if (reply.name === "edit_kernel") this.#settled(decode(reply));
    else this.#stepped(decode(reply));
    return true;
  }

  /** Rows and columns of a kernel. */
  sides(): [number, number] {
    return this.lab ? sidesOf(this.lab.own) : [0, 0];
  }

  /** Changes some of the filter's kernels; the page's own answer comes first. */
  change(channels: readonly number[], gesture: string, change: KernelChange): void {
    const lab = this.lab;
    const frame = this.#bench.frame();
    if (!lab || !frame || lab.why_not) return;
    const [height, width] = this.sides();
    const size = height * width;
    const kernels = this.kernels.slice();
    const planes = kernels.length / size / (lab.own.shape[0] ?? 1); // a volume's slices
    for (const channel of channels) {
      for (let slice = 0; slice < planes; slice++) {
        const from = (channel * planes + slice) * size;
        const own = lab.own.data.subarray(from, from + size);
        kernels.set(change(kernels.slice(from, from + size), channel, own), from);
      }
    }
    if (sameNumbers(kernels, this.kernels)) return;
    if (!kernels.every((value) => Number.isFinite(value))) {
      this.#listener.say("That would make numbers that are too large: nothing was changed.");
      return;
    }
    this.kernels = kernels;
    this.#pending = true;
    this.#listener.say("");
    this.#overlay(frame);
    const { layer, filter } = lab;
    this.#bench.ask("edit_kernel", { layer, filter, kernel: [...kernels], gesture });
  }

  go(step: StepName): void {
    const frame = this.#bench.frame();
    if (!frame) return;
    if (this.#pending) {
      this.#next = step; // what is on its way is a step, too: it must not come after this one
      return;
    }
    const { image, layer, filter } = frame;
    this.#listener.say("");
    this.#bench.ask("lab_history", { image, layer, filter, step });
  }

  #take(lab: LabFilter): void {
    const frame = this.#bench.frame();
    if (!frame || !isOf(lab, frame)) return;
    const before = this.lab;
    const other = before?.layer !== lab.layer || before.filter !== lab.filter;
    this.lab = lab;
    if (!this.#pending) this.kernels = lab.kernels.data.slice();
    if (other) this.#listener.other(lab, frame);
    // What was typed wrongly since the last change stays said until it is put right.
    if (before?.why_not !== lab.why_not) this.#listener.say(lab.why_not);
    this.#listener.changed();
    this.#listener.settled(lab);
  }

  #settled(history: History): void {
    this.#pending = false;
    const next = this.#next;
    this.#next = null;
    if (next) this.go(next);
    if (this.lab)
      this.lab = { ...this.lab, ...history, kernels: { ...this.lab.kernels, data: this.kernels } };
    this.#listener.changed();
    if (this.lab) this.#listener.settled(this.lab);
  }

  /** Its numbers are shown at once. The layer's input may be another, too: it comes with the frame of that revision. */
  #stepped({ revision: _, layer, filter, kernels, ...history }: HistoryStep): void {
    if (!this.lab) return;
    this.lab = { ...this.lab, ...history };
    if (this.lab.layer === layer && this.lab.filter === filter && !this.#pending) {
      this.lab = { ...this.lab, kernels };
      this.kernels = kernels.data.slice();
    }
    this.#listener.changed();
  }

  /** What was not taken stands nowhere: the kernel is again what it was. */
  #refused(sentence: string): void {
    this.#pending = false;
    this.#next = null;
    if (this.lab) this.kernels = this.lab.kernels.data.slice();
    const frame = this.#bench.frame();
    if (frame) this.#show(frame);
    this.#listener.changed();
    this.#listener.say(sentence);
  }

  /** What the page computes itself. */
  #overlay(frame: Frame): void {
    const edited = this.lab && withKernels(frame, this.lab, this.kernels);
    if (edited) this.#show(edited);
    this.#listener.changed();
  }

  #show(frame: Frame): void {
    this.#painting = true;
    try {
      this.#bench.host.paint(frame);
    } finally {
      this.#painting = false;
    }
  }
}

export function sameNumbers(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place]);
}

function isOf(lab: LabFilter, frame: Frame): boolean {
  return lab.image === frame.image && lab.layer === frame.layer && lab.filter === frame.filter;
}
