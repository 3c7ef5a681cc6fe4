/** The host's theme, as it shows in our own background: hosts name themes in too many ways to ask each of them. */

/** Tells the browser whether its own parts (scroll bars, lists of a select) stand on dark or light. */
export function followTheme(root: HTMLElement): void {
  const parts = getComputedStyle(root).backgroundColor.match(/[\d.]+/g);
  if (!parts || parts.length < 3) return;
  const [red = 255, green = 255, blue = 255] = parts.map(Number);
  root.style.colorScheme = 0.299 * red + 0.587 * green + 0.114 * blue < 128 ? "dark" : "light";
}

/** No event tells of a new theme, but a colour that changes runs a transition (base.css), which ends or is cut short. */
export function onThemeChange(root: HTMLElement, changed: () => void): () => void {
  const ended = (event: TransitionEvent) => {
    if (event.target === root && /color/.test(event.propertyName)) changed();
  };
  const events = ["transitionend", "transitioncancel"] as const;
  for (const name of events) root.addEventListener(name, ended);
  return () => {
    for (const name of events) root.removeEventListener(name, ended);
  };
}
