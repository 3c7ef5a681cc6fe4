/** Small helpers around elements. Text reaches the page through textContent only. */

export type Attributes = Readonly<Record<string, string | number | boolean>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
  return node;
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
