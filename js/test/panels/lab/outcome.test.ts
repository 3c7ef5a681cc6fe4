// @vitest-environment jsdom
/** What an edit does: a measurement is of what is edited now, also where it was begun a moment before. */

import { expect, it } from "vitest";
import { Outcome } from "../../../src/panels/lab/outcome";
import type { Bench } from "../../../src/panels/lab/part";
import type { LabFilter } from "../../../src/wire/lab";

it("measures what is edited now where the answer to an edit comes behind the click", () => {
  const sent: string[] = [];
  const outcome = new Outcome({
    ask: (name: string) => sent.push(name),
    after: () => {},
  } as unknown as Bench);
  const follow = (revision: number, edits: object[]) =>
    outcome.follow({ image: 0, revision, edits } as unknown as LabFilter);
  const button = outcome.root.querySelector("button")!;
  follow(1, [{}]);
  expect(sent).toEqual(["lab_changes"]);
  button.click();
  follow(2, [{}]);
  expect(sent.slice(1)).toEqual(["lab_effect", "lab_effect", "lab_changes"]);
  expect(button.textContent).toBe("Cancel");
  follow(3, []);
  expect(sent.slice(4)).toEqual(["lab_changes"]);
  expect(button.textContent).toBe("Measure on 1,000 images");
});
