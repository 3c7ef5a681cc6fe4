/** Numbers of a column: as many decimals for each as the largest needs. */

import { number } from "../format";

/** So many significant digits for the largest; very small or large ones keep their own form. */
export function aligned(values: readonly number[], digits = 6): string[] {
  const finite = values.filter(Number.isFinite).map(Math.abs);
  const largest = Math.max(0, ...finite);
  if (largest > 0 && (largest < 1e-3 || largest >= 1e6)) return values.map(number);
  const decimals = largest === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(largest)));
  return values.map((value) => (Number.isFinite(value) ? minus(value.toFixed(decimals)) : number(value)));
}

const minus = (text: string) => text.replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−");
