// @vitest-environment jsdom
import { afterEach, describe, expect, it } from "vitest";
import { keepOwnKeys, keyTarget } from "../../src/dom/keys";

describe("a key", () => {
  const line = { columns: 1, jump: 10 };
  const rows = { columns: 5, jump: 10 };

  it("moves the cursor within the list", () => {
    expect(keyTarget("ArrowRight", 9, line, 100)).toBe(10);
    expect(keyTarget("ArrowLeft", 0, line, 100)).toBe(0);
    expect(keyTarget("ArrowDown", 3, line, 100)).toBe(4);
    expect(keyTarget("ArrowUp", 0, line, 100)).toBe(0);
    expect(keyTarget("ArrowDown", 3, rows, 100)).toBe(8);
    expect(keyTarget("PageDown", 95, line, 100)).toBe(99);
    expect(keyTarget("PageUp", 25, line, 100)).toBe(15);
    expect(keyTarget("Home", 25, line, 100)).toBe(0);
    expect(keyTarget("End", 25, line, 100)).toBe(99);
    expect(keyTarget("a", 25, line, 100)).toBeNull();
  });

  it("stays in its column at the first and the last row", () => {
    expect(keyTarget("ArrowUp", 3, rows, 12)).toBe(3);
    expect(keyTarget("ArrowDown", 8, rows, 12)).toBe(8);
    expect(keyTarget("ArrowDown", 6, rows, 12)).toBe(11);
  });
});

describe("a key that is pressed in the widget", () => {
  const undo: (() => void)[] = [];
  afterEach(() => {
    for (const each of undo.splice(0)) each();
    document.body.replaceChildren();
  });

  /** Which of the keys reach a host that listens at its document, and which run commands of Jupyter's. */
  function pressed(keys: readonly KeyboardEventInit[], target: HTMLElement) {
    const root = document.createElement("div");
    root.append(target);
    document.body.append(root);
    const reach: string[] = [];
    const commands: string[] = [];
    const host = (event: Event) => reach.push((event as KeyboardEvent).key);
    const jupyter = (event: Event) => {
      const inside = (event.target as Element).closest("[data-lm-suppress-shortcuts]");
      if (!inside) commands.push((event as KeyboardEvent).key);
    };
    document.addEventListener("keydown", host);
    document.addEventListener("keydown", jupyter, true);
    undo.push(keepOwnKeys(root), () => {
      document.removeEventListener("keydown", host);
      document.removeEventListener("keydown", jupyter, true);
    });
    for (const key of keys) target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...key }));
    return { reach: reach.join(" "), commands: commands.join(" ") };
  }
  const slider = () => Object.assign(document.createElement("input"), { type: "range" });
  const text = () => Object.assign(document.createElement("input"), { type: "text" });

  it("is the widget's where it has no modifier", () => {
    const keys = ["a", "d", "ArrowUp", "Home", "Enter", "Escape", " "].map((key) => ({ key }));
    for (const target of [slider(), text()])
      expect(pressed([...keys, { key: "Enter", shiftKey: true }], target)).toEqual({
        reach: "",
        commands: "",
      });
  });

  it("is the host's with one, and as a function key, also after the widget's own", () => {
    const keys = [
      { key: "s", ctrlKey: true },
      { key: "a" },
      { key: "P", ctrlKey: true, shiftKey: true },
      { key: "F1" },
      { key: "z", altKey: true },
      { key: "s", metaKey: true },
    ];
    const hosts = "s P F1 z s";
    for (const target of [slider(), text()])
      expect(pressed(keys, target)).toEqual({ reach: hosts, commands: hosts });
  });

  it("is a text's own where it copies, selects or undoes there", () => {
    const keys = ["a", "c", "v", "x", "z"].map((key) => ({ key, ctrlKey: true }));
    expect(pressed([...keys, { key: "Z", metaKey: true, shiftKey: true }], text()).reach).toBe("");
    expect(pressed(keys, slider()).reach).toBe("a c v x z");
    expect(pressed([{ key: "C", ctrlKey: true, shiftKey: true }], text()).reach).toBe("C");
  });

  it("is left alone once the widget has gone", () => {
    const root = document.createElement("div");
    document.body.append(root);
    keepOwnKeys(root)();
    let reached = false;
    document.addEventListener("keydown", () => (reached = true), { once: true });
    root.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true }));
    expect(reached).toBe(true);
  });
});
