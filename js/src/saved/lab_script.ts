/**
 * What the script of a saved page and that of its lab know of each other: the lab's, which stands in pages that were saved
 * with one, is read first and leaves its module here.
 */

import type { MakePanels } from "../view/host";
import type { FrameArgs } from "../wire/frame";
import type { RequestName } from "../wire/requests";
import type { Parts } from "./parts";

/** One filter's values with other kernels. */
export interface EditedPlanes {
  /** Those that the response sums. */
  readonly kernels: Float32Array;
  readonly response: Float32Array;
  readonly activation: Float32Array;
}

/** `shown`: the kernels whose responses are summed. Null: the filter is as it was saved. */
export type EditedFilters = (filter: number, shown: readonly number[]) => EditedPlanes | null;

/** In the place of a notebook's kernel, for one layer whose kernels can be edited. */
export interface SavedLabKernel {
  /** Goes up with each edit. */
  readonly revision: number;
  /** The body of a reply; null: that is not the lab's to answer. */
  answer(name: RequestName, args: object): Promise<object> | null;
  /** Null: no filter of that layer is edited. */
  edited(args: FrameArgs): Promise<EditedFilters | null>;
}

export interface LabScript {
  /** `changed`: told a new revision. */
  kernel(parts: Parts, changed: (revision: number) => void): SavedLabKernel;
  readonly panels: MakePanels;
}

declare global {
  interface Window {
    filterscopeLab?: LabScript;
  }
}
