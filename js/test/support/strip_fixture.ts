/** A strip by itself, and a person's hands on it. */

import { StripView } from "../../src/view/strip/strip";
import { type StripBehaviour, type StripRequest, stripReply } from "./strip_kernel";

/** Ten images a sheet, in one row. */
export const WIDTH = 820;

export function setUp(behaviour: StripBehaviour = {}) {
  const sent: StripRequest[] = [];
  const picked: number[] = [];
  const state = { someoneWaits: false, visible: true };
  const strip = new StripView(
    { send: (content) => void ("id" in content && sent.push(content as StripRequest)) },
    {
      select: (image) => void picked.push(image),
      someoneWaits: () => state.someoneWaits,
      visible: () => state.visible,
    },
  );
  document.body.append(strip.root);
  const answer = (request = sent.at(-1)!, change: StripBehaviour = {}) => {
    const { content, buffers } = stripReply(request.id, request.args, { ...behaviour, ...change });
    strip.receive(content, buffers);
  };
  const query = <T extends HTMLElement>(selector: string) => strip.root.querySelector<T>(selector)!;
  const list = query("[role=listbox]");
  const items = () => [...strip.root.querySelectorAll<HTMLElement>("[data-index]")];
  const images = () => items().map((item) => Number(item.dataset.index));
  const press = (key: string) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
    list.dispatchEvent(event);
    return event.defaultPrevented;
  };
  const cursor = () => list.querySelector<HTMLElement>(`#${list.getAttribute("aria-activedescendant")}`);
  const choose = (name: string, value: string) => {
    const select = query<HTMLSelectElement>(`select[name=${name}]`);
    select.value = value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const starts = () => sent.map((request) => request.args.start);
  return { strip, sent, picked, state, answer, query, list, items, images, press, cursor, choose, starts };
}

export function open(behaviour: StripBehaviour = {}) {
  const view = setUp(behaviour);
  view.strip.layout(WIDTH);
  view.answer();
  return view;
}

export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, k) => from + k);
