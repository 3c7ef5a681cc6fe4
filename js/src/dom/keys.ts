/** Keys that move a cursor over places that stand in rows. */

/** Keys with these belong to the browser or the notebook. */
export function hasModifier({ altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return altKey || ctrlKey || metaKey;
}

/** Where a key takes the cursor; null for a key that moves nothing. Nothing leaves the rows: up stays in the first one. */
export function keyTarget(
  key: string,
  place: number,
  { columns, jump }: { columns: number; jump: number },
  length: number,
): number | null {
  const vertical = { ArrowUp: place - columns, ArrowDown: place + columns }[key];
  if (vertical !== undefined) return vertical < 0 || vertical >= length ? place : vertical;
  const target = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    PageUp: place - jump,
    PageDown: place + jump,
    Home: 0,
    End: length - 1,
  }[key];
  return target === undefined ? null : Math.max(0, Math.min(target, length - 1));
}
