// @vitest-environment jsdom
/** The tray: what is clicked is asked for once, what Python says is shown, and nothing old stands under something new. */

import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TrayPanel } from "../../../src/panels/surgery/panel";
import type { Host } from "../../../src/view/host";
import type { Frame } from "../../../src/wire/frame";
import type { ReplyTo, RequestName } from "../../../src/wire/requests";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const FILTERS = 6;
const frame = (more: Partial<Frame> = {}) =>
  ({
    image: 2,
    layer: 1,
    filter: 3,
    revision: 0,
    kernels: { tensor: { shape: [FILTERS, 1, 3, 3] } },
    ...more,
  }) as unknown as Frame;

const trayBody = (filters: readonly number[], more: object = {}) => ({
  status: "done",
  image: 2,
  layer: 1,
  layers: filters.length > 0 ? [{ index: 1, name: "conv2", filters, had: FILTERS }] : [],
  groups: filters.length,
  parameters: [1000, 1000 - 100 * filters.length],
  fixed: [[5, "has weights that are computed"]],
  words: [
    ["dead", 1],
    ["harmful", 0],
  ],
  before: [
    ["Bag", 0.9],
    ["Boot", 0.1],
  ],
  after: [
    ["Boot", 0.75],
    ["Bag", 0.25],
  ],
  python: filters.length > 0 ? `plan = explorer.diagnosis.plan(remove={"conv2": [${filters}]})\n` : "",
  beside: false,
  ...more,
});

const EFFECT = {
  images: 1000,
  labelled: true,
  accuracy_before: 0.9,
  accuracy_after: 0.875,
  accuracy_change: { value: -0.025, low: -0.036, high: -0.014 },
  loss_before: 0.25,
  loss_after: 0.35,
  loss_change: { value: 0.1, low: 0.05, high: 0.15 },
  classes: [],
  notes: [],
};

function open(painted: Partial<Frame> = {}) {
  const asked: { name: RequestName; args: Record<string, unknown> }[] = [];
  const below = document.createElement("div");
  const root = document.createElement("div");
  root.innerHTML = "<section data-panel=comparison hidden></section>";
  const client = {
    ask: (name: RequestName, args: Record<string, unknown>) => void asked.push({ name, args }),
    receive: () => {},
    pump: () => {},
    resume: () => {},
    dispose: () => {},
  };
  const host = { client: () => client, below, root, select: () => {} } as unknown as Host;
  const panel = new TrayPanel(host);
  const paint = (more: Partial<Frame> = {}) => panel.painted(frame({ ...painted, ...more }), "conv2");
  const reply = (name: RequestName, body: object, tensors: object[] = [], newest = true) =>
    panel.reply({ id: "", name, body, tensors, error: null } as unknown as ReplyTo<RequestName>, newest);
  const refuse = (name: RequestName, message: string) =>
    panel.reply(
      { id: "", name, body: null, tensors: [], error: { type: "ValueError", message } } as never,
      true,
    );
  const query = <E extends HTMLElement = HTMLElement>(selector: string) => below.querySelector<E>(selector)!;
  const filters = () => [...below.querySelectorAll<HTMLButtonElement>(".fs-tray-filters button")];
  const last = (name: RequestName) => asked.filter((one) => one.name === name).at(-1)?.args;
  paint();
  return { panel, below, root, asked, paint, reply, refuse, query, filters, last };
}

