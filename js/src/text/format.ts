/** Numbers and names in words. */

import type { ClassName, Sample } from "../wire/frame";

/** Three significant digits, with a true minus sign. */
export function number(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-3 ? value.toExponential(1) : value.toPrecision(3);
  return minus(size >= 1000 && size < 1e5 ? value.toFixed(0) : text);
}

/** The fewest digits that name this float32 and no other. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return number(value);
  let digits = 1;
  while (digits < 9 && Math.fround(Number(value.toPrecision(digits))) !== value) digits += 1;
  return minus(String(Number(value.toPrecision(digits))));
}

/** "0.482 ± 0.012": a value that may be off by so much, which is rounded up. */
export function within(value: number, half: number): string {
  if (!Number.isFinite(value)) return number(value);
  const decimals = Math.max(0, Math.min(20, 1 - Math.floor(Math.log10(half))));
  return minus(
    `${value.toFixed(decimals)} ± ${(Math.ceil(half * 10 ** decimals) / 10 ** decimals).toFixed(decimals)}`,
  );
}

/**
 * A column of numbers that lines up: each has as many decimals as the largest needs for `digits` significant digits. Very
 * small or large ones keep their own form.
 */
export function aligned(values: ArrayLike<number>, digits: number): string[] {
  const sizes = Array.from(values, Math.abs).filter(Number.isFinite);
  const largest = sizes.reduce((most, size) => Math.max(most, size), 0);
  if (largest > 0 && (largest < 1e-3 || largest >= 10 ** (digits + 2))) return Array.from(values, number);
  const decimals = largest === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(largest)));
  return Array.from(values, (v) => (Number.isFinite(v) ? minus(v.toFixed(decimals)) : number(v)));
}

/** With a true minus sign, and none before zero. */
export function minus(text: string): string {
  return text.replace(/^-(?=0(\.0*)?$)/, "").replace(/-/g, "−");
}

export function percent(probability: number): string {
  const hundredths = probability * 100;
  const small = hundredths < 0.05 ? "<0.1" : +hundredths.toFixed(1);
  return `${hundredths < 1 ? small : Math.round(hundredths)} %`;
}

export function className(name: ClassName): string {
  return typeof name === "number" ? `class ${name}` : name;
}

const LONGEST_CHOICE = 60;

/** A text as one of a list to choose from, which is as wide as its longest: with an end that is cut off at need. */
export function asChoice(text: string): string {
  return text.length <= LONGEST_CHOICE ? text : `${text.slice(0, LONGEST_CHOICE - 1)}…`;
}

/** A layer's name in a sentence: "layer 0" where it is a number, as in nn.Sequential. */
export function spoken(name: string): string {
  return name.replace(/^\d/, "layer $&");
}

/** "true: Pullover · predicted: Coat 61 %" */
export function classesInWords({ label, prediction, overlay }: Sample): string {
  const parts = label === null ? [] : [`true: ${className(label)}`];
  const best = prediction?.[0];
  const start = overlay?.tells === "masks" ? "most pixels" : "predicted";
  if (!prediction) parts.push("predicted: …");
  else if (overlay?.tells === "boxes")
    parts.push(`${overlay.numbers.length} object${overlay.numbers.length === 1 ? "" : "s"} seen`);
  else if (best) parts.push(`${start}: ${className(best[0])} ${percent(best[1])}`);
  return parts.join(" · ");
}
