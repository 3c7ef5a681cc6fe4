import { describe, expect, it } from "vitest";
import { type FieldStatus, fieldAsReading } from "../../../src/panels/positions/receptive_field";

const field = (status: FieldStatus) => ({
  inside: [
    [120, 189],
    [7, 8],
  ] as const,
  theoretical: [] as const,
  status,
});

describe("a field in one short line", () => {
  it("is true without its value, for which there may be no room", () => {
    expect(fieldAsReading(field("exact"))).toEqual({ where: "sees rows 120–188, cols 7", value: "exact" });
    expect(fieldAsReading(field("upper bound")).where).toBe("sees at most rows 120–188, cols 7");
    expect(fieldAsReading(field("whole image")).where).toBe("sees the whole image");
  });
});
