// @vitest-environment jsdom
/** The bundle as it travels: members that only the page knows have short names, the wire's and the traits' keep theirs. */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it, vi } from "vitest";
import { internalNames, withPlainPrivates } from "../internal_names.mjs";
import { TRAITS } from "../src/selection";
import { FakeModel } from "./fake_kernel";
import { usePage } from "./page";

const JS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const STATIC = path.join(JS, "..", "widget_pkg", "filterscope", "static");
const textOf = (name) => readFileSync(path.join(STATIC, name), "utf8"); // vite loads no module from outside of js/
/** What a module exports as its default; `loaded` stands for what it would import later. */
const defaultOf = (name, loaded) =>
  new Function(
    "loaded",
    textOf(name)
      .replace(/export\s*\{\s*(\w+) as default\s*\};?\s*$/, "return $1;")
      .replace(/\bimport\(/, "loaded("),
  )(loaded);

/** Every name that an interface or a literal of the wire's files spells out. */
function wireNames() {
  const names = new Set();
  const visit = (node) => {
    if (ts.isPropertySignature(node) || ts.isPropertyAssignment(node)) names.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  for (const name of ["protocol.ts", "point_protocol.ts", "verdict_protocol.ts"]) {
    const text = readFileSync(path.join(JS, "src", name), "utf8");
    visit(ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true));
  }
  return [...names];
}

const OUTSIDE = [
  ...wireNames(),
  ...TRAITS,
  ...["render", "model", "send", "save_changes", "el"], // anywidget's
  ...[
    "dataset",
    "textContent",
    "top",
    "left",
    "width",
    "height",
    "passive",
    "cellWidth",
    "mapRect",
    "tabindex",
  ],
  ...["ArrowUp", "PageUp", "Home", "End"], // keys.ts looks them up by the key that was pressed
];

describe("names in the bundle", () => {
  const internal = internalNames(JS);

  it("are short for what is internal", () => {
    expect(internal).toEqual(expect.arrayContaining(["moveCursor", "putMosaic", "showChannel"]));
    for (const name of internal)
      for (const text of ["widget.js", "panels.js"].map(textOf))
        expect(text, name).not.toMatch(new RegExp(`\\.${name}\\b`));
  });

  it.each(OUTSIDE)("keep %s, which means something outside", (name) => {
    expect(internal).not.toContain(name);
  });
});

describe("private members", () => {
  it("become plain ones of their own class, a subclass's apart from its parent's", () => {
    const text = "class A { #a; #b = '#a'; f(o) { return this.#b + o?.#b; } } class B extends A { #a = 1; }";
    expect(withPlainPrivates("a.ts", text)).toBe(
      "class A { private_0_1; private_0_0 = '#a'; f(o) { return this.private_0_0 + o?.private_0_0; } } " +
        "class B extends A { private_1_0 = 1; }",
    );
  });

  it("stand in no class whose parent has a parent among ours, which would need a third series", () => {
    const parents = new Map();
    for (const name of readdirSync(path.join(JS, "src"), { recursive: true })) {
      if (!name.endsWith(".ts")) continue;
      const text = readFileSync(path.join(JS, "src", name), "utf8");
      for (const [, child, parent] of text.matchAll(/class (\w+) extends (\w+)/g)) parents.set(child, parent);
    }
    expect(parents.size).toBeGreaterThan(1);
    for (const parent of parents.values()) expect(parents.has(parent)).toBe(false);
  });
});

/** A view of the bundle's own, its first questions answered. */
function rendered(widget) {
  const model = new FakeModel();
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

  it("calls what crosses the seam by the same short names in both modules", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {}); // jsdom cannot parse nested styles
    vi.stubGlobal("URL", { createObjectURL: () => "blob:", revokeObjectURL: () => {} });
    const widget = defaultOf("widget.js", async () => ({ default: defaultOf("panels.js") }));
    const { el, root, clean } = rendered(widget);
    await vi.waitFor(() => expect(root.dataset.panels).toBe("true"));
    expect(root.querySelector("style").textContent).toContain(".fs-marker");
    const canvas = root.querySelector("canvas[data-view=response]");
    canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    expect(canvas.closest("figure").querySelector(".fs-readout").textContent).toContain("row 2, col 2");
    expect(canvas.parentElement.querySelector(".fs-marker").hidden).toBe(false);
    clean();
    expect(el.childElementCount).toBe(0);
  });
});

describe("the style sheets of the second module", () => {
  const read = (...name) => readFileSync(path.join(JS, "src", ...name), "utf8");
  const files = (folder, end) => readdirSync(path.join(JS, folder)).filter((name) => name.endsWith(end));
  const classesIn = (text) => new Set(text.match(/\.fs-[a-z-]+/g));

  it("share no class but the first module's: what one says of its parts would move the other's", () => {
    const [one, other] = files("src/panels", ".css").map((name) => classesIn(read("panels", name)));
    const first = classesIn(
      files("src", ".ts")
        .map((name) => read(name))
        .join("\n"),
    );
    expect(one.size).toBeGreaterThan(20);
    expect([...one].filter((name) => other.has(name) && !first.has(name))).toEqual([]);
  });
});
