/** The module anywidget loads. A factory, so that nothing is shared between instances where a host loads it once. */

import type { RenderProps } from "@anywidget/types";
import type { Traits } from "./state/selection";
import { ExplorerView } from "./view/explorer_view";

export default () => ({
  render({ model, el }: RenderProps<Traits>): () => void {
    const view = new ExplorerView(model);
    el.append(view.root);
    return () => view.dispose();
  },
});
