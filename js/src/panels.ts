/** The page's second module, see seam.ts: parts that stand side by side and hear of the same things. */

import { element } from "./dom";

import css from "./panels/panels.css?inline";
import { Pointing } from "./panels/pointing";
import { VerdictPanel } from "./panels/verdicts";
import verdictCss from "./panels/verdicts.css?inline";
import type { Host, Panels } from "./seam";

export default (host: Host): Panels => {
  const style = element("style", css + verdictCss);
  host.root.append(style);
  const parts: readonly Partial<Panels>[] = [new Pointing(host), new VerdictPanel(host)];
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
};
