/** Parts that stand side by side in a view and hear of the same things. */

import { element } from "../dom";
import type { Host, Panels } from "../seam";
import css from "./panels.css?inline";
import verdictCss from "./verdicts.css?inline";

export function sideBySide(host: Host, parts: readonly Partial<Panels>[]): Panels {
  const style = element("style", css + verdictCss);
  host.root.append(style);
  return {
    painted: (frame, layerName) => {
      for (const part of parts) part.painted?.(frame, layerName);
    },
    cleared: () => {
      for (const part of parts) part.cleared?.();
    },
    receive: (content, buffers) => {
      for (const part of parts) part.receive?.(content, buffers);
    },
    layout: (width, ratio) => {
      for (const part of parts) part.layout?.(width, ratio);
    },
    placed: () => {
      for (const part of parts) part.placed?.();
    },
    themed: () => {
      for (const part of parts) part.themed?.();
    },
    dispose: () => {
      for (const part of parts) part.dispose?.();
      style.remove();
    },
  };
}
