/**
 * The panels of a view, each a room of this folder, from top to bottom. A new one is a folder, a style sheet, and its row
 * here; what it shows stands in `section[data-panel=<room>]` below the pictures, hidden until asked for. A large room is a
 * module of its own, as `exemplars.ts` is: no module may have more than 30 kB (build.mjs).
 */

import arithmeticCss from "../styles/arithmetic.css?inline";
import doorCss from "../styles/door.css?inline";
import evidenceCss from "../styles/evidence.css?inline";
import positionsCss from "../styles/positions.css?inline";
import trialNoteCss from "../styles/trial_note.css?inline";
import verdictsCss from "../styles/verdicts.css?inline";
import type { Host, Panels } from "../view/host";
import { Door } from "./door";
import { TrialNote } from "./lab/trial_note";
import { PositionsPanel } from "./positions/panel";
import { sideBySide } from "./side_by_side";
import { FilterEffectsPanel } from "./verdicts/effects";
import { VerdictsPanel } from "./verdicts/panel";

/** What a saved page holds for panels besides the pictures. */
export interface Kept {
  readonly verdicts: boolean;
  /** The layer whose kernels can be edited, or null. */
  readonly lab: number | null;
}

const SAVED_LAB =
  "Change a kernel of the layer that was saved with its lab, and see what becomes of its maps.";

interface PanelRow {
  readonly css: string;
  /** `kept`: what was saved, in a saved page, where nothing else can be asked; null: there is a kernel. Null: no panel. */
  make(host: Host, kept: Kept | null): Partial<Panels> | null;
}

const NO_NET = {
  arithmetic:
    "How its value comes about takes the net: pin the position in the notebook that this page was saved from.",
  effective: "The gradient takes the net: the notebook that this page was saved from shows it.",
} as const;

const LAB = {
  room: "lab",
  open: "Lab",
  close: "Close the lab",
  about: "Change the kernel, the image or the geometry.",
} as const;

const TRAY = {
  room: "surgery",
  open: "Tray",
  close: "Close the tray",
  about: "Leave filters out, and take a smaller net along.",
} as const;

const PANELS: Readonly<Record<string, PanelRow>> = {
  positions: {
    css: positionsCss + arithmeticCss,
    make: (host, kept) => new PositionsPanel(host, kept ? NO_NET : {}),
  },
  filterEffects: {
    css: "",
    make: (host, kept) => (kept ? null : new FilterEffectsPanel(host)),
  },
  trial: {
    css: trialNoteCss,
    make: (host, kept) => (kept ? null : new TrialNote(host)),
  },
  verdicts: {
    css: verdictsCss + evidenceCss,
    make: (host, kept) => (kept && !kept.verdicts ? null : new VerdictsPanel(host, kept !== null)),
  },
  lab: {
    css: doorCss,
    make: (host, kept) => {
      if (!kept) return new Door(host, LAB);
      return kept.lab === null ? null : new Door(host, { ...LAB, about: SAVED_LAB });
    },
  },
  surgery: {
    css: "",
    make: (host, kept) => (kept ? null : new Door(host, TRAY)),
  },
};

/** All panels of a view. `kept`: what a saved page holds for them; null where there is a kernel to ask. */
export function allPanels(host: Host, kept: Kept | null = null): Panels {
  const rows = Object.values(PANELS);
  const panels = rows.map((row) => row.make(host, kept)).filter((panel) => panel !== null);
  return sideBySide(host, rows.map(({ css }) => css).join(""), panels);
}
