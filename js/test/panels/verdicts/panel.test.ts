// @vitest-environment jsdom
/** The verdicts beside the pictures: the evidence of a filter, and what is lost without it. */

import { describe, expect, it, vi } from "vitest";
import { FakeModel } from "../../support/fake_kernel";
import { choose, render, seenAgain, slide, usePage } from "../../support/page";

usePage();

const SETTLED = 60;
const POLL = 250;

/** With verdicts on all filters, and the card open. */
function openJudged(behaviour: FakeModel["behaviour"] = {}) {
  const model = new FakeModel();
  model.behaviour = { images: 100, diagnosis: "done", ...behaviour };
  const view = render(model);
  settle(model);
  return { model, ...view };
}

function settle(model: FakeModel) {
  model.answerAll();
  vi.advanceTimersByTime(SETTLED);
  model.answerAll();
}

type Asked = Record<string, unknown>;
const asked = (model: FakeModel, name: string) => model.sent.filter((one) => one.name === name);
const argsOf = (model: FakeModel, name: string) =>
  asked(model, name).map(({ args }) => args as unknown as Asked);

/** The second layer, of an image whose frame was not fetched ahead, is on screen. */
async function otherLayer(model: FakeModel) {
  model.fromPython({ image_index: 50, layer_index: 1 });
  await Promise.resolve();
  model.answer(asked(model, "frame")[0]!);
}

describe("the evidence", () => {
  it("has bars by class, an interval where there are images enough, and says where not", () => {
    const { query } = openJudged();
    const rows = [...query(".fs-card .fs-classes").querySelectorAll("li")];
    expect(rows.map(({ textContent }) => textContent)).toEqual(["Coat+0.100", "Boot+0.0200", "Bag−0.0500"]);
    const ends = rows.map((row) => {
      const { left, width } = row.querySelector<HTMLElement>(".fs-span")?.style ?? {};
      return left && [Number.parseFloat(left), Number.parseFloat(width!)].map((part) => part.toFixed(2));
    });
    // The widest reaches from −0.2: half of the track stands for 0.2.
    expect(ends).toEqual([["62.50", "25.00"], undefined, ["0.00", "75.00"]]);
    expect(rows.map(({ title }) => title)).toEqual([
      "Coat, 95\u00a0%: +0.0500 … +0.150",
      "",
      "Bag, 95\u00a0%: −0.200 … +0.100",
    ]);
    expect(query(".fs-card").textContent).toContain(
      "change of the loss without it, by class, with Student's 95 % intervals; no interval for a class of fewer than 50 images",
    );
    expect(query(".fs-card").textContent).not.toContain("largest"); // all that were seen are here
  });

  it("keeps its own title when colours change while another layer's is on its way", async () => {
    const { model, query } = openJudged();
    expect(query(".fs-card h3").textContent).toBe("conv1, filter 0");
    await otherLayer(model);
    choose(query("select[name=palette]"), "gray");
    expect(query(".fs-card h3").textContent).toBe("conv1, filter 0");
    settle(model);
    expect(query(".fs-card h3").textContent).toBe("conv2, filter 0");
    expect(query(".fs-plain").textContent).toBe("of 1 0");
  });

  it("does not say of a layer what was asked of the one before", async () => {
    const { model, root, query } = openJudged();
    model.emit("msg:custom", { kind: "verdicts" }, []);
    const [old] = asked(model, "verdicts");
    await otherLayer(model);
    model.answer(old!);
    expect(root.querySelector<HTMLElement>(".fs-verdicts")!.dataset.badges).toBe("3"); // as it was
    settle(model);
    expect(query(".fs-summary").textContent).toBe("conv2: all structured.");
    expect(root.querySelectorAll(".fs-badges .fs-badge")).toHaveLength(2);
  });

  it("goes on with what was left unasked when the view is seen again", () => {
    const { model, el, root } = openJudged({ diagnosis: "running" });
    vi.advanceTimersByTime(POLL);
    expect(asked(model, "verdicts")).toHaveLength(1);
    model.sent = []; // lost
    root.remove();
    vi.advanceTimersByTime(60_000);
    expect(asked(model, "verdicts")).toHaveLength(0);
    el.append(root);
    seenAgain(root);
    expect(asked(model, "verdicts")).toHaveLength(1);
  });
});

