/** Parts that stand side by side in a view and hear of the same things. */

import { element } from "../dom/dom";
import css from "../styles/positions.css?inline";
import verdictCss from "../styles/verdicts.css?inline";
import type { Host, Panels } from "../view/host";

export function sideBySide(host: Host, parts: readonly Partial<Panels>[]): Panels {
  const style = element("style", css + verdictCss);
  host.root.append(style);
  /** What goes wrong in one is the console's: the others, and the pictures, go on. */
  const each = (tell: (part: Partial<Panels>) => void) => {
    for (const part of parts) {
      try {
        tell(part);
      } catch (error) {
        console.error(error);
      }
    }
  };
  return {
    painted: (frame, layerName) => each((part) => part.painted?.(frame, layerName)),
    cleared: () => each((part) => part.cleared?.()),
    receive: (content, buffers) => each((part) => part.receive?.(content, buffers)),
    layout: (width, ratio) => each((part) => part.layout?.(width, ratio)),
    placed: () => each((part) => part.placed?.()),
    dispose: () => {
      each((part) => part.dispose?.());
      style.remove();
    },
  };
}
