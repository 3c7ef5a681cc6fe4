/** Sheets of the saved images, as `frames/strip.py` makes them in a notebook's kernel. */

import { matching } from "../view/strip/sheets";
import type { StripArgs } from "../wire/strip";
import type { ByteTensor } from "../wire/tensor";
import type { SavedStrip } from "./types";

export function savedStrip(strip: SavedStrip, args: StripArgs): object {
  const { labels, predicted, sizes, errors, classes } = strip;
  const matches = matching(labels, predicted, args);
  const images = matches.slice(args.start, args.start + args.count);
  const chosen = <T>(values: readonly T[]) => images.map((place) => values[place]!);
  return {
    revision: 0,
    start: args.start,
    images,
    labels: chosen(labels),
    predicted: chosen(predicted),
    right: images.map(() => null),
    pictures: 0,
    thumbs: thumbsOf(strip.thumbs, images),
    sizes: chosen(sizes),
    errors: chosen(errors),
    matching: matches.length,
    total: labels.length,
    classes,
    survey: { done: labels.length, total: labels.length, running: false, needed: false, error: null },
  };
}

/** In colour; gray ones were saved as one value a pixel. */
function thumbsOf({ shape, data }: ByteTensor, images: readonly number[]): ByteTensor {
  const [, height = 0, width = 0, channels = 0] = shape;
  const pixels = height * width;
  const thumbs = new Uint8Array(images.length * pixels * 3);
  images.forEach((image, place) => {
    for (let i = 0; i < pixels; i++)
      for (let channel = 0; channel < 3; channel++)
        thumbs[(place * pixels + i) * 3 + channel] =
          data[(image * pixels + i) * channels + (channels === 3 ? channel : 0)]!;
  });
  return { dtype: "uint8", shape: [images.length, height, width, 3], data: thumbs };
}
