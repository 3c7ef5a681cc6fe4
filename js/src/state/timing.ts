/**
 * Every waiting time, in milliseconds. The table imports nothing and every room may read it.
 *
 * A person who drags a slider sends a question at each step. What follows the picture (the strip, the evidence, the
 * numbers of a pinned position) waits until the slider rests: longer, the more the answer costs.
 */

/** When an unanswered request counts as lost and is asked again; doubled at each loss in a row. */
export const LOST_AFTER = {
  /** A frame of a large net takes seconds; ten are beyond that. */
  frame: 10_000,
  /** Before anything was heard: a first message may wait for a cell, where a second finds a way round. */
  first: 400,
  prefetch: 10_000,
  strip: 10_000,
  /** A search for receptive fields may take longer than any frame. */
  positions: 20_000,
  /** Short answers, out of what is known already. */
  verdicts: 4000,
  /** The same; crops that are not cut yet are asked for again. */
  scans: 4000,
  /** An edit is followed by passes of the whole net. */
  lab: 10_000,
} as const;

/**
 * When, and how often, a lone question is followed by an empty message, which nobody answers. The server holds a reply
 * back until the browser acknowledges the "busy" before it, and the browser does that at leisure (40 ms) or with its
 * next message. "busy" comes 4 to 12 ms after the question: one message at 6 ms is too early for half of them (median of
 * a jump 63 ms, with more of them 49; JupyterLab 4.6 in Chromium).
 */
export const NUDGE = { after: 6, every: 10 } as const;

/** After a move a person is given so much time to go on, before something is asked that follows the picture. */
export const RESTS_AFTER = {
  /** Neighbours and other layers: they cost the kernel a frame each. */
  prefetch: 100,
  /** The verdict of a filter is at hand, but drawing its evidence at each step would slow the slider. */
  verdict: 60,
  /** A sheet of thumbnails is read from the data set. */
  strip: 120,
  /** The effects of a layer's filters take a pass each, or several together. */
  effects: 150,
  /** A filter's exemplars have their images read. */
  exemplars: 120,
  /** A bar that is pointed at: those passed on the way to it are not looked up. */
  bin: 80,
  /** The arithmetic of a pinned position takes a forward pass. */
  arithmetic: 150,
  /** What the lab shows of a filter takes passes, too. */
  lab: 120,
  /** Receptive fields take many passes where they are searched for. */
  fields: 300,
} as const;

/** When something that is still on its way is asked for again. */
export const ASK_AGAIN_AFTER = {
  /** Bars that move four times a second look alive, and cost little. */
  diagnosis: 250,
  /** How far a scan is. */
  scan: 300,
  /** While crops are being cut: a few images are read within that time. */
  crops: 100,
  /** While the data set is looked through for images that match. */
  survey: 300,
  /** A search for receptive fields gave way to somebody who waits for a picture. */
  fields: 700,
} as const;

/**
 * While an answer is awaited, the kernel is asked whether the explorer is there: where it was killed, that fails, and
 * where it was restarted, it deals with the question and nobody answers. Else nothing tells. A kernel that is busy for an
 * hour has 360 of these to read.
 */
export const PROBE = { after: 2000, every: 10_000, answered: 500 } as const;

/** In a page that was saved with its widgets' state no kernel answers; one that is there does so sooner. */
export const NOBODY_AFTER = 1500;

/** What is said about waiting itself. */
export const SAY = {
  /** Quicker answers need no sign. */
  computing: 150,
  /** Beyond that it is more than this net's own work: a cell runs. */
  kernelBusy: 2000,
  /** Longer than most cells: not every host says that its kernel was restarted. */
  kernelSilent: 60_000,
  /** To a screen reader: a drag is announced once, where it ends. */
  announcement: 400,
} as const;
