/** The files that Python's tests write and both sides read: `tests/wire/*.json`. */

import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "..", "tests", "wire");

export function readFixture(name) {
  return JSON.parse(readFileSync(path.join(FOLDER, `${name}.json`), "utf8")); // vite loads none from outside of js/
}
