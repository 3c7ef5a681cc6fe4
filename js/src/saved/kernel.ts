/** In the place of a notebook's kernel: answers requests from what was saved. */

import type { FiltersArgs, FrameArgs } from "../wire/frame";
import type { ArgsOf, RequestName } from "../wire/requests";
import type { StripArgs } from "../wire/strip";
import { savedBestCrops, savedDistribution, savedExemplars } from "./exemplars";
import { type FrameParts, savedFilters, savedFrame } from "./frame";
import type { LabScript, SavedLabKernel } from "./lab_script";
import type { Parts } from "./parts";
import { type Request, refusalOf, replyTo, type Sent } from "./replies";
import { savedStrip } from "./strip";
import type { SavedTimelineKernel, TimelineScript } from "./timeline_script";
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
  readonly #lab: SavedLabKernel | null;
  readonly timeline: SavedTimelineKernel | undefined;
  /** Told the revision of what is answered now, where an edit has made it another. */
  changed: (revision: number) => void = () => {};

  constructor(
    parts: Parts,
    outline: SavedOutline,
    lab: LabScript | null = null,
    timeline: TimelineScript | null = null,
  ) {
    this.#parts = parts;
    this.#outline = outline;
    this.#lab = lab?.kernel(parts, (revision) => this.changed(revision)) ?? null;
    this.timeline = timeline?.kernel(parts, outline);
  }

  async answer(request: Request): Promise<Sent> {
    try {
      return replyTo(request, await this.#bodyFor(request));
    } catch (error) {
      return refusalOf(request, error as Error);
    }
  }

  async #bodyFor({ name, args }: Request): Promise<object> {
    if (name === "describe") return this.#outline.description;
    const others = this.#lab?.answer(name, args) ?? this.timeline?.answer(name, args);
    if (others) return others;
    if (name === "strip") return savedStrip(this.#outline.strip, args as StripArgs);
    if (name === "exemplars") return savedExemplars(this.#parts, args as ArgsOf<"exemplars">, NOT_HERE);
    if (name === "distribution") return savedDistribution(this.#parts, args as ArgsOf<"distribution">);
    if (name === "best_crops") return savedBestCrops(this.#parts, args as ArgsOf<"best_crops">);
    const frameArgs = args as FrameArgs;
    if (name !== "frame" && name !== "prefetch" && name !== "prediction" && name !== "filters")
      return this.#savedBody(name, frameArgs);
    const revision = this.#lab?.revision ?? 0;
    const ofPage = await this.#partsOf(frameArgs);
    const { out_shape } = this.#outline.description.layers[frameArgs.layer]!;
    const depth = ofPage.layer.rank === 3 ? out_shape[1]! : 1;
    const parts = (await this.timeline?.partsAt(frameArgs, ofPage, depth)) ?? ofPage;
    if (name === "prediction")
      return {
        revision,
        image: frameArgs.image,
        prediction: parts.image.prediction,
        overlay: parts.image.overlay,
      };
    const { kernels_held, filters, codes, ...frame } = frameArgs as FiltersArgs;
    const body =
      name === "filters" ? savedFilters(frame, filters, parts, depth) : savedFrame(frame, parts, depth);
    return { ...body, revision };
  }

  /** What a position sees, and verdicts: answers that were saved as they are, one a layer or a filter. */
  async #savedBody(name: RequestName, { image, layer, filter }: FrameArgs): Promise<object> {
    const part =
      name === "fields" ? `fields-${this.#outline.shapes[image]}-${layer}` : `answer-${name}-${layer}`;
    if (!this.#parts.has(part)) throw new Error(NOT_HERE);
    const body = await this.#parts.read<object>(part);
    if (name === "verdict") return (body as SavedVerdicts).filters[filter]!;
    if (name !== "fields") return body;
    const { bodies, of } = body as SavedFields;
    return bodies[of[filter]!]!;
  }

  async #partsOf(args: FrameArgs): Promise<FrameParts> {
    const { image, layer } = args;
    if (this.#parts.has(`error-${image}`)) {
      const { message } = await this.#parts.read<{ message: string }>(`error-${image}`);
      throw new Error(message);
    }
    const [picture, kernels, maps] = await Promise.all([
      this.#parts.read<SavedImage>(`image-${image}`),
      this.#parts.read<SavedLayer>(`layer-${layer}`),
      this.#parts.read<SavedMapsPart>(`maps-${image}-${layer}`),
    ]);
    const layerOfImage = { ...kernels, ...maps.own_kernels };
    const edited = (await this.#lab?.edited(args)) ?? null;
    return { image: picture, layer: layerOfImage, maps, images: this.#outline.description.images!, edited };
  }
}
