// @vitest-environment jsdom
/** The bundle as it travels: members that only the page knows have short names, the wire's and the traits' keep theirs. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { internalNames } from "../internal_names.mjs";
import { TRAITS } from "../src/selection";
import { FakeModel } from "./fake_kernel";
import { usePage } from "./page";

const JS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const BUNDLE = path.join(JS, "..", "widget_pkg", "filterscope", "static", "widget.js");

/** Every name that an interface or a literal of protocol.ts spells out. */
function wireNames() {
  const text = readFileSync(path.join(JS, "src", "protocol.ts"), "utf8");
  const names = new Set();
  const visit = (node) => {
    if (ts.isPropertySignature(node) || ts.isPropertyAssignment(node)) names.add(node.name.getText());
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("protocol.ts", text, ts.ScriptTarget.ES2022, true));
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
];

describe("names in the bundle", () => {
  const internal = internalNames(JS);

  it("are short for what is internal", () => {
    expect(internal).toEqual(expect.arrayContaining(["moveCursor", "putMosaic", "showChannel"]));
    const text = readFileSync(BUNDLE, "utf8");
    for (const name of internal) expect(text, name).not.toMatch(new RegExp(`\\.${name}\\b`));
  });

  it.each(OUTSIDE)("keep %s, which means something outside", (name) => {
    expect(internal).not.toContain(name);
  });
});

describe("the bundle", () => {
  usePage();

  it("asks, paints what the kernel answers, and writes traits under their names", () => {
    const text = readFileSync(BUNDLE, "utf8"); // vite loads no module from outside of js/
    const widget = new Function(text.replace(/export\s*\{\s*(\w+) as default\s*\};?\s*$/, "return $1;"))();
    const model = new FakeModel();
    const el = document.createElement("div");
    document.body.append(el);
    const clean = widget().render({ model: model.model, el });
    model.answerAll();
    const root = el.querySelector(".filterscope");
    expect(root.dataset).toMatchObject({ ready: "true", image: "0", layer: "0", filter: "0" });
    root.querySelector("button[aria-label='next filter']").click();
    expect(model.traits.filter_index).toBe(1);
    clean();
    expect(el.childElementCount).toBe(0);
  });
});
