/** Codes become colours: piecewise linear between the anchors of palettes.json, per sRGB channel. */

import type { PaletteChoice } from "../state/selection";
import { HIGHEST_CODE, LOWEST_CODE, MINUS_INFINITY_CODE, NAN_CODE, PLUS_INFINITY_CODE } from "./codes";
import anchors from "./palette.json";

/** "upper" is the upper half of "diverging", from zero on. */
export type PaletteName = "sequential" | "diverging" | "upper" | "gray";

export type Rgb = readonly [number, number, number];

/** 256 colours, one a code, each as the four bytes of a canvas pixel in one 32-bit word. */
export type Lookup = Uint32Array;

export function rgbOf(hex: string): Rgb {
  const channel = (start: number) => Number.parseInt(hex.slice(start, start + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

function stopsOf(name: PaletteName): readonly string[] {
  const { diverging } = anchors;
  return name === "upper" ? diverging.slice((diverging.length - 1) / 2) : anchors[name];
}

/** The colour of a code under a palette. */
export function colourOf(code: number, name: PaletteName): Rgb {
  if (code === NAN_CODE) return rgbOf(anchors.nan);
  if (code === MINUS_INFINITY_CODE) return rgbOf(anchors["-inf"]);
  if (code === PLUS_INFINITY_CODE) return rgbOf(anchors["+inf"]);
  const stops = stopsOf(name);
  const place = ((code - LOWEST_CODE) / (HIGHEST_CODE - LOWEST_CODE)) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const from = rgbOf(stops[index]!);
  const to = rgbOf(stops[index + 1]!);
  const mix = (k: 0 | 1 | 2) => Math.floor(from[k] + (to[k] - from[k]) * (place - index) + 0.5);
  return [mix(0), mix(1), mix(2)];
}

/** The diverging palette's middle is zero on every range: where nothing is negative, its upper half is all that is used. */
export function paletteFor(signed: boolean, choice: PaletteChoice): PaletteName {
  if (choice === "auto") return signed ? "diverging" : "sequential";
  return choice === "diverging" && !signed ? "upper" : choice;
}

export function lookupOf(name: PaletteName): Lookup {
  const words = new Uint32Array(256);
  const bytes = new Uint8Array(words.buffer); // written as bytes, so that the machine's byte order does not matter
  for (let code = 0; code < 256; code++) bytes.set([...colourOf(code, name), 255], code * 4);
  return words;
}

/** A palette as a CSS gradient, for a legend. */
export function gradientOf(name: PaletteName): string {
  return `linear-gradient(to right, ${stopsOf(name).join(", ")})`;
}

/** Lookups by name, built at first use; one a view, since modules keep no state. */
export class Palettes {
  choice: PaletteChoice = "auto";
  readonly #built = new Map<PaletteName, Lookup>();

  nameFor(signed: boolean): PaletteName {
    return paletteFor(signed, this.choice);
  }

  lookup(signed: boolean): Lookup {
    const name = this.nameFor(signed);
    let lookup = this.#built.get(name);
    if (!lookup) {
      lookup = lookupOf(name);
      this.#built.set(name, lookup);
    }
    return lookup;
  }
}
