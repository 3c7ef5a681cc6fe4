/** Whether words can be read on what is behind them, by the measure of WCAG 2. */

export type Colour = readonly [red: number, green: number, blue: number];

/** A colour as the browser computes it, in 0 … 255; null where it says none. */
export function colourFrom(computed: string): Colour | null {
  const numbers = computed.match(/[\d.]+(e-?\d+)?/g)?.map(Number) ?? [];
  if (numbers.length < 3) return null;
  const scale = computed.startsWith("color(") ? 255 : 1;
  return numbers.slice(0, 3).map((part) => part * scale) as unknown as Colour;
}

function luminance(colour: Colour): number {
  const [red, green, blue] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

export function contrast(a: Colour, b: Colour): number {
  const [dark, light] = [luminance(a) + 0.05, luminance(b) + 0.05].sort((x, y) => x - y);
  return light! / dark!;
}

/** As CSS's color-mix in srgb does. */
export function mix(colour: Colour, percent: number, other: Colour): Colour {
  return colour.map((part, k) => (part * percent + other[k]! * (100 - percent)) / 100) as unknown as Colour;
}

/**
 * How many percent of a colour, the rest another one, can be read on all of the backgrounds: the first that is enough,
 * from `from` on by `step`; the last one where none is.
 */
export function readableShare(
  colour: Colour,
  other: Colour,
  backgrounds: readonly Colour[],
  { least, from, step }: { least: number; from: number; step: number },
): number {
  let percent = from;
  const readable = () =>
    backgrounds.every((background) => contrast(mix(colour, percent, other), background) >= least);
  while (!readable() && percent + step >= 0 && percent + step <= 100) percent += step;
  return percent;
}
