/** Panels that stand side by side in a view, with a style sheet of theirs. */

import { element } from "../dom/dom";
import type { Host, Panels } from "../view/host";
import { together } from "../view/together";

export function sideBySide(host: Host, css: string, panels: readonly Partial<Panels>[]): Panels {
  const style = element("style", css);
  host.root.append(style);
  return together([...panels, { dispose: () => style.remove() }]);
}
