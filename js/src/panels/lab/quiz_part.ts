/** Guess the filter: two pictures, of which one drives the filter that the page shows. */

import { attribute, element, on, setText } from "../../dom/dom";
import { fitPicture } from "../../draw/layout";
import { rasterOfDisplay } from "../../draw/raster";
import { number, percent } from "../../text/format";
import type { Grade, QuizRound, Side } from "../../wire/lab";
import { decode, type ReplyTo, type RequestName } from "../../wire/requests";
import type { ByteTensor } from "../../wire/tensor";
import type { Bench, Part } from "./part";

const BOX = 168;
const SIDES = ["left", "right"] as const;
const RULES =
  "Twenty rounds. Look at the kernel and the maps above, then say which picture drives this filter: one is among the nine that drive it most, the other is ordinary. Who guesses gets half of them right.";

export class QuizPart implements Part {
  readonly name = "quiz";
  readonly title = "Quiz";
  readonly #bench: Bench;
  readonly #begin = element("button.fs-wide", { type: "button", name: "lab-quiz-begin" }, "Begin");
  readonly #next = element("button.fs-wide", { type: "button", name: "lab-quiz-next", hidden: true }, "Next");
  readonly #question = element("p");
  readonly #said = element("p", { "aria-live": "polite" });
  readonly #score = element("p.fs-note");
  readonly #pictures: Readonly<Record<Side, HTMLCanvasElement>>;
  readonly #buttons: Readonly<Record<Side, HTMLButtonElement>>;
  readonly #row: HTMLElement;
  readonly root: HTMLElement;
  #round: QuizRound | null = null;

  constructor(bench: Bench) {
    this.#bench = bench;
    const canvas = (side: Side) =>
      element("canvas", { role: "img", "aria-label": `the ${side} picture`, width: 1, height: 1 });
    this.#pictures = { left: canvas("left"), right: canvas("right") };
    const button = (side: Side) =>
      element("button.fs-wide", { type: "button", name: `lab-quiz-${side}` }, `The ${side} one`);
    this.#buttons = { left: button("left"), right: button("right") };
    for (const side of SIDES) on(this.#buttons[side], "click", () => this.#answer(side));
    on(this.#begin, "click", () => this.#ask({ round: 0, seed: Math.floor(Math.random() * 2 ** 31) }));
    on(this.#next, "click", () => this.#ask({ round: this.#round!.round + 1 }));
    this.#row = element(
      "div.fs-stages",
      ...SIDES.map((side) =>
        element(
          "figure.fs-lab-picture",
          { "data-side": side },
          element("div.fs-lab-box.fs-quiz-box", this.#pictures[side]),
          this.#buttons[side],
        ),
      ),
    );
    this.#row.hidden = true;
    this.root = element(
      "div.fs-quiz",
      element("div.fs-ask", this.#begin, this.#next),
      this.#question,
      this.#row,
      this.#said,
      this.#score,
    );
    setText(this.#question, RULES);
  }

  follow(): void {}

  reply(reply: ReplyTo<RequestName>, newest: boolean): boolean {
    if (reply.name !== "lab_quiz") return false;
    if (!newest) return true;
    if (reply.error) setText(this.#said, reply.error.message);
    else this.#paint(decode(reply));
    return true;
  }

  #ask(args: { round: number; seed?: number; side?: Side }): void {
    this.#bench.ask("lab_quiz", args);
  }

  #answer(side: Side): void {
    if (this.#round && this.#round.right === null) this.#ask({ round: this.#round.round, side });
  }

  #paint(round: QuizRound): void {
    const other = this.#round?.round !== round.round || this.#round.right !== null;
    this.#round = round;
    const { layer, filter, grade, right, drives, values } = round;
    if (other && right === null) this.#show(layer, filter);
    this.#row.hidden = false;
    setText(
      this.#question,
      `Round ${round.round + 1} of ${grade.rounds}: which picture drives ${layer}, filter ${filter}?`,
    );
    for (const [k, side] of SIDES.entries()) {
      draw(this.#pictures[side], round.pictures[k]!);
      this.#buttons[side].disabled = right !== null;
    }
    const [left = 0, other_ = 0] = values?.data ?? [];
    setText(
      this.#said,
      right === null
        ? ""
        : `${right ? "Right" : "No"}: the ${drives} one, its greatest value is ${number(Math.max(left, other_))}, the other's ${number(Math.min(left, other_))}.`,
    );
    setText(this.#score, gradeInWords(grade));
    setText(this.#begin, "Begin anew");
    this.#next.hidden = right === null || round.round + 1 >= grade.rounds;
    attribute(this.root, "data-round", `${round.round}${right === null ? "" : " answered"}`);
  }

  /** The question's filter, in the page; without its name, a layer that is called more than once is its first call. */
  #show(name: string, filter: number): void {
    const layers = this.#bench.host.description()?.layers ?? [];
    const layer = layers.findIndex((each) => each.name === name);
    if (layer >= 0) this.#bench.host.select({ layer, filter });
  }
}

function draw(canvas: HTMLCanvasElement, pixels: ByteTensor): void {
  const raster = rasterOfDisplay(pixels);
  raster.show(canvas);
  const { width, crisp } = fitPicture(raster.width, raster.height, BOX, window.devicePixelRatio || 1);
  canvas.style.width = `${width}px`;
  canvas.style.imageRendering = crisp ? "pixelated" : "auto";
}

function gradeInWords({ answered, right, score, low, high, better_than_chance }: Grade): string {
  if (answered === 0) return "";
  const chance = better_than_chance
    ? "better than guessing"
    : answered < 5
      ? "too few to tell from guessing"
      : "no better than guessing, as far as these tell";
  return `${right} of ${answered} right: ${percent(score)} (95 %: ${percent(low)} … ${percent(high)}), ${chance}.`;
}
