/**
 * What the sources call by its long name and the bundle, which travels with every instance, by one letter: build.mjs
 * puts these in. No source imports them.
 */

export const {
  floor: Math_floor,
  max: Math_max,
  min: Math_min,
  round: Math_round,
  ceil: Math_ceil,
  abs: Math_abs,
} = Math;
export const {
  isFinite: Number_isFinite,
  isNaN: Number_isNaN,
  NEGATIVE_INFINITY: Number_NEGATIVE_INFINITY,
} = Number;
export const { setTimeout: global_setTimeout, clearTimeout: global_clearTimeout } = globalThis;