describe("what goes in", () => {
  it("is clicked by number, and two clicks in a row are both asked for", () => {
    const { filters, last, reply } = open();
    expect(last("tray")).toEqual({ image: 2, layer: 1, filters: [] });
    reply("tray", trayBody([]));
    expect(filters().map(({ textContent }) => textContent)).toEqual(["0", "1", "2", "3", "4", "5"]);
    expect(filters().map(({ disabled }) => disabled)).toEqual([false, false, false, false, false, true]);
    expect(filters()[5]!.title).toBe("It cannot be removed: it has weights that are computed");
    filters()[1]!.click();
    filters()[4]!.click();
    expect(last("tray")).toEqual({
      image: 2,
      layer: 1,
      filters: [],
      toggles: [
        [1, 1],
        [1, 4],
      ],
    });
    reply("tray", trayBody([1]), [], false); // of the first click alone: it is not the newest
    expect(filters()[1]!.ariaPressed ?? filters()[1]!.getAttribute("aria-pressed")).toBe("false");
    reply("tray", trayBody([1, 4]));
    expect(filters().map((button) => button.getAttribute("aria-pressed"))).toEqual([
      "false",
      "true",
      "false",
      "false",
      "true",
      "false",
    ]);
  });

  it("is put in by a verdict's word, of those that hold of any filter", () => {
    const { below, query, filters, last, reply } = open();
    reply("tray", trayBody([1]));
    expect(below.querySelector("[name=tray-harmful]")).toBeNull();
    expect(query("[name=tray-dead]").textContent).toBe("All dead (1)");
    query("[name=tray-dead]").click();
    expect(last("tray")).toMatchObject({ filters: [[1, 1]], word: "dead" });
    filters()[2]!.click();
    expect(last("tray")).toMatchObject({ filters: [[1, 1]], word: "dead", toggles: [[1, 2]] });
    query("[name=tray-clear]").click();
    expect(last("tray")).toEqual({ image: 2, layer: 1, filters: [] });
  });

  it("is chosen by the slider, in the order that was found, and never by more work than one question", () => {
    const { query, asked, last, reply } = open();
    reply("tray", trayBody([]));
    query("[name=tray-order]").click();
    reply("tray_order", { status: "running", done: 2, total: 8 });
    expect(query("[name=tray-order]").textContent).toBe("Cancel");
    vi.advanceTimersByTime(250);
    expect(asked.filter(({ name }) => name === "tray_order")).toHaveLength(2);
    const groups = [
      [[1, 2]],
      [
        [0, 1],
        [1, 4],
      ],
      [[1, 3]],
    ];
    const left = { data: Float32Array.of(1, 0.9, 0.7, 0.6), shape: [4] };
    reply("tray_order", { status: "done", groups, left: { tensor: 0 } }, [left]);
    const slider = query<HTMLInputElement>("[name=tray-size]");
    expect([slider.max, slider.value]).toEqual(["3", "0"]);
    slider.value = "2";
    slider.dispatchEvent(new Event("input"));
    expect(last("tray")).toEqual({
      image: 2,
      layer: 1,
      filters: [
        [1, 2],
        [0, 1],
        [1, 4],
      ],
    });
    expect(slider.getAttribute("aria-valuetext")).toBe("2 of 3 out, 70 % of the parameters left");
    expect(asked.filter(({ name }) => name !== "tray")).toHaveLength(2);
  });

  it("stays as it was where it cannot be, and says why", () => {
    const { filters, last, query, refuse, reply } = open();
    reply("tray", trayBody([1]));
    filters()[2]!.click();
    refuse("tray", "nothing would be left of conv2");
    expect(query(".fs-tray-says").textContent).toBe("nothing would be left of conv2");
    expect(filters()[1]!.getAttribute("aria-pressed")).toBe("true");
    filters()[0]!.click();
    expect(last("tray")).toMatchObject({ filters: [[1, 1]], toggles: [[1, 0]] });
  });
});

describe("what it costs", () => {
  it("is shown for this image at once, with a mark where each class was", () => {
    const { below, query, reply } = open();
    reply("tray", trayBody([1, 4]));
    const rows = [...below.querySelectorAll(".fs-outcome-row")].map(({ textContent }) => textContent);
    expect(rows).toEqual(["Bag90 % → 25 %", "Boot10 % → 75 %"]);
    expect(query(".fs-tray-contents").textContent).toBe(
      "Without conv2: 1, 4 (2 of 6).1,000 parameters → 800 (80 %)",
    );
    expect(query<HTMLTextAreaElement>("textarea").value).toContain('remove={"conv2": [1,4]}');
  });

  it("is measured on demand, and does not stand under other filters", () => {
    const { query, last, filters, reply } = open();
    reply("tray", trayBody([]));
    expect(query<HTMLButtonElement>("[name=tray-measure]").disabled).toBe(true);
    reply("tray", trayBody([1]));
    query("[name=tray-measure]").click();
    expect(last("tray_plan")).toEqual({ filters: [[1, 1]] });
    const size = { parameters: 1000, multiply_adds: 5000, seconds: 0.001 };
    const after = { parameters: 900, multiply_adds: 4000, seconds: 0.0008 };
    reply("tray_plan", { status: "done", before: size, after, effect: EFFECT, notes: ["a note."] });
    expect(query("[data-measured]").dataset.measured).toBe("true");
    const words = query(".fs-tray-result").textContent;
    expect(words).toContain(
      "1,000 images that were not used to choose: 90.0 % → 87.5 % right, −2.5 (95 %: −3.6 … −1.4) points",
    );
    expect(words).toContain("4,000 (80 %); 1.00 → 0.800 ms an image on this machine");
    filters()[2]!.click();
    reply("tray", trayBody([1, 2]));
    expect(query(".fs-tray-result").textContent).toBe("");
    expect(query("[data-measured]").dataset.measured).toBe("false");
  });

  it("ends what is measured of filters that are no longer in the tray, or of another net", () => {
    const { query, asked, paint, reply } = open();
    reply("tray", trayBody([1]));
    query("[name=tray-measure]").click();
    reply("tray_plan", { status: "running", done: 100, total: 1000 });
    query("[name=tray-widths]").click();
    paint({ revision: 1 });
    const cancelled = asked.filter(({ args }) => args.cancel).map(({ name }) => name);
    expect(cancelled.sort()).toEqual(["tray_plan", "tray_widths"]);
    reply("tray_plan", { status: "cancelled" });
    expect(query("[name=tray-measure]").textContent).toBe("Make the smaller net, and measure it");
  });

  it("has a width curve for the layer on screen", () => {
    const { below, query, paint, reply, last } = open();
    reply("tray", trayBody([]));
    query("[name=tray-widths]").click();
    expect(last("tray_widths")).toEqual({ layer: 1 });
    const accuracy = { data: Float32Array.of(-0.01, -0.02, 0, -0.2, -0.22, -0.18), shape: [2, 3] };
    const body = {
      status: "done",
      layer: 1,
      filters: 6,
      kept: [4, 2],
      spared: 1 / 3,
      together: [],
      reason: "",
    };
    reply("tray_widths", { ...body, accuracy: { tensor: 0 } }, [accuracy]);
    expect(below.querySelector("svg")!.getAttribute("aria-label")).toBe(
      "change of accuracy in points by filters kept: 6: 0.0, 4: −1.0, 2: −20.0",
    );
    // 6 filters at the left, 2 at two thirds of the width; −25 is the lowest.
    expect(below.querySelector("path.fs-curve")!.getAttribute("d")).toBe("M0.0 0.0L160.0 6.4L320.0 128.0");
    expect(query("figcaption").textContent).toContain("33 % of the filters can go");
    paint({ layer: 0 });
    expect(query("figure").hidden).toBe(true);
  });
});

