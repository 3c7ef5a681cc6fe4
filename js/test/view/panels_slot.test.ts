// @vitest-environment jsdom
/** How the later modules come into a view, and what happens where it cannot. */

import { afterEach, describe, expect, it, vi } from "vitest";
import type { Host, Panels } from "../../src/view/host";
import { FakeModel } from "../support/fake_kernel";
import { render, slide, usePage } from "../support/page";

usePage();
afterEach(() => {
  vi.unstubAllGlobals();
});

const names = (model: FakeModel) => model.sent.map(({ name }) => name);

const MODULE = `export default (host) => ({
      layout: () => {}, placed: () => {}, dispose: () => {}, receive: () => {},
      painted: (frame, name) => { host.root.dataset.heard = name; } })`;

/** Panels that note what they hear. */
function listening() {
  const heard: string[] = [];
  let host: Host | null = null;
  const make = (given: Host): Panels => {
    host = given;
    return {
      painted: (frame, layerName) => heard.push(`painted ${frame.image} ${layerName}`),
      cleared: () => heard.push("cleared"),
      receive: (content) => heard.push(`received ${(content as { kind: string }).kind}`),
      layout: () => heard.push("layout"),
      placed: () => heard.push("placed"),
      dispose: () => heard.push("disposed"),
    };
  };
  return { heard, make, host: () => host! };
}

/** The module as a data URL: Node imports that, and no blob's. */
function useDataUrls() {
  const revoked: string[] = [];
  vi.stubGlobal(
    "Blob",
    class {
      constructor(readonly parts: string[]) {}
    },
  );
  vi.stubGlobal("URL", {
    createObjectURL: ({ parts }: { parts: string[] }) =>
      `data:text/javascript,${encodeURIComponent(parts.join(""))}`,
    revokeObjectURL: (url: string) => revoked.push(url),
  });
  return revoked;
}

describe("a later module", () => {
  it("is asked for when the first picture stands, once, and not before", () => {
    const model = new FakeModel();
    const { query } = render(model, null);
    expect(names(model)).toEqual(["describe", "frame"]);
    model.answer(model.sent[0]!);
    expect(names(model)).toEqual(["frame"]);
    model.answer(model.sent[0]!);
    expect(names(model)).toEqual(["panels"]);
    model.answerAll();
    slide(query("input[name=image]"), 1);
    expect(names(model)).toEqual(["frame"]);
  });

  it("comes from its text, hears the frame that it missed, and stands", async () => {
    const revoked = useDataUrls();
    const model = new FakeModel();
    model.behaviour.modules = [MODULE];
    const { root } = render(model, null);
    model.answerAll();
    await vi.waitFor(() => expect(root.dataset.panels).toBe("true"));
    expect(root.dataset.heard).toBe("conv1");
    expect(revoked).toHaveLength(1);
  });

  it("stands where another of them cannot be read", async () => {
    const revoked = useDataUrls();
    const model = new FakeModel();
    model.behaviour.modules = ["no module at all", MODULE];
    const { root } = render(model, null);
    model.answerAll();
    await vi.waitFor(() => expect(root.dataset.panels).toBe("true"));
    expect(root.dataset.heard).toBe("conv1");
    expect(revoked).toHaveLength(2);
  });

  it("leaves a view that was disposed of meanwhile alone", async () => {
    useDataUrls();
    const model = new FakeModel();
    model.behaviour.modules = [MODULE];
    const gone = render(model, null);
    model.answerAll();
    gone.clean();
    const { root } = render(model, null);
    model.answerAll();
    await vi.waitFor(() => expect(root.dataset.panels).toBe("true"));
    expect(gone.root.dataset.panels).toBeUndefined();
  });

  it("may be refused by the page: one quiet sentence, and all else works", async () => {
    vi.stubGlobal("URL", {
      createObjectURL: () => {
        throw new Error("refused");
      },
    });
    const model = new FakeModel();
    const { root, query } = render(model, null);
    model.answerAll();
    await vi.waitFor(() => expect(root.dataset.panels).toBe("false"));
    expect(root.textContent).toContain("this page does not let the widget load its second part");
    expect(query("[role=alert]").textContent).toBe("");
    slide(query("input[name=image]"), 2);
    model.answerAll();
    expect(root.dataset).toMatchObject({ ready: "true", image: "2" });
  });

  it("hears of pictures, messages, errors and the end", () => {
    const model = new FakeModel();
    const { heard, make, host } = listening();
    const { query, clean } = render(model, make);
    expect(host().current()).toBeNull();
    model.answerAll();
    expect(host().current()!.layer).toBe(0);
    expect(heard).toContain("painted 0 conv1");
    expect(heard).toContain("received reply");
    expect(heard).toContain("placed");
    model.behaviour.error = "broken";
    slide(query("input[name=image]"), 1);
    model.answerAll();
    expect(heard.at(-2)).toBe("cleared");
    clean();
    expect(heard.at(-1)).toBe("disposed");
  });
});
