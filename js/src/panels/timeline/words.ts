/** What is said of a filter over the checkpoints. */

import type { KeptTimeline, Timeline, TimelineStep } from "../../wire/timeline";

/** "dead until epoch_03, then live": the values of one verdict in runs; "" where it is not known. */
export function runsInWords(
  name: string,
  steps: readonly TimelineStep[],
  value: (step: TimelineStep) => string | null,
  titles: readonly string[],
): string {
  const runs: { value: string; first: number; last: number }[] = [];
  for (const [at, step] of steps.entries()) {
    const now = value(step);
    if (now === null) continue;
    const last = runs.at(-1);
    if (last?.value === now) last.last = at;
    else runs.push({ value: now, first: at, last: at });
  }
  if (runs.length === 0) return "";
  if (runs.length === 1) return `${name}: ${runs[0]!.value} throughout`;
  const words = runs.map(({ value: word, first }, k) =>
    k === 0 ? word : `${word} from ${titles[first] ?? first} on`,
  );
  if (runs.length > 5) {
    const [begin, end] = [runs[0]!.value, runs.at(-1)!.value];
    return `${name}: ${begin} at first, ${end} at last, ${runs.length - 1} changes`;
  }
  return `${name}: ${words.join(", ")}`;
}

/** How far it is, and what it is of. */
export function statusInWords(timeline: Timeline): string {
  const { status, count, read, judged, images, of_these, error } = timeline;
  if (read < count) return `reading ${read} of ${count} checkpoints …`;
  if (status === "running") return `judged ${judged} of ${count} checkpoints …`;
  if (status === "failed") return error ?? "";
  if (status === "none") return "";
  const earlier = of_these ? "" : ", before there were more checkpoints";
  return `${judged} of ${count} checkpoints judged on ${images.toLocaleString("en")} images${earlier}`;
}

/** The checkpoint that a saved page is of. */
export function netInWords({ shown, titles }: KeptTimeline): string {
  return shown === null ? "the net itself" : titles[shown]!;
}

/** What a saved page shows a selection of, where its checkpoints were not saved; null where they were. */
export function notKeptInWords(
  kept: KeptTimeline,
  image: number,
  layer: number,
  layerName: string,
): string | null {
  const net = netInWords(kept);
  if (layer !== kept.layer) return `This page has ${layerName} at one checkpoint alone: ${net}.`;
  return kept.images.includes(image) ? null : `This page has image ${image} at one checkpoint alone: ${net}.`;
}

export const MARKS: Readonly<Record<string, string>> = {
  born: "+",
  died: "×",
  "became a twin": "=",
  "was a twin no more": "≠",
  "lost its use": "−",
  "gained a use": "○",
};

/** What the marks of the map mean, those that are there. */
export function marksInWords(timeline: Timeline): string {
  const there = Object.entries(MARKS).filter(([words]) =>
    timeline.events.some((event) => event[2] === words),
  );
  const marks = there.map(([words, mark]) => `${mark} ${words}`);
  const { never_left } = timeline;
  if (never_left.length > 0) {
    const which = `filter${never_left.length > 1 ? "s" : ""} ${never_left.slice(0, 6).join(", ")}`;
    const more = never_left.length > 6 ? ` and ${never_left.length - 6} more` : "";
    marks.push(`${which}${more} never left ${never_left.length > 1 ? "their" : "its"} start`);
  }
  return marks.join(" · ");
}
