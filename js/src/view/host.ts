/**
 * What the page's modules know of each other: `widget.js`, the host, has the sliders and paints the first picture;
 * `panels.js` and `exemplars.js`, fetched when that stands, have what a person wants only after having seen it; `lab.js`
 * is fetched when a person opens the lab.
 */

import type { Palettes } from "../draw/palette";
import type { Selection } from "../state/selection";
import type { Client, Options as ClientOptions, Listener } from "../wire/client";
import type { Description } from "../wire/description";
import type { Frame, PictureName } from "../wire/frame";

export type View = "image" | PictureName;

/** A pixel's place and its value, in words. */
export interface Reading {
  readonly where: string;
  readonly value: string;
}

/** What stands at a pixel, or null where nothing does. */
export type Probe = (row: number, column: number) => Reading | null;

export interface Pixel {
  readonly row: number;
  readonly column: number;
}

/** What a large picture shows: pixels of its canvas, what stands at each, and what is said while none is pointed at. */
export interface Shown {
  readonly rows: number;
  readonly columns: number;
  readonly probe: Probe;
  readonly content: Reading;
}

/** One large picture, as the core keeps it. */
export interface LargePicture {
  readonly view: View;
  readonly canvas: HTMLCanvasElement;
  /** Of the canvas's size and around it: marks over the canvas go in here. */
  readonly mount: HTMLElement;
  /** The whole of it, from the title to the notes. */
  readonly root: HTMLElement;
  readonly shown: Shown;
  /** Called after `shown` has become another. */
  changed: () => void;
  /** A click that means something else than a pin does it and says so. */
  press: (pixel: Pixel) => boolean;
  /** Pins a pixel, once there is something that pins. */
  pin: (pixel: Pixel) => void;
  /** The line below the canvas; null: what is said while no pixel is pointed at. */
  say(reading: Reading | null): void;
}

/** How the filters of a layer are ranked. */
export interface Ranking {
  /** All filters, the first of them first; null: in turn, as while nothing is known. */
  readonly order: readonly number[] | null;
  /** What it means, without a full stop; empty where the list says it all. */
  readonly sentence: string;
  /** The number that a filter is ranked by. */
  value?(filter: number): string;
  /** That number of each filter, with as many digits as there is room for in a cell. */
  readonly labels?: readonly string[];
  /** It is that of an image before this one. */
  readonly old?: boolean;
}

/** Something that the grid can be sorted by. */
export interface GridSort {
  readonly value: string;
  readonly words: string;
  rank(frame: Frame): Ranking;
  /** A person has chosen it, or no longer does. */
  chosen?(now: boolean): void;
}

/** In which order the grid's filters stand, and which of them. */
export interface GridOrder {
  /** What it is sorted by. */
  readonly sort: string;
  /**
   * More to sort by, in place of what the same owner offered before. `holds`: only filters for which it does are shown;
   * where there is none, all are.
   */
  offer(owner: string, sorts: readonly GridSort[], holds?: (frame: Frame, filter: number) => boolean): void;
  /** A ranking is another now. */
  changed(): void;
}

/** What can stand beside the kernels in place of a map; whoever offers it draws it over the cells. */
export interface GridBeside {
  readonly value: string;
  readonly words: string;
  /** What it is, behind "kernel and". */
  readonly caption: string;
  /** A person has chosen it, or no longer does. */
  chosen(now: boolean): void;
}

/** What the core gives to the panels. */
export interface Host {
  /** The view's root element; parts of the panels go in here, and nothing of theirs outside of it. */
  readonly root: HTMLElement;
  /**
   * A client of one's own, for requests of one's own; what comes is told to `receive`, which hands it on. Nothing is sent
   * while a person waits for a picture, and nothing lost is asked again while nobody can see the view.
   */
  client(listener: Listener, options: Pick<ClientOptions, "patience" | "inFlight">): Client;
  readonly palettes: Palettes;
  /** The large pictures, from left to right. */
  readonly pictures: readonly LargePicture[];
  /** An empty place for nodes below the large pictures. */
  readonly below: HTMLElement;
  /** In the grid the box of the size of all cells, which scrolls: what stands over cells goes in. */
  readonly cells: HTMLElement;
  readonly order: GridOrder;
  /** One thing more to stand beside the kernels, or none any more. */
  beside(entry: GridBeside | null): void;
  /** The frame on screen, where that is what is selected; else null. */
  current(): Frame | null;
  description(): Description | null;
  /** Paints a frame that the page computed itself, of what is on screen; the kernel's own takes its place. */
  paint(frame: Frame): void;
  /** Selects, as a slider does; the picture follows. */
  select(change: Partial<Selection>): void;
  /** Makes a module of a text that came over the wire; null where the page's policy forbids it. */
  load(text: string): Promise<MakePanels | null>;
  /** To a screen reader, in place of what was to be announced. */
  announce(words: string): void;
}

/** What the panels hear from the core. */
export interface Panels {
  /** A frame has been painted; `layerName` is its layer's. Called at each step of a slider. */
  painted(frame: Frame, layerName: string): void;
  /** The pictures are gone: an error stands in their place. */
  cleared(): void;
  /** A custom message of the model, to all views of it. */
  receive(content: unknown, buffers: readonly unknown[]): void;
  /** The width of the view's inside in CSS pixels, and device pixels per CSS pixel. */
  layout(width: number, ratio: number): void;
  /** The grid's cells have other places; the data attributes of its canvas say which. */
  placed(): void;
  /** Nothing may be left: no node, listener or timer. */
  dispose(): void;
}

/** What each later module exports as its default. */
export type MakePanels = (host: Host) => Panels;
