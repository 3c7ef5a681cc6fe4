/** The net that the fake kernel runs, and how a test wants it to behave. */

export const LAYERS = [
  {
    name: "conv1",
    call: 0,
    title: "conv1 · Conv2d(1→3, 2×2) · 3×2×2",
    filters: 3,
    channels: 1,
    kernel: [2, 2],
    out_shape: [3, 2, 2],
    activation_name: "conv1 → relu",
  },
  {
    name: "conv2",
    call: 0,
    title: "conv2 · Conv2d(3→2, 2×2) · 2×2×2",
    filters: 2,
    channels: 3,
    kernel: [2, 2],
    out_shape: [2, 2, 2],
    activation_name: "conv2 → relu",
  },
];

export interface Behaviour {
  checkpoints?: string[];
  two_nets?: boolean;
  revision?: number;
  label?: string | number | null;
  prediction?: [string | number, number][] | null;
  /** The grid comes as codes: the page cannot answer other filters from it. */
  codes?: boolean;
  error?: string;
  /** Too many kernels for the grid: it gets one non-negative picture for all of a filter's. */
  manyKernels?: boolean;
  /** Between the response plus the bias and the pre-activation. */
  difference?: number;
  /** How many images there are by now. */
  images?: number;
  /** Channels of an image that are drawn one at a time. */
  planes?: number;
  /** The search for receptive fields gives way so many times. */
  givesWay?: number;
  /** Why there are no receptive fields. */
  noFields?: string;
  /** Of the kernels in the arithmetic: channels, and cells along a side. */
  arithmetic?: { channels: number; side: number };
  /** The texts of the page's later modules. */
  modules?: readonly string[];
  /** The notebook runs a cell. */
  cellRuns?: boolean;
  /** Each pixel of the image stands for a block of so many. */
  reduced?: number;
  /** There are verdicts; how far the work on them is. */
  diagnosis?: "running" | "done";
  /** How far the measurement of a removal is. */
  effect?: "running" | "done" | "cancelled";
  /** How far the work on the effects of filters is; the effects of the predicted class, for each filter. */
  filterEffects?: "running" | "failed" | readonly number[];
  /** There is a scan; how far it is. */
  scan?: "running" | "done" | "cancelled" | "failed";
  /** Goes up when there is more to see of it. */
  scanNumber?: number;
  /** It is of other layers. */
  unscanned?: boolean;
  /** Crops are still being cut, so many times. */
  cutting?: number;
  /** The distribution is still being worked out, so many times. */
  counting?: number;
  /** Each crop is the whole image. */
  seesAll?: boolean;
  /** The crop that cannot be read. */
  unreadable?: number;
  /** How many classes there are, of which two are shown. */
  manyClasses?: number;
  /** The means for a removal are still to be found. */
  preparing?: boolean;
}
