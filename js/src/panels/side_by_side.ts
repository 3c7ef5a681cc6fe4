/** Panels that stand side by side in a view and hear of the same things. */

import { element } from "../dom/dom";
import type { Host, Panels } from "../view/host";

export function sideBySide(host: Host, css: string, panels: readonly Partial<Panels>[]): Panels {
  const style = element("style", css);
  host.root.append(style);
  /** What goes wrong in one is the console's: the others, and the pictures, go on. */
  const each = (tell: (panel: Partial<Panels>) => void) => {
    for (const panel of panels) {
      try {
        tell(panel);
      } catch (error) {
        console.error(error);
      }
    }
  };
  return {
    painted: (frame, layerName) => each((panel) => panel.painted?.(frame, layerName)),
    cleared: () => each((panel) => panel.cleared?.()),
    receive: (content, buffers) => each((panel) => panel.receive?.(content, buffers)),
    layout: (width, ratio) => each((panel) => panel.layout?.(width, ratio)),
    placed: () => each((panel) => panel.placed?.()),
    dispose: () => {
      each((panel) => panel.dispose?.());
      style.remove();
    },
  };
}
