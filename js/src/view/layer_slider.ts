/** The layer's slider: its words can be searched, to go to a layer by its name. */

import { IndexSlider } from "../dom/index_slider";
import type { LayerInfo } from "../wire/description";
import { LayerSearch } from "./layer_search";

const NO_LAYERS: readonly LayerInfo[] = [];

export class LayerSlider extends IndexSlider {
  readonly #search: LayerSearch;

  constructor(move: (layer: number) => void) {
    const search = new LayerSearch();
    super("layer", move, search.root);
    this.#search = search;
    search.pick = (layer) => this.go(layer);
  }

  showLayer(layer: number, layers: readonly LayerInfo[] | undefined): void {
    this.show(layer, layers ? layers.length : layer + 1);
    this.#search.show(layer, layers ?? NO_LAYERS);
    this.say(layers?.[layer]?.title ?? "");
  }

  protected override write(): void {}
}
