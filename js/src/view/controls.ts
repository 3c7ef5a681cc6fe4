/** The sliders and selects on top of the widget. */

import { element, uniqueId } from "../dom/dom";
import { IndexSlider } from "../dom/index_slider";
import { Select, SelectGroup } from "../dom/select";
import { depthsOf, drawnSlice, type PaletteChoice, type Selection } from "../state/selection";
import { coloursInWords, sourceInWords } from "../text/descriptions";
import { classesInWords, spoken } from "../text/format";
import type { Description } from "../wire/description";
import type { Frame, Scale, Slices, Source } from "../wire/frame";
import { CheckpointSlider } from "./checkpoint_slider";
import { ChannelSelect, KernelSliceSelect } from "./layer_selects";
import { LayerSlider } from "./layer_slider";

export interface Actions {
  select(change: Partial<Selection>): void;
  scale(scale: Scale): void;
  slice(change: Partial<Slices>): void;
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
const ONE_FOR_ALL = ["checkpoints", "one for all checkpoints"] as const;
const PALETTES = [
  ["auto", "auto"],
  ["sequential", "sequential"],
  ["diverging", "diverging"],
  ["gray", "gray"],
] as const;

export class Controls {
  readonly #image: IndexSlider;
  readonly #layer: LayerSlider;
  readonly #filter: IndexSlider;
  readonly #slice: IndexSlider;
  readonly #checkpoint: CheckpointSlider;
  readonly #source: Select;
  readonly #channel: ChannelSelect;
  readonly #kernelSlice: KernelSliceSelect;
  readonly #scale: Select;
  readonly #palette: Select;
  readonly #response: SelectGroup;
  readonly #colours: SelectGroup;
  readonly root: HTMLElement;

  constructor(actions: Actions, busy: HTMLElement) {
    this.#image = new IndexSlider("image", (image) => actions.select({ image }));
    this.#layer = new LayerSlider((layer) => actions.select({ layer }));
    this.#filter = new IndexSlider("filter", (filter) => actions.select({ filter }));
    this.#slice = new IndexSlider("slice", (slice) => actions.slice({ slice }));
    this.#checkpoint = new CheckpointSlider((checkpoint) => actions.select({ checkpoint }));
    this.#source = new Select("source", "filter2D over", SOURCES, "", (value) =>
      actions.select({ source: value as Source }),
    );
    this.#channel = new ChannelSelect((channel) => actions.select({ channel }));
    this.#kernelSlice = new KernelSliceSelect((slice) => actions.slice({ kernel_slice: slice }));
    this.#scale = new Select("scale", "colour scale", SCALES, "", (value) => actions.scale(value as Scale));
    this.#palette = new Select("palette", "colours", PALETTES, "", (value) => {
      this.#sayColours();
      actions.palette(value as PaletteChoice);
    });
    const id = uniqueId();
    this.#response = new SelectGroup("response", `${id}-response`, [
      this.#source,
      this.#channel,
      this.#kernelSlice,
    ]);
    this.#colours = new SelectGroup("colours", `${id}-colours`, [this.#scale, this.#palette]);
    this.#filter.root.append(busy);
    const sliders = [
      this.#image.root,
      this.#layer.root,
      this.#filter.root,
      this.#slice.root,
      this.#checkpoint.root,
    ];
    this.root = element(
      "div.fs-controls",
      element("div.fs-sliders", ...sliders),
      element("div.fs-groups", this.#response.root, this.#colours.root),
    );
  }

  /** Where everything stands: what is asked for, whether or not it is painted yet. */
  show(selection: Selection, scale: Scale, slices: Slices, description: Description | null): void {
    const layers = description?.layers;
    const layer = layers?.[selection.layer];
    this.#image.show(selection.image, description ? description.images : selection.image + 1);
    this.#layer.showLayer(selection.layer, layers);
    this.#filter.show(selection.filter, layer?.filters ?? selection.filter + 1);
    this.#filter.say(layer ? `of ${layer.filters} in ${spoken(layer.name)}` : "");
    this.#checkpoint.show(selection.checkpoint, description?.checkpoints ?? []);
    const depths = depthsOf(layer);
    const { slice: depth } = depths;
    this.#slice.root.hidden = depth === null;
    if (depth !== null) {
      this.#slice.show(slices.slice ?? drawnSlice(null, depth), depth);
      this.#slice.say(`of ${depth} in the maps of ${spoken(layer!.name)}`);
    }
    this.#kernelSlice.showSlice(slices.kernel_slice, depths.kernel_slice);
    this.#channel.showChannel(selection.channel, layer?.channels ?? (selection.channel ?? -1) + 1);
    this.#source.show(selection.source);
    const checkpoints = (description?.checkpoints ?? []).length > 0;
    const scales = checkpoints ? [...SCALES, ONE_FOR_ALL] : SCALES;
    this.#scale.offerCount(scales.length, () => scales);
    this.#scale.show(scale);
    this.#response.say(sourceInWords(selection, layer));
    this.#sayColours();
  }

  /** Whether what is selected is on screen, or an error in its place. */
  stood(ready: boolean): void {
    this.#checkpoint.stood(ready);
  }

  dispose(): void {
    this.#checkpoint.dispose();
  }

  #sayColours(): void {
    this.#colours.say(coloursInWords(this.#scale.value as Scale, this.#palette.value as PaletteChoice));
  }

  /** The image's class and prediction are known only for the painted one. */
  say(frame: Frame | null, selection: Selection): void {
    this.#image.say(frame ? classesInWords(frame.sample) : "", frame?.image === selection.image);
  }
}
