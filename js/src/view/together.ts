/** Panels that hear of the same things. What goes wrong in one is the console's: the others, and the pictures, go on. */

import type { Panels } from "./host";

export function together(panels: readonly Partial<Panels>[]): Panels {
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
    dispose: () => each((panel) => panel.dispose?.()),
  };
}
