/** The host's theme, as it shows in our own background: hosts name themes in too many ways to ask each of them. */

import { type Colour, colourFrom, mix, readableShare } from "./contrast";

const BLACK: Colour = [0, 0, 0];
const WHITE: Colour = [255, 255, 255];
/** Beyond WCAG's 4.5, so that it holds on what is tinted a little too. */
const LEAST = { text: 5.2, quiet: 4.7 };
/** Percent of the text's colour in quiet words (base.css). */
const QUIET = 70;

/**
 * Tells the browser whether its own parts (scroll bars, lists of a select) stand on dark or light, and makes words
 * readable in themes whose own are faint (Solarized: 4.1 to 1).
 */
export function followTheme(root: HTMLElement): void {
  // These two are drawn nowhere, and run through no transition (base.css).
  const { columnRuleColor, outlineColor } = getComputedStyle(root);
  const [background, hosts] = [columnRuleColor, outlineColor].map((colour) => colourFrom(colour ?? ""));
  if (!background || !hosts) return;
  const [red, green, blue] = background;
  const dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  root.style.colorScheme = dark ? "dark" : "light";
  const field = root.querySelector("select");
  const behind = [background, (field && colourFrom(getComputedStyle(field).backgroundColor)) || background];
  const far = dark ? WHITE : BLACK;
  const own = readableShare(hosts, far, behind, { least: LEAST.text, from: 100, step: -5 });
  const quiet = readableShare(mix(hosts, own, far), background, behind, {
    least: LEAST.quiet,
    from: QUIET,
    step: 5,
  });
  const set = (name: string, percent: number, usual: number, from: string, to: string) => {
    const value = percent === usual ? "" : `color-mix(in srgb, ${from} ${percent}%, ${to})`;
    if (root.style.getPropertyValue(name) !== value) root.style.setProperty(name, value);
  };
  set("--fs-text", own, 100, "var(--fs-host-text)", dark ? "white" : "black");
  set("--fs-quiet", quiet, QUIET, "var(--fs-text)", "var(--fs-background)");
}

/**
 * No event tells of a new theme. A colour that changes runs a transition (base.css), which ends or is cut short; where
 * the widget is hidden meanwhile none runs, but hosts mark the page's root or body.
 */
export function onThemeChange(root: HTMLElement, changed: () => void): () => void {
  const ended = (event: TransitionEvent) => {
    if (event.target === root && /color/.test(event.propertyName)) changed();
  };
  const events = ["transitionend", "transitioncancel"] as const;
  for (const name of events) root.addEventListener(name, ended);
  const marked = new MutationObserver(changed);
  for (const node of [document.documentElement, document.body]) marked.observe(node, { attributes: true });
  return () => {
    for (const name of events) root.removeEventListener(name, ended);
    marked.disconnect();
  };
}
