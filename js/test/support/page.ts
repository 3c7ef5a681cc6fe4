/** The widget in a jsdom page, with a fake kernel behind it. */

import { afterEach, beforeEach, vi } from "vitest";
import makeExemplars from "../../src/exemplars";
import makeOthers from "../../src/panels";
import type { Traits } from "../../src/state/selection";
import { ExplorerView } from "../../src/view/explorer_view";
import type { Host, MakePanels } from "../../src/view/host";
import { together } from "../../src/view/together";
import { FakeResizeObserver, installCanvas } from "./canvas";
import { FakeModel } from "./fake_kernel";

export const cleanups: (() => void)[] = [];

const makePanels = (host: Host) => together([makeOthers(host), makeExemplars(host)]);

/** With the later modules in their place from the start, or without it. */
export function render(model: FakeModel, panels: MakePanels | null = makePanels) {
  const el = document.createElement("div");
  const view = new ExplorerView(model.model, panels ? { panels } : {});
  el.append(view.root);
  const clean = () => view.dispose();
  cleanups.push(clean);
  document.body.append(el);
  const root = el.querySelector<HTMLElement>(".filterscope")!;
  const query = <T extends HTMLElement>(selector: string) => root.querySelector<T>(selector)!;
  const canvas = (view: string) => query<HTMLCanvasElement>(`canvas[data-view=${view}]`);
  return { el, root, query, canvas, clean };
}

export function open(traits?: Partial<Traits>) {
  const model = new FakeModel();
  Object.assign(model.traits, traits);
  const view = render(model);
  model.answerAll();
  return { model, ...view };
}

export function slide(input: HTMLInputElement, value: number) {
  input.value = String(value);
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

export function choose(select: HTMLSelectElement, value: string) {
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

/** The host lays the view out: it is on the page, and has a width. */
export function seenAgain(root: HTMLElement, width = 800) {
  (root.firstElementChild as HTMLElement).getBoundingClientRect = () => ({ width }) as DOMRect;
  for (const { notify } of FakeResizeObserver.live) notify();
}

/** Called once in a test file: a canvas, a clock that tests turn, and an empty page for each test. */
export function usePage(): void {
  beforeEach(() => {
    installCanvas();
    vi.useFakeTimers();
    vi.stubGlobal("ResizeObserver", FakeResizeObserver);
  });

  afterEach(() => {
    for (const clean of cleanups.splice(0)) clean();
    document.body.replaceChildren();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
}
