/** Keys: which are the widget's and which the host's, and those that move a cursor over places that stand in rows. */

const EDITS_TEXT = /^([acvxyz]|Z)$/; // upper case: with Shift, redo
/** Jupyter's: keys on an element that has it run no command of the notebook's. */
const SUPPRESS = "data-lm-suppress-shortcuts";

/** Keys with these belong to the browser or the notebook. */
export function hasModifier({ altKey, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return altKey || ctrlKey || metaKey;
}

/** Save, run, the list of commands: what a host binds to modifiers and function keys. A text's own copy and undo are not. */
function isHosts(event: KeyboardEvent, target: EventTarget | undefined): boolean {
  if (/^F\d+$/.test(event.key)) return true;
  if (!hasModifier(event)) return false;
  const inText = target instanceof HTMLInputElement && target.type !== "range";
  return !(inText && !event.altKey && EDITS_TEXT.test(event.key));
}

/**
 * Keeps the widget's own keys from the host, which binds commands to letters and arrows as well. The host's own reach it.
 * Returns what ends that.
 */
export function keepOwnKeys(root: HTMLElement): () => void {
  // Before the host's listeners, wherever they are: Jupyter looks for the mark on what has the focus and around it.
  const mark = (event: KeyboardEvent) => {
    const path = event.composedPath();
    const inside = path.slice(0, path.indexOf(root) + 1) as HTMLElement[];
    const hosts = isHosts(event, path[0]);
    for (const [k, node] of inside.entries()) {
      if (hosts) node.removeAttribute(SUPPRESS);
      else if (k === 0) node.setAttribute(SUPPRESS, "true");
    }
  };
  const keep = (event: KeyboardEvent) => {
    if (!isHosts(event, event.composedPath()[0])) event.stopPropagation();
  };
  window.addEventListener("keydown", mark, true);
  root.addEventListener("keydown", keep);
  return () => {
    window.removeEventListener("keydown", mark, true);
    root.removeEventListener("keydown", keep);
  };
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
