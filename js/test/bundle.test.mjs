// @vitest-environment jsdom
/** The bundle as it travels: all modules work as they were built, the later ones inside of the first. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, vi } from "vitest";
import { FakeModel } from "./support/fake_kernel";
import { usePage } from "./support/page";

const JS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const STATIC = path.join(JS, "..", "widget_pkg", "filterscope", "static");
const textOf = (name) => readFileSync(path.join(STATIC, name), "utf8"); // vite loads no module from outside of js/
/** What a module exports as its default; `loaded` stands for what it would import later. */
const defaultOf = (name, loaded) =>
  new Function(
    "loaded",
    textOf(name)
      .replace(/export\s*\{\s*([\w$]+) as default\s*\};?\s*$/, "return $1;")
      .replace(/\bimport\(/, "loaded("),
  )(loaded);

/** A view of the bundle's own, its first questions answered. */
function rendered(widget, modules = []) {
  const model = new FakeModel();
  model.behaviour.modules = modules;
  const el = document.createElement("div");
  document.body.append(el);
  const clean = widget().render({ model: model.model, el });
  model.answerAll();
  return { model, el, root: el.querySelector(".filterscope"), clean };
}

describe("the bundle", () => {
  usePage();

  it("asks, paints what the kernel answers, and writes traits under their names", () => {
    const widget = defaultOf("widget.js");
    const { model, el, root, clean } = rendered(widget);
    expect(root.dataset).toMatchObject({ ready: "true", image: "0", layer: "0", filter: "0" });
    root.querySelector("button[aria-label='next filter']").click();
    expect(model.traits.filter_index).toBe(1);
    clean();
    expect(el.childElementCount).toBe(0);
  });

  it("lets the later modules point at what the first has painted, and offer a scan", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {}); // jsdom cannot parse nested styles
    vi.stubGlobal("URL", { createObjectURL: () => "blob:", revokeObjectURL: () => {} });
    const later = ["panels.js", "exemplars.js"];
    const coming = later.map((name) => ({ default: defaultOf(name) }));
    const widget = defaultOf("widget.js", async () => coming.shift());
    const { el, root, clean } = rendered(widget, later);
    await vi.waitFor(() => expect(root.dataset.panels).toBe("true"));
    expect(root.querySelector("style").textContent).toContain(".fs-marker");
    const canvas = root.querySelector("canvas[data-view=response]");
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    expect(canvas.closest("figure").querySelector(".fs-readout").textContent).toContain("row 2, col 2");
    expect(canvas.parentElement.querySelector(".fs-marker").hidden).toBe(false);
    expect(root.querySelector("section[data-panel=exemplars]")).not.toBeNull();
    clean();
    expect(el.childElementCount).toBe(0);
  });
});

describe("the style sheets of the second module", () => {
  const read = (...name) => readFileSync(path.join(JS, "src", ...name), "utf8");
  const sources = (room) =>
    readdirSync(path.join(JS, "src", room), { recursive: true })
      .filter((name) => name.endsWith(".ts"))
      .map((name) => read(room, name));
  const classesIn = (text) => new Set(text.match(/\.fs-[a-z-]+/g));

  it("share no class but the first module's: what one says of its parts would move the other's", () => {
    const sheets = [
      ["positions.css", "arithmetic.css"],
      ["verdicts.css", "evidence.css"],
    ];
    const [one, other] = sheets.map((names) =>
      classesIn(names.map((name) => read("styles", name)).join("\n")),
    );
    const first = classesIn(["dom", "view"].flatMap(sources).join("\n"));
    expect(one.size).toBeGreaterThan(20);
    expect([...one].filter((name) => other.has(name) && !first.has(name))).toEqual([]);
  });
});
