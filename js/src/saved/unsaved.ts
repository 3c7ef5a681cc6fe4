/** What was not saved: it cannot be chosen, and a sentence says so. */

import { on } from "../dom/dom";
import type { Traits } from "../state/selection";
import { whole } from "../view/strip/sheets";
import type { Source } from "../wire/frame";
import type { Saved, SavedOutline } from "./types";

const SOURCES: Record<Source, string> = { input: "the layer's own input", image: "the image" };

/** Why a selection cannot be shown; null where it can. */
export function refusal(
  { channels, sources }: Saved,
  { layer_index, channel, source }: Traits,
): string | null {
  if (!sources.includes(source))
    return `This page was saved without filter2D over ${SOURCES[source]}; save_html(…, sources="${source}") saves it.`;
  if (!channels[layer_index]?.includes(channel))
    return `This page was saved without channel ${channel} alone; save_html(…, channels="all") saves each.`;
  return null;
}

/** What the saved page holds. */
export function savedInWords({ description, saved }: SavedOutline): string {
  const {
    images,
    of_images,
    layers,
    of_layers,
    channels,
    sources,
    precision,
    verdicts,
    exemplars,
    lab,
    timeline,
  } = saved;
  const inARow = images.every((image, place) => image === images[0]! + place);
  const first = whole(images[0]!);
  const which =
    images.length === 1
      ? `image ${first}`
      : inARow
        ? `images ${first} to ${whole(images.at(-1)!)}`
        : `${whole(images.length)} images`;
  const of = of_images === null ? "" : ` of ${whole(of_images)}`;
  const these = layers === of_layers ? `all ${layers} layers` : `${layers} of ${of_layers} layers`;
  const alone = channels.some((some) => some.length > 1);
  const over = sources.map((source) => SOURCES[source]).join(" and over ");
  return (
    `Saved by filterscope ${description.version}: ${which}${of}, ${layers === 1 && of_layers === 1 ? "the only layer" : these}; ` +
    `filter2D over ${over}, ${alone ? "for all channels and for single ones" : "all channels summed"}. ` +
    (precision === 32
      ? "All values are exact."
      : `Maps have ${precision} bits a value: point at one to see how far it may be off.`) +
    (verdicts ? " With a verdict for each filter that was judged." : "") +
    (exemplars ? " With the images of the data set that drive each filter." : "") +
    (lab === null
      ? ""
      : ` With the lab of ${description.layers[lab]!.name}: its kernels can be edited here.`) +
    (timeline ? ` ${timeline.words}` : "")
  );
}

/** Takes what was not saved out of the choice. */
export function markUnsaved(root: HTMLElement, saved: Saved, layer: () => number): void {
  const sources = root.querySelector<HTMLSelectElement>("select[name=source]")!;
  const channels = root.querySelector<HTMLSelectElement>("select[name=channel]")!;
  const mark = (select: HTMLSelectElement, allowed: readonly string[]) => {
    let missing = false;
    for (const option of select.options) {
      option.disabled = !allowed.includes(option.value);
      missing ||= option.disabled;
    }
    select.title = missing ? "Choices that are gray were not saved." : "";
  };
  const markAll = () => {
    mark(sources, saved.sources);
    mark(
      channels,
      (saved.channels[layer()] ?? []).map((channel) => (channel === null ? "" : String(channel))),
    );
  };
  markAll();
  new MutationObserver(markAll).observe(channels, { childList: true });
  on(channels, "pointerdown", markAll); // two layers may have as many channels
}
