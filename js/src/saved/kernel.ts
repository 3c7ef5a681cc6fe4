/** In the place of a notebook's kernel: answers requests from what was saved. Its twin is `saved_parts.py`. */

import type { FiltersArgs, FrameArgs, RequestName, StripArgs } from "../wire/messages";
import { type FrameParts, savedFilters, savedFrame } from "./frame";
import type { Parts } from "./parts";
import { answerTo, type Request, refusalOf, type Sent } from "./replies";
import { savedStrip } from "./strip";
import type {
  SavedFields,
  SavedImage,
  SavedLayer,
  SavedMapsPart,
  SavedOutline,
  SavedVerdicts,
} from "./types";

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
      return this.#savedAnswer(name, asked);
    const parts = await this.#partsOf(asked);
    if (name === "prediction") return { revision: 0, image: asked.image, prediction: parts.image.prediction };
    const { out_shape } = this.#outline.description.layers[asked.layer]!;
    const depth = parts.layer.rank === 3 ? out_shape[1]! : 1;
    const { kernels_held, filters, codes, ...frame } = asked as FiltersArgs;
    return name === "filters" ? savedFilters(frame, filters, parts, depth) : savedFrame(frame, parts, depth);
  }

  /** What a position sees, and verdicts: answers that were saved as they are, one a layer or a filter. */
  async #savedAnswer(name: RequestName, { image, layer, filter }: FrameArgs): Promise<object> {
    const part =
      name === "fields" ? `fields-${this.#outline.shapes[image]}-${layer}` : `answer-${name}-${layer}`;
    if (!this.#parts.has(part)) throw new Error(NOT_HERE);
    const found = await this.#parts.read<object>(part);
    if (name === "verdict") return (found as SavedVerdicts).filters[filter]!;
    if (name !== "fields") return found;
    const { bodies, of } = found as SavedFields;
    return bodies[of[filter]!]!;
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
