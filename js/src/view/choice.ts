/** What a view is to show: the selection, which all views of a model share, and how it is drawn, which each view has by itself. */

import type { AnyModel } from "@anywidget/types";
import {
  fitSelection,
  fitSlices,
  readSelection,
  type Selection,
  type Traits,
  writeSelection,
} from "../state/selection";
import type { Description } from "../wire/description";
import type { Frame, FrameArgs } from "../wire/frame";

export type Drawing = Pick<FrameArgs, "scale" | "plane" | "slice" | "kernel_slice">;

export class Choice {
  readonly #model: AnyModel<Traits>;
  readonly #description: () => Description | null;
  #drawing: Drawing = { scale: "layer", plane: null, slice: null, kernel_slice: null };

  constructor(model: AnyModel<Traits>, description: () => Description | null) {
    this.#model = model;
    this.#description = description;
  }

  get selection(): Selection {
    return readSelection(this.#model);
  }

  /** How many images and checkpoints there are to step through; null: that is not known. */
  get lengths(): { readonly image: number | null; readonly checkpoint: number } {
    const description = this.#description();
    return { image: description?.images ?? null, checkpoint: description?.checkpoints.length ?? 0 };
  }

  /** The frame that shows it: within what there is, and with these changes. */
  args(change?: Partial<Selection>): FrameArgs {
    return this.#args(fitSelection({ ...this.selection, ...change }, this.#description()));
  }

  /** The frame that shows the selection as it stands, whether there is such a one or not. */
  unfitted(): FrameArgs {
    return this.#args(this.selection);
  }

  #args(selection: Selection): FrameArgs {
    const layer = this.#description()?.layers[selection.layer];
    return { ...selection, ...this.#drawing, ...fitSlices(this.#drawing, layer) };
  }

  /** Returns whether the model's selection changed; saving it is the caller's. */
  select(change: Partial<Selection>): boolean {
    return writeSelection(this.#model, change, this.#description());
  }

  draw(change: Partial<Drawing>): void {
    this.#drawing = { ...this.#drawing, ...change };
  }

  /** Becomes what a frame shows. */
  take({
    image,
    layer,
    filter,
    channel,
    source,
    checkpoint,
    scale,
    plane,
    slice,
    kernel_slice,
  }: Frame): void {
    this.#drawing = { scale, plane, slice, kernel_slice };
    this.select({ image, layer, filter, channel, source, checkpoint });
  }
}
