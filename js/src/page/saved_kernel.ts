/** In the place of a notebook's kernel: answers requests from what was saved. Its twin is `saved_parts.py`. */

import type { FiltersArgs, FrameArgs, StripArgs } from "../protocol";
import { answerTo, type Request, refusalOf, type Sent } from "./answers";
import type { Parts } from "./parts";
import { type FrameParts, savedFilters, savedFrame } from "./saved_frame";
import { savedStrip } from "./saved_strip";
import type { SavedImage, SavedLayer, SavedMapsPart, SavedOutline } from "./saved_types";

const NOT_HERE =
  "This page was saved from a notebook, and that takes the notebook: it holds the pictures alone.";

export class SavedKernel {
  readonly #parts: Parts;
  readonly #outline: SavedOutline;

  constructor(parts: Parts, outline: SavedOutline) {
    this.#parts = parts;
    this.#outline = outline;
  }

  async answer(request: Request): Promise<Sent> {
    try {
      return answerTo(request, await this.#bodyFor(request));
    } catch (error) {
      return refusalOf(request, error as Error);
    }
  }

  async #bodyFor({ name, args }: Request): Promise<object> {
    if (name === "describe") return this.#outline.description;
    if (name === "strip") return savedStrip(this.#outline.strip, args as StripArgs);
    const asked = args as FrameArgs;
    if (name !== "frame" && name !== "ahead" && name !== "prediction" && name !== "filters")
      return this.#savedAnswer(name, asked.layer);
    const parts = await this.#partsOf(asked);
    if (name === "prediction") return { revision: 0, image: asked.image, prediction: parts.image.prediction };
    const { out_shape } = this.#outline.description.layers[asked.layer]!;
    const depth = parts.layer.rank === 3 ? out_shape[1]! : 1;
    const { kernels_held, filters, codes, ...frame } = asked as FiltersArgs;
    return name === "filters" ? savedFilters(frame, filters, parts, depth) : savedFrame(frame, parts, depth);
  }

  /** To what is asked of a layer, or of the whole net, an answer that was saved as it is. */
  async #savedAnswer(name: string, layer: number): Promise<object> {
    const found = [`answer-${name}-${layer}`, `answer-${name}`].find((part) => this.#parts.has(part));
    if (!found) throw new Error(NOT_HERE);
    return this.#parts.read<object>(found);
  }

  async #partsOf({ image, layer }: FrameArgs): Promise<FrameParts> {
    if (this.#parts.has(`error-${image}`)) {
      const { message } = await this.#parts.read<{ message: string }>(`error-${image}`);
      throw new Error(message);
    }
    const [found, kernels, maps] = await Promise.all([
      this.#parts.read<SavedImage>(`image-${image}`),
      this.#parts.read<SavedLayer>(`layer-${layer}`),
      this.#parts.read<SavedMapsPart>(`maps-${image}-${layer}`),
    ]);
    return { image: found, layer: kernels, maps, images: this.#outline.description.images! };
  }
}
