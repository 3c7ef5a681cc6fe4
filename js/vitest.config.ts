import { defineConfig } from "vitest/config";

// Nothing here is timed, and the machine may be busy: only what never ends takes as long.
const LIMIT = 120_000;

export default defineConfig({
  test: { include: ["test/**/*.test.{ts,mjs}"], testTimeout: LIMIT, hookTimeout: LIMIT },
});