describe("without a filter", () => {
  const toggle = (query: ReturnType<typeof render>["query"]) => query("button[name=without]").click();
  /** The selected filter is left out, and what that costs is being measured. */
  const openMeasuring = () => {
    const { model, query } = openJudged();
    toggle(query);
    settle(model);
    const measure = query("button[name=measure]");
    measure.click();
    model.answerAll();
    return { model, query, measure };
  };

  it("shows what is known under its own title until the next has come", () => {
    const { model, query } = openJudged();
    toggle(query);
    settle(model);
    const said = () => query(".fs-without").textContent;
    expect(said()).toContain("conv1 without filter 0:");
    expect(said()).toContain("image 0, now Bag; each map replaced by its mean over 64 images");
    slide(query("input[name=filter]"), 1);
    settle(model);
    toggle(query);
    expect(said()).toContain("conv1 without filter 0:"); // its bars are still there
    settle(model);
    expect(said()).toContain("conv1 without filters 0, 1:");
    query("button[name=without-clear]").click();
    expect(query(".fs-both").textContent).toBe("");
  });

  it("shows nothing of other filters while the means are looked for", () => {
    const { model, query } = openJudged();
    toggle(query);
    settle(model);
    model.behaviour.preparing = true;
    slide(query("input[name=filter]"), 1);
    settle(model);
    toggle(query);
    model.answerAll();
    expect(query(".fs-both").textContent).toBe("");
    expect(query(".fs-without").textContent).toContain("Looking at images for the mean");
    model.behaviour.preparing = false;
    vi.advanceTimersByTime(POLL);
    model.answerAll();
    expect(query(".fs-without").textContent).toContain("conv1 without filters 0, 1:");
  });

  it("is measured over many images, whichever image is looked at meanwhile", () => {
    const { model, query, measure } = openMeasuring();
    expect(measure.textContent).toBe("Cancel");
    slide(query("input[name=image]"), 1);
    settle(model);
    expect(measure.textContent).toBe("Cancel");
    model.behaviour.effect = "done";
    vi.advanceTimersByTime(POLL);
    model.answerAll();
    expect(query(".fs-effect").textContent).toContain("The net refuses two images; one at a time.");
    expect(query(".fs-effect").textContent).toContain(
      "90.0\u00a0% → 80.0\u00a0% right, −10.0 points (95\u00a0%: −11.0 … −9.0)",
    );
    slide(query("input[name=image]"), 2);
    settle(model);
    expect(query(".fs-effect").textContent).toContain("90.0\u00a0%"); // it is no image's
    choose(query("select[name=replaced-by]"), "zero");
    expect(query(".fs-effect").textContent).toBe("");
  });

  it("is measured no more once that was cancelled", () => {
    const { model, query, measure } = openMeasuring();
    measure.click();
    expect(argsOf(model, "effect")).toEqual([
      { layer: 0, filters: [0], replaced_by: "mean", images: 1000, cancel: true },
    ]);
    model.answerAll();
    vi.advanceTimersByTime(10 * POLL);
    expect(asked(model, "effect")).toEqual([]);
    expect(measure.textContent).toBe("Measure over 1,000 images");
    expect(query(".fs-effect").textContent).toBe("cancelled");
  });

  it("ends a measurement when other filters are left out, and begins none by itself", () => {
    const { model, query } = openMeasuring();
    choose(query("select[name=replaced-by]"), "zero");
    expect(argsOf(model, "effect")).toMatchObject([{ replaced_by: "mean", cancel: true }]);
    model.answerAll();
    vi.advanceTimersByTime(10 * POLL);
    expect(asked(model, "effect")).toEqual([]);
    expect(query(".fs-effect").textContent).toBe("");
  });
});