describe("the smaller net beside the original", () => {
  it("is asked for by one press, brought into view once it stands, and taken away by another", () => {
    const { root, query, asked, last, paint, reply } = open();
    const both = root.querySelector("section")!;
    both.scrollIntoView = vi.fn();
    const button = query<HTMLButtonElement>("[name=tray-compare]");
    reply("tray", trayBody([]));
    expect(button.disabled).toBe(true);
    reply("tray", trayBody([1, 4]));
    expect(button.textContent).toBe("Compare with the original");
    button.click();
    const filters = [
      [1, 1],
      [1, 4],
    ];
    expect(last("tray_compare")).toEqual({ filters });
    reply("tray_compare", { status: "running" });
    vi.advanceTimersByTime(250);
    expect(asked.filter(({ name }) => name === "tray_compare")).toHaveLength(2);
    reply("tray_compare", { status: "done" });
    paint();
    vi.advanceTimersByTime(1);
    expect(both.scrollIntoView).not.toHaveBeenCalled(); // it is hidden still
    both.hidden = false;
    paint();
    paint();
    vi.advanceTimersByTime(1);
    paint();
    vi.advanceTimersByTime(1);
    expect(both.scrollIntoView).toHaveBeenCalledTimes(1);
    reply("tray", trayBody([1, 4], { beside: true }));
    expect(button.textContent).toBe("Close the comparison");
    button.click();
    expect(last("tray_compare")).toEqual({ close: true });
    expect(button.textContent).toBe("Compare with the original");
  });

  it("is of what is in the tray, also where another page has put it there, and can be cancelled", () => {
    const { panel, query, last, paint, reply, refuse } = open();
    const button = query("[name=tray-compare]");
    reply("tray", trayBody([1], { beside: true }));
    expect(button.textContent).toBe("Close the comparison");
    reply("tray", trayBody([1, 2]));
    expect(button.textContent).toBe("Compare with the original");
    button.click();
    button.click();
    expect(last("tray_compare")).toMatchObject({ cancel: true });
    button.click();
    refuse("tray_compare", "This page compares two nets already");
    expect(button.textContent).toBe("Compare with the original");
    expect(button.nextElementSibling!.textContent).toBe("This page compares two nets already");
    panel.changed();
    paint();
    vi.advanceTimersByTime(150);
    expect(last("tray")).toEqual({
      image: 2,
      layer: 1,
      filters: [
        [1, 1],
        [1, 2],
      ],
    });
  });
});

it("says what it waits for, and looks again", () => {
  const { query, asked, reply } = open();
  reply("tray", { status: "waiting", why: "press Diagnose first" });
  expect(query(".fs-tray-says").textContent).toBe("press Diagnose first");
  expect(query(".fs-tray").hidden).toBe(true);
  vi.advanceTimersByTime(2000);
  expect(asked.filter(({ name }) => name === "tray")).toHaveLength(2);
  reply("tray", trayBody([]));
  expect(query(".fs-tray").hidden).toBe(false);
});

it("asks at rest for another image, and leaves nothing behind", () => {
  const { panel, below, asked, paint, reply } = open();
  reply("tray", trayBody([1]));
  paint({ image: 3 });
  paint({ image: 4 });
  expect(asked).toHaveLength(1);
  vi.advanceTimersByTime(150);
  expect(asked).toHaveLength(2);
  expect(asked.at(-1)!.args).toEqual({ image: 4, layer: 1, filters: [[1, 1]] });
  paint({ image: 5 });
  panel.dispose();
  vi.advanceTimersByTime(5000);
  expect(asked).toHaveLength(2);
  expect(below.children).toHaveLength(0);
});
