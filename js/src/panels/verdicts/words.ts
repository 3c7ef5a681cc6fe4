/** Verdicts in words and marks: beside a colour or a shape there is always a letter or a word. */

import { minus, number } from "../../text/format";
import {
  type Chance,
  type Estimate,
  NO_PATTERN,
  type Progress,
  type VerdictRow,
  type Verdicts,
  type Without,
} from "../../wire/verdicts";

/** A share as so many in 100. */
export function per100(share: number): string {
  const hundredths = share * 100;
  if (hundredths >= 10) return hundredths.toFixed(0);
  return String(Number(hundredths.toPrecision(hundredths < 0.1 ? 1 : 2)));
}

export function signed(value: number): string {
  return value > 0 ? `+${number(value)}` : number(value);
}

export function points(share: number): string {
  const value = (100 * share).toFixed(1);
  const sign = Number(value) > 0 ? "+" : "";
  return sign + minus(value);
}

export function span({ low, high }: Omit<Estimate, "value">, write: (value: number) => string): string {
  return low === null || high === null ? "" : `95\u00a0%: ${write(low)} … ${write(high)}`;
}

export function time(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.ceil(seconds / 60)} min`;
}

/** "image 320 of 1,000 · 410 a second · 2 s left, then 6 min for use" */
export function progressInWords(progress: Progress): string {
  const { stage, done, total, per_second, seconds_left, seconds_after } = progress;
  if (stage === "") return "starting …";
  const what = {
    weights: "weights of layer",
    images: "image",
    ablation: "without each filter: image",
    merging: "one for two: image",
    filters: "without each filter:",
    together: "without the least used: image",
  }[stage];
  const parts = [`${what} ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`];
  if (per_second > 0 && stage !== "weights") {
    parts.push(`${per_second < 10 ? per_second.toFixed(1) : Math.round(per_second)} a second`);
  }
  if (seconds_left !== null) parts.push(`${time(seconds_left)} left`);
  const after = seconds_after === null ? "" : `, then ${time(seconds_after)} for use`;
  return parts.join(" · ") + after;
}

/** The line below the buttons. */
export function summaryInWords({ status, earlier, summary }: Verdicts): string {
  const whose = earlier ? "Of earlier weights: " : status === "running" ? "So far: " : "";
  return summary ? `${whose}${summary}.` : "";
}

/** What filters cost together, before anything is measured: "together about +0.031 nats, 1.6 % of what …". */
export function estimateInWords({ estimate, filters }: Pick<Without, "estimate" | "filters">): string {
  if (!estimate) return "";
  const share = estimate.share === null ? "" : `, ${percentOf(estimate.share)} of what the net knows`;
  const which = filters.length > 1 ? "Together" : "On average";
  return `${which} about ${signed(estimate.rise)} nats${share}: estimated from gradients on ${estimate.images.toLocaleString("en")} images, not measured.`;
}

export function structureInWords(row: VerdictRow): string {
  const { structure, p_structured, p_noise, structure_reason } = row;
  if (structure === "can't tell") return `Can't tell: ${structure_reason}.`;
  const random = `${per100(p_structured ?? 1)} in 100 random filters look as structured`;
  if (structure === "structured") return `Structured: ${random}.`;
  const alike = `${per100(p_noise ?? 1)} in 100 filters with this layer's habits would fit them as badly`;
  return `Noise-like: ${random}, and ${alike}.`;
}

export function trainingInWords({ training, p_training, training_reason }: VerdictRow): string {
  if (training === "can't tell")
    return `Pulled on by training: can't tell from its input; ${training_reason}.`;
  const random = `${per100(p_training ?? 1)} in 100 random filters look as much along what varies in its input`;
  return `Training pulled on it: ${random}.`;
}

/** Empty where no start was given. */
export function startInWords({ start, start_share, start_reason }: VerdictRow): string {
  if (start === "not given") return "";
  if (start === "can't tell") return `How far it went from its start: can't tell; ${start_reason}.`;
  if (start === "left its start" && start_share !== null) {
    return `It went ${start_share.toFixed(2)} times as far from its start as the layer's filters do.`;
  }
  return start === "only scaled" ? "It was only scaled since its start." : `It ${start}.`;
}

export function looksInWords(row: VerdictRow): string {
  const { name, name_reason, template, match, p_match, one_pattern } = row;
  if (name === null || match === null) return `${capital(name_reason)}.`;
  const chance = `${per100(p_match ?? 1)} in 100 random kernels match as well`;
  const shared =
    one_pattern !== null && one_pattern < 0.995
      ? ` One pattern for all its channels holds ${percentOf(one_pattern)} of the filter.`
      : "";
  const nearest = `${template} ${percentOf(match)}; ${chance}.${shared}`;
  return name === NO_PATTERN
    ? `No simple pattern. Nearest: ${nearest}`
    : `${capital(name)}. Best template: ${nearest}`;
}

/** What is said below bars by class: some have an interval, others too few images. */
export function intervalsInWords(bars: readonly { readonly low: number }[], fewest: number): string {
  const known = bars.filter(({ low }) => Number.isFinite(low)).length;
  return (
    (known > 0 ? ", with Student's 95 % intervals" : "") +
    (known < bars.length ? `; no interval for a class of fewer than ${fewest} images` : "")
  );
}

export function useInWords(row: VerdictRow): string {
  const { use, use_reason, delta_loss, ci_low, ci_high, share, estimated_rise, ablated, labelled, score } =
    row;
  const what = labelled ? "loss" : "output";
  if (use === "withheld" || delta_loss === null) {
    const estimate = `Estimated from gradients, without it the ${what} would change by`;
    return `Not told: ${use_reason}.${estimated_rise === null ? "" : ` ${estimate} ${signed(estimated_rise)} nats.`}`;
  }
  const interval = span({ low: ci_low, high: ci_high }, signed);
  const part = share === null ? "" : `; ${percentOf(share)} of what the net knows`;
  if (score) {
    const falls = (value: number) => signed(-value);
    const reversed = span({ low: ci_high, high: ci_low }, falls);
    return `${capital(use)}: without it ${score} changes by ${falls(delta_loss)} (${reversed}; ${ablated.toLocaleString("en")} images)${part}.`;
  }
  return `${capital(use)}: without it the ${what} changes by ${signed(delta_loss)} nats (${interval}; ${ablated.toLocaleString("en")} images)${part}.`;
}

export function firesInWords({ fires, drives_most, drives_least, state, state_reason }: VerdictRow): string {
  if (state === "dead" || state === "constant") return `${capital(state)}: ${state_reason}.`;
  if (fires === null) return "";
  const driven = drives_most === null ? "" : `, most for ${drives_most}, least for ${drives_least}`;
  return `Fires in ${percentOf(fires)} of the images${driven}.`;
}

export function chanceInWords({ mark, low, high }: Chance, what: string): string {
  return `${what} from ${number(low)} to ${number(high)}; this filter at ${number(mark)}`;
}

export function percentOf(share: number): string {
  const hundredths = 100 * share;
  return `${minus(hundredths.toFixed(Math.abs(hundredths) < 10 ? 1 : 0))}\u00a0%`;
}

export function capital(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
