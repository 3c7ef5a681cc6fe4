/** The strip of the data set's images: the twin of `frames/strip.py`. */

import type { ClassName } from "./frame";
import { bodyOf, type Reply } from "./messages";
import type { ByteTensor } from "./tensor";

/** The question a strip answers: one sheet of the images that match a filter. */
export interface StripArgs {
  /** The place of its first image among those that match. */
  readonly start: number;
  readonly count: number;
  readonly class: ClassName | null;
  readonly outcome: Outcome | null;
  /** The `pictures` that the page has: they are not sent again. */
  readonly held?: number | undefined;
}

export type Outcome = "right" | "wrong";

export interface Strip {
  readonly revision: number;
  readonly start: number;
  readonly images: readonly number[];
  readonly labels: readonly (ClassName | null)[];
  /** Null: not known yet. */
  readonly predicted: readonly (ClassName | null)[];
  /** Whether each is right by a score; null where its label and its prediction tell. */
  readonly right: readonly (boolean | null)[];
  /** A number for the thumbnails. */
  readonly pictures: number;
  /** (n, side, side, 3) */
  readonly thumbs: ByteTensor;
  /** Height and width of the part of each box that is image; it lies in the middle. */
  readonly sizes: readonly (readonly [number, number])[];
  /** A sentence where the image cannot be read. */
  readonly errors: readonly (string | null)[];
  /** How many match, as far as is known. */
  readonly matching: number;
  readonly total: number;
  readonly classes: readonly ClassName[];
  readonly survey: {
    readonly done: number;
    readonly total: number;
    readonly running: boolean;
    readonly needed: boolean;
    readonly error: string | null;
  };
}

export interface StripRequests {
  strip: { args: StripArgs; body: Strip };
}

/** `before`: the strip that the page holds, whose thumbnails a reply may leave out. */
export function decodeStrip(reply: Reply, before?: Strip): Strip {
  const strip = bodyOf<Strip>(reply);
  return { ...strip, thumbs: strip.thumbs ?? before?.thumbs };
}
