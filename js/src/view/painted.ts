/** What is painted, for whoever reads no pixels: the root's attributes, and words. */

import { classesInWords } from "../text/format";
import type { Frame } from "../wire/frame";

export function tellPainted({ dataset }: HTMLElement, frame: Frame): void {
  const { image, layer, filter, checkpoint } = frame;
  Object.assign(dataset, { image, layer, filter });
  if (checkpoint === null) delete dataset.checkpoint;
  else dataset.checkpoint = String(checkpoint);
}

export function tellNothing({ dataset }: HTMLElement): void {
  for (const key of ["image", "layer", "filter"]) delete dataset[key];
}

export function paintedInWords(frame: Frame, layerName: string): string {
  const parts = [`image ${frame.image}`, classesInWords(frame.sample), layerName, `filter ${frame.filter}`];
  return parts.filter(Boolean).join(", ");
}
