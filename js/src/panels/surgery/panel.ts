/** The tray: filters that are left out of the net, in one place. Keeps what is in it; Python says what that means. */

import { element, setText } from "../../dom/dom";
import { ASK_AGAIN_AFTER, LOST_AFTER, RESTS_AFTER } from "../../state/timing";
import type { Host, Panels } from "../../view/host";
import type { Client, Listener } from "../../wire/client";
import type { Frame } from "../../wire/frame";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { FilterOf, Tray, TrayArgs } from "../../wire/surgery";
import type { Bench } from "./bench";
import { Beside } from "./beside";
import { Choice } from "./choice";
import { Cost } from "./cost";
import { PythonLines } from "./python_lines";
import { SizeSlider } from "./size_slider";
import { WidthCurve } from "./width_curve";

export class TrayPanel implements Partial<Panels>, Listener {
  readonly #client: Client;
  readonly #choice: Choice;
  readonly #slider: SizeSlider;
  readonly #cost: Cost;
  readonly #beside: Beside;
  readonly #curve: WidthCurve;
  readonly #python: PythonLines;
  readonly #says = element("p.fs-note.fs-tray-says", { role: "status" });
  readonly #all: HTMLElement;
  readonly #section: HTMLElement;
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  #frame: Frame | null = null;
  /** What is in it, as Python said last. */
  #filters: readonly FilterOf[] = [];
  /** What is to be done with it, not answered yet. */
  #pending: Pick<TrayArgs, "toggles" | "word"> = {};
  #asked = "";

  constructor(host: Host) {
    this.#client = host.client(this, { patience: LOST_AFTER.surgery, inFlight: 2 });
    const bench: Bench = {
      ask: (name, args) => this.#client.ask(name, args),
      after: (name, delay, act) => this.#after(name, delay, act),
    };
    this.#choice = new Choice({
      toggle: (filter) => this.#toggle(filter),
      word: (word) => this.#change(this.#filters, { ...this.#pending, word }),
      clear: () => this.#change([]),
    });
    this.#slider = new SizeSlider(bench, (filters) => this.#change(filters));
    this.#cost = new Cost(bench, () => this.#filters);
    this.#beside = new Beside(host.root, bench, () => this.#filters);
    this.#curve = new WidthCurve(bench);
    this.#python = new PythonLines();
    this.#all = element(
      "div.fs-tray",
      { hidden: true },
      element("div.fs-tray-column", this.#choice.root, this.#slider.root, this.#python.root),
      element("div.fs-tray-column", this.#cost.root, this.#beside.root, this.#curve.root),
    );
    this.#section = element(
      "section",
      { "data-panel": "surgery", "aria-label": "tray" },
      element("h3.fs-title", "Tray: the net without these filters"),
      this.#says,
      this.#all,
    );
    host.below.append(this.#section);
  }

  painted(frame: Frame, layerName: string): void {
    const before = this.#frame;
    this.#frame = frame;
    this.#choice.at(layerName, frame.filter);
    this.#curve.at(frame.layer, layerName);
    this.#beside.painted();
    if (before && before.revision !== frame.revision) this.#forget();
    const key = [frame.image, frame.layer, frame.revision].join();
    if (key !== this.#asked) this.#after("tray", before ? RESTS_AFTER.surgery : 0, () => this.#ask());
  }

  cleared(): void {
    this.#frame = null;
  }

  receive(content: unknown, buffers: readonly unknown[]): void {
    this.#client.receive(content, buffers);
    this.#client.pump(); // it may have been what was waited for
  }

  layout(): void {
    this.#client.resume();
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#cost.stop();
    this.#slider.stop();
    this.#beside.stop();
    this.#curve.stop();
    this.#client.dispose();
    this.#section.remove();
  }

  changed(): void {
    this.#asked = ""; // once it is painted: also whether the smaller net stands beside it, which another page may say
  }

  refused(): void {}

  skipped(): void {
    this.#after("tray", ASK_AGAIN_AFTER.diagnosis, () => this.#ask());
  }

  reply(reply: ReplyTo<RequestName>, newest: boolean): void {
    if (!newest) return;
    if (reply.name === "tray_order") this.#slider.reply(reply);
    else if (reply.name === "tray_plan") this.#cost.reply(reply);
    else if (reply.name === "tray_widths") this.#curve.reply(reply);
    else if (reply.name === "tray_compare") this.#beside.reply(reply);
    else if (reply.name === "tray") {
      if (reply.error) this.#refuse(reply.error.message);
      else this.#take(decode(reply));
    }
  }

  #take(tray: Tray): void {
    this.#section.dataset.status = tray.status;
    setText(this.#says, tray.why ?? "");
    if (tray.status !== "done") {
      this.#all.hidden = true;
      this.#after("tray", ASK_AGAIN_AFTER[tray.status === "waiting" ? "tray" : "diagnosis"], () =>
        this.#ask(),
      );
      return;
    }
    this.#all.hidden = false;
    this.#pending = {};
    this.#filters = tray.layers.flatMap(({ index, filters }) =>
      filters.map((filter): FilterOf => [index, filter]),
    );
    const frame = this.#frame;
    if (frame?.layer === tray.layer) this.#choice.paint(tray, frame.kernels.tensor.shape[0] ?? 0);
    this.#slider.holds(this.#filters, tray.parameters);
    this.#cost.paint(tray);
    this.#beside.paint(tray);
    this.#python.paint(tray.python);
    this.#section.dataset.shown = `${tray.image}: ${this.#filters.map((each) => each.join(".")).join(" ")}`;
  }

  /** What was asked for cannot be: all stays as it was. */
  #refuse(message: string): void {
    this.#pending = {};
    setText(this.#says, message);
    this.#section.dataset.status = "refused";
  }

  #toggle(filter: number): void {
    const layer = this.#frame?.layer ?? 0;
    const toggles = [...(this.#pending.toggles ?? []), [layer, filter] as const];
    this.#change(this.#filters, { ...this.#pending, toggles });
  }

  #change(filters: readonly FilterOf[], pending: Pick<TrayArgs, "toggles" | "word"> = {}): void {
    this.#filters = filters;
    this.#pending = pending;
    this.#ask();
  }

  #ask(): void {
    const frame = this.#frame;
    if (!frame) return;
    const { image, layer, revision } = frame;
    this.#asked = [image, layer, revision].join();
    this.#client.ask("tray", { image, layer, filters: this.#filters, ...this.#pending });
  }

  /** The net is another one: what was found is not its. */
  #forget(): void {
    this.#slider.forget();
    this.#cost.forget();
    this.#curve.forget();
  }

  #after(name: string, delay: number, act: () => void): void {
    clearTimeout(this.#timers.get(name));
    if (delay === 0) act();
    else this.#timers.set(name, setTimeout(act, delay));
  }
}
