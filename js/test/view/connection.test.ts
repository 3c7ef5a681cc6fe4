// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { NOBODY_AFTER, PROBE } from "../../src/state/timing";
import type { Callbacks } from "../../src/wire/line";
import { FakeModel } from "../support/fake_kernel";
import { open, render, slide, usePage } from "../support/page";

const NOBODY = /^No kernel is here to answer, .* Run the notebook's cell to go on\.$/;
const STATE = "application/vnd.jupyter.widget-state+json";
const GONE = /^The kernel that drew this has gone: .* Run this cell again to go on\.$/;

usePage();

/** All that a model is sent; `dead`: the host refuses to send, as JupyterLab does where the kernel is no more. */
class Spied extends FakeModel {
  readonly all: { kind: string; view?: string }[] = [];
  dead = false;
  #callbacks: Callbacks | undefined;

  override send(content: never, callbacks?: Callbacks): void {
    if (this.dead) throw new Error("Cannot send");
    this.all.push(content);
    this.#callbacks = callbacks ?? this.#callbacks;
    super.send(content);
  }

  /** How the kernel gets on with the last message that wanted to know. */
  tell(execution_state: string): void {
    this.#callbacks?.iopub.status({ content: { execution_state } });
  }

  of(kind: string) {
    return this.all.filter((content) => content.kind === kind).map(({ view }) => view);
  }
}

function openSpied() {
  const model = new Spied();
  const view = render(model);
  model.answerAll();
  const alert = view.query("[role=alert]");
  const image = view.query<HTMLInputElement>("input[name=image]");
  return { model, alert, image, ...view };
}

describe("a view tells Python", () => {
  it("that it is shown, after what it asks, and once that it has gone", () => {
    const { model, clean } = openSpied();
    expect(model.all.slice(0, 3).map(({ kind }) => kind)).toEqual(["request", "request", "shown"]);
    expect(model.of("gone")).toEqual([]);
    clean();
    expect(model.of("gone")).toEqual(model.of("shown"));
  });

  it("by a name of its own, so that two views are two", () => {
    const model = new Spied();
    const first = render(model);
    render(model);
    expect(new Set(model.of("shown")).size).toBe(2);
    first.clean();
    expect(model.of("gone")).toEqual([model.of("shown")[0]]);
  });

  it("that its page is left, and that it is back with it", () => {
    const { model } = openSpied();
    window.dispatchEvent(new Event("pagehide"));
    expect(model.of("gone")).toEqual(model.of("shown"));
    window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
    expect(new Set(model.of("shown")).size).toBe(1);
    expect(model.of("shown")).toHaveLength(2);
  });
});

