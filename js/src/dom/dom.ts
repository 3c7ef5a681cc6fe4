/** Small helpers around elements. Text reaches the page through textContent only. */

export type Attributes = Readonly<Record<string, string | number | boolean>>;
type Part = Attributes | Node | string;

/** `element("p.fs-note", { id }, "words")`: a tag with its classes, attributes, and what stands inside. */
export function element<K extends keyof HTMLElementTagNameMap>(
  kind: K | `${K}.${string}`,
  ...parts: Part[]
): HTMLElementTagNameMap[K] {
  const [tag, ...classes] = kind.split(".");
  const node = document.createElement(tag as K);
  if (classes.length > 0) node.className = classes.join(" ");
  for (const part of parts) {
    if (typeof part === "string" || part instanceof Node) node.append(part);
    else {
      for (const [name, value] of Object.entries(part)) {
        if (value !== false) attribute(node, name, value === true ? "" : value);
      }
    }
  }
  // JupyterLab takes arrow keys away from whatever has the focus, unless it says so itself.
  if (node.tabIndex >= 0) attribute(node, "data-lm-suppress-shortcuts", "true");
  return node;
}

export function attribute(node: HTMLElement, name: string, value: string | number | boolean): void {
  node.setAttribute(name, String(value));
}

export function on<K extends keyof HTMLElementEventMap>(
  node: HTMLElement,
  type: K,
  heard: (event: HTMLElementEventMap[K]) => void,
): void {
  node.addEventListener(type, heard, { passive: false }); // a wheel is listened to in order to stop it
}

/** Calls when an element has another size, and at first. Returns what ends that. */
export function onResize(node: HTMLElement, resized: () => void): () => void {
  const observer = new ResizeObserver(resized);
  observer.observe(node);
  return () => observer.disconnect();
}

/** For what one element says about another; unique on the page, where several widgets may stand. */
export function uniqueId(): string {
  return `fs-${Math.random().toString(36).slice(2)}`;
}

/** Writes only what differs, so that a repaint with the same words costs no layout and no announcement. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function options(
  select: HTMLSelectElement,
  entries: readonly (readonly [value: string, text: string])[],
): void {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
}

/** Whether two lists hold the same: what need not change stays, as an open list of choices. */
export function sameItems<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((item, k) => item === b[k]);
}
