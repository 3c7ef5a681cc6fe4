/** The sliders and selects on top of the widget. */

import { ChannelChoice, Choice } from "./choices";
import { element } from "./dom";
import { verdict } from "./format";
import type { PaletteChoice } from "./palette";
import type { Description, Frame, Scale, Source } from "./protocol";
import type { Selection } from "./selection";
import { IndexSlider } from "./sliders";

export interface Actions {
  select(change: Partial<Selection>): void;
  scale(scale: Scale): void;
  palette(choice: PaletteChoice): void;
}

const SOURCES = [
  ["input", "the layer's own input"],
  ["image", "the image"],
] as const;
const SCALES = [
  ["layer", "one for the layer"],
  ["map", "one a map"],
] as const;
const PALETTES = [
  ["auto", "auto"],
  ["gray", "gray"],
] as const;

export class Controls {
  private readonly image: IndexSlider;
  private readonly layer: IndexSlider;
  private readonly filter: IndexSlider;
  private readonly channel: ChannelChoice;
  private readonly source: Choice;
  private readonly scale: Choice;
  readonly root: HTMLElement;

  constructor(actions: Actions, busy: HTMLElement) {
    this.image = new IndexSlider("image", (image) => actions.select({ image }));
    this.layer = new IndexSlider("layer", (layer) => actions.select({ layer }));
    this.filter = new IndexSlider("filter", (filter) => actions.select({ filter }));
    this.channel = new ChannelChoice((channel) => actions.select({ channel }));
    const over =
      "What filter2D runs over: what the layer itself is given, or the image, as in the classic notebook";
    this.source = new Choice("source", "filter2D over", SOURCES, over, (value) =>
      actions.select({ source: value as Source }),
    );
    const shared = "One scale for the whole layer keeps filters comparable; one a map shows faint ones";
    this.scale = new Choice("scale", "colour scale", SCALES, shared, (value) =>
      actions.scale(value as Scale),
    );
    const colours = "Auto: blue to red about zero for signed values, dark to light for the rest";
    const palette = new Choice("palette", "colours", PALETTES, colours, (value) =>
      actions.palette(value as PaletteChoice),
    );
    const sliders = [this.image.root, this.layer.root, this.filter.root];
    const choices = [this.channel.root, this.source.root, this.scale.root, palette.root, busy];
    this.root = element(
      "div",
      { class: "fs-controls" },
      element("div", { class: "fs-sliders" }, ...sliders),
      element("div", { class: "fs-choices" }, ...choices),
    );
  }

  /** Where everything stands: what is asked for, whether or not it is painted yet. */
  show(selection: Selection, scale: Scale, description: Description | null): void {
    const layer = description?.layers[selection.layer];
    this.image.show(selection.image, description ? description.images : selection.image + 1);
    this.layer.show(selection.layer, description?.layers.length ?? selection.layer + 1);
    this.filter.show(selection.filter, layer?.filters ?? selection.filter + 1);
    this.layer.say(layer?.title ?? "");
    this.filter.say(layer ? `of ${layer.filters} in ${layer.name}` : "");
    this.channel.showChannel(selection.channel, layer?.channels ?? (selection.channel ?? -1) + 1);
    this.source.show(selection.source);
    this.scale.show(scale);
  }

  /** The image's class and prediction are known only for the painted one. */
  say(frame: Frame | null, selection: Selection): void {
    this.image.say(frame ? verdict(frame.sample) : "", frame?.image === selection.image);
  }
}
