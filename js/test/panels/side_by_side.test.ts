// @vitest-environment jsdom
/** Panels side by side: what goes wrong in one of them stays there. */

import { expect, it, vi } from "vitest";
import { sideBySide } from "../../src/panels/side_by_side";
import type { Panels } from "../../src/view/host";
import { FakeModel } from "../support/fake_kernel";
import { render, slide, usePage } from "../support/page";

usePage();

it("neither the pictures nor the other panels suffer from one that fails", () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const heard: string[] = [];
  const note = (name: string) => () => {
    heard.push(name);
  };
  const fail = () => {
    throw new Error("broken");
  };
  const broken: Panels = {
    painted: fail,
    cleared: fail,
    receive: fail,
    layout: fail,
    placed: fail,
    dispose: fail,
  };
  const whole = { painted: note("painted"), receive: note("receive"), dispose: note("dispose") };
  const model = new FakeModel();
  const { root, query, clean } = render(model, (host) => sideBySide(host, "", [broken, whole]));
  model.answerAll();
  slide(query("input[name=image]"), 3);
  model.answerAll();
  expect(root.dataset).toMatchObject({ ready: "true", image: "3" });
  expect(query("[role=alert]").textContent).toBe("");
  expect(new Set(heard)).toEqual(new Set(["painted", "receive"]));
  expect(logged).toHaveBeenCalledWith(new Error("broken"));
  clean();
  expect(heard.at(-1)).toBe("dispose");
  expect(root.querySelector("style")).toBeNull();
  logged.mockRestore();
});
