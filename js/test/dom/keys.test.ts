import { describe, expect, it } from "vitest";
import { keyTarget } from "../../src/dom/keys";

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
