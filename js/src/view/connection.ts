/** What a view hears from outside: the model's messages and traits, and what the host tells of the kernel and of the page. */

import type { AnyModel } from "@anywidget/types";
import { TRAITS, type Traits } from "../state/selection";
import type { Line } from "../wire/line";

/** A custom message of the model. */
export type Received = (content: unknown, buffers: readonly unknown[]) => void;

/** Follows the model. Traits that change together arrive as several events: `moved` is called once, after all of them. */
export function followModel(model: AnyModel<Traits>, received: Received, moved: () => void): () => void {
  let coming = false;
  const soon = () => {
    if (coming) return;
    coming = true;
    queueMicrotask(() => {
      coming = false;
      moved();
    });
  };
  model.on("msg:custom", received);
  for (const trait of TRAITS) model.on(`change:${trait}`, soon);
  return () => {
    model.off("msg:custom", received);
    for (const trait of TRAITS) model.off(`change:${trait}`, soon);
  };
}

/** Jupyter's events beside those that `AnyModel` names; hosts without them never call. */
interface HostEvents {
  on(name: string, call: () => void): void;
  off(name: string, call: () => void): void;
}

/** Follows the connection to the kernel, the model's end, and the page's coming and going. Returns what ends that. */
export function followHost(model: unknown, root: HTMLElement, line: Line): () => void {
  const events = model as HostEvents;
  // Its argument says nothing; Jupyter has marked the widget's box by then.
  const connected = () => line.is(root.closest(".jupyter-widgets-disconnected") !== null);
  const ended = () => line.is(true);
  const left = () => line.hidden();
  const returned = (event: PageTransitionEvent) => event.persisted && line.shown();
  events.on("comm_live_update", connected);
  events.on("destroy", ended);
  window.addEventListener("pagehide", left);
  window.addEventListener("pageshow", returned);
  return () => {
    events.off("comm_live_update", connected);
    events.off("destroy", ended);
    window.removeEventListener("pagehide", left);
    window.removeEventListener("pageshow", returned);
  };
}
