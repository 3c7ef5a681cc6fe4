/** What the choices mean, in one sentence that changes with them. */

import type { PaletteChoice, Selection } from "../state/selection";
import type { LayerInfo } from "../wire/description";
import type { Scale } from "../wire/frame";
import { spoken } from "./format";

/** What filter2D runs over, and how that is related to what the net computes. */
export function sourceInWords({ source, channel }: Selection, layer: LayerInfo | undefined): string {
  if (!layer) return "";
  const { channels } = layer;
  const name = spoken(layer.name);
  if (source === "image") {
    return `The classic notebook technique: over the image itself, not what ${name} is given.`;
  }
  if (channels === 1) return `Over what ${name} is given; plus any bias, it is what the net computes.`;
  return channel === null
    ? `Over what ${name} is given; summed over its ${channels} channels, plus any bias, it is what the net computes.`
    : `Over channel ${channel} of what ${name} is given: one of the ${channels} parts whose sum the net computes.`;
}

const SCALES: Record<Scale, string> = {
  layer: "One range for the layer, so that its filters compare",
  checkpoints: "One range for the layer over all checkpoints, so that these compare",
  map: "A range for each map: faint ones show, but do not compare",
};
const PALETTES: Record<PaletteChoice, string> = {
  auto: "signed values run blue to red, others dark to light",
  gray: "black is the lowest value, white the highest",
  sequential: "dark is the lowest value, light the highest",
  diverging: "zero is white, above it red, below it blue",
};

export function coloursInWords(scale: Scale, palette: PaletteChoice): string {
  return `${SCALES[scale]}; ${PALETTES[palette]}.`;
}