describe("where the kernel has gone", () => {
  it("says so with what to do, and keeps the last picture ready with its own selection", () => {
    const { model, root, alert, image } = openSpied();
    slide(image, 3);
    expect(root.dataset.ready).toBe("false");
    model.emit("destroy");
    expect(alert.textContent).toMatch(GONE);
    expect([root.dataset.ready, root.dataset.image, image.value, model.traits.image_index]).toEqual([
      "true",
      "0",
      "0",
      0,
    ]);
    vi.advanceTimersByTime(10_000);
    expect(root.dataset.busy).toBeUndefined();
  });

  it("goes on with what it holds, and stays where it holds nothing", () => {
    const { model, root, image, query } = openSpied();
    model.emit("destroy");
    const saves = model.saves.length;
    slide(query("input[name=filter]"), 1);
    expect([root.dataset.filter, root.dataset.ready]).toEqual(["1", "true"]);
    slide(image, 50);
    expect([root.dataset.image, root.dataset.ready, image.value]).toEqual(["0", "true", "0"]);
    expect(root.dataset.busy).toBeUndefined();
    expect(model.saves.length).toBe(saves);
  });

  it("notices it where the host only refuses to send", () => {
    const { model, root, alert, image } = openSpied();
    model.dead = true;
    slide(image, 4);
    expect(alert.textContent).toMatch(GONE);
    expect([root.dataset.ready, root.dataset.image, image.value]).toEqual(["true", "0", "0"]);
  });

  it("notices it while it waits for an answer that never comes", () => {
    const { model, root, image } = openSpied();
    slide(image, 4);
    vi.advanceTimersByTime(5000);
    model.dead = true;
    vi.advanceTimersByTime(PROBE.every);
    expect([root.dataset.kernel, root.dataset.ready, root.dataset.image]).toEqual(["gone", "true", "0"]);
    expect(root.dataset.busy).toBeUndefined();
  });

  it("notices it where the kernel deals with its question and nobody answers", () => {
    const { model, root, alert, image } = openSpied();
    slide(image, 4);
    vi.advanceTimersByTime(PROBE.after);
    expect(model.of("probe")).toHaveLength(1);
    model.tell("busy");
    vi.advanceTimersByTime(5000);
    expect(root.dataset.kernel).toBeUndefined(); // it runs a cell, for all that is known
    model.tell("idle");
    vi.advanceTimersByTime(PROBE.answered);
    expect(alert.textContent).toMatch(GONE);
    expect([root.dataset.kernel, root.dataset.ready, root.dataset.image]).toEqual(["gone", "true", "0"]);
  });

  it("takes one that answers for busy with another question", () => {
    const { model, root, image } = openSpied();
    slide(image, 4);
    for (let k = 0; k < 5; k++) {
      vi.advanceTimersByTime(PROBE.every);
      model.emit("msg:custom", { kind: "here" }, []);
      model.tell("idle");
      vi.advanceTimersByTime(PROBE.answered);
    }
    expect(root.dataset.kernel).toBeUndefined();
    model.answerAll();
    expect([root.dataset.ready, root.dataset.image]).toEqual(["true", "4"]);
  });

  it("asks for nothing, from no part of it, until it is back; then for all", () => {
    const { model, el, root, alert, image } = openSpied();
    el.classList.add("jupyter-widgets-disconnected");
    model.emit("comm_live_update");
    expect(alert.textContent).toMatch(GONE);
    const asked = model.all.length;
    slide(image, 7);
    vi.advanceTimersByTime(600_000);
    expect(model.all.length).toBe(asked);
    el.classList.remove("jupyter-widgets-disconnected");
    model.emit("comm_live_update");
    expect(alert.textContent).toBe("");
    model.answerAll();
    slide(image, 7);
    model.answerAll();
    expect([root.dataset.ready, root.dataset.image, root.dataset.kernel]).toEqual(["true", "7", undefined]);
  });

  it("says so as well where nothing was drawn yet", () => {
    const model = new Spied();
    const { root, query } = render(model);
    model.emit("destroy");
    expect(query("[role=alert]").textContent).toMatch(NOBODY);
    vi.advanceTimersByTime(10_000);
    expect([root.dataset.ready, root.dataset.busy]).toEqual(["false", undefined]);
  });
});

describe("in a page that was saved with its widgets' state", () => {
  const saved = () => {
    const script = Object.assign(document.createElement("script"), { type: STATE });
    document.body.append(script);
    vi.stubGlobal(
      "URL",
      Object.assign(URL, { createObjectURL: () => "blob:still", revokeObjectURL: () => {} }),
    );
  };

  it("shows the picture of the cell and says that no kernel is there", () => {
    saved();
    const model = new Spied();
    Object.assign(model.traits, { _png: new DataView(new ArrayBuffer(8)) });
    const { root, query } = render(model);
    const still = query<HTMLImageElement>(".fs-still");
    expect([still.hidden, root.dataset.kernel]).toEqual([true, undefined]);
    vi.advanceTimersByTime(NOBODY_AFTER);
    expect([still.hidden, still.getAttribute("src"), root.dataset.kernel]).toEqual([
      false,
      "blob:still",
      "none",
    ]);
    expect(query("[role=alert]").textContent).toMatch(NOBODY);
    const asked = model.all.length;
    vi.advanceTimersByTime(600_000);
    expect([root.dataset.busy, model.all.length]).toEqual([undefined, asked]);
  });

  it("goes on where a kernel answers after all, however late", () => {
    saved();
    const model = new Spied();
    const { root } = render(model);
    const first = [...model.sent];
    vi.advanceTimersByTime(NOBODY_AFTER);
    expect(root.dataset.kernel).toBe("none");
    for (const request of first) model.answer(request);
    model.answerAll();
    expect([root.dataset.kernel, root.dataset.ready]).toEqual([undefined, "true"]);
  });
});

describe("a view that was disposed", () => {
  it("leaves no pixels, no listeners and no timers", () => {
    const { model, root, clean } = open();
    const canvases = [...root.querySelectorAll("canvas")];
    slide(root.querySelector("input[name=image]")!, 9);
    clean();
    expect(canvases.every((canvas) => canvas.width * canvas.height === 0)).toBe(true);
    expect(model.listeners).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
