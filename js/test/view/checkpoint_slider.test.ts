// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { RESTS_AFTER } from "../../src/state/timing";
import { CheckpointSlider } from "../../src/view/checkpoint_slider";

const TITLES = ["epoch 0", "epoch 1", "epoch 2"];

describe("the checkpoint slider", () => {
  let selected: (number | null)[];
  let slider: CheckpointSlider;
  /** As a view does: what is selected comes back, and is on screen. */
  const follow = (checkpoint: number | null) => {
    selected.push(checkpoint);
    slider.show(checkpoint, TITLES);
    slider.stood(true);
  };
  const button = (name: string) => slider.root.querySelector<HTMLButtonElement>(`button[name=${name}]`)!;
  const range = () => slider.root.querySelector<HTMLInputElement>("input[name=checkpoint]")!;

  beforeEach(() => {
    vi.useFakeTimers();
    selected = [];
    slider = new CheckpointSlider(follow);
  });

  it("is out of sight where there are no checkpoints", () => {
    slider.show(null, []);
    expect(slider.root.hidden).toBe(true);
    slider.show(0, TITLES);
    expect(slider.root.hidden).toBe(false);
    expect(range().max).toBe("2");
    expect(slider.root.textContent).toContain("epoch 0");
  });

  it("plays from where it stands to the end, and stops there", () => {
    slider.show(1, TITLES);
    button("play").click();
    expect(selected).toEqual([]);
    vi.advanceTimersByTime(RESTS_AFTER.play);
    expect(selected).toEqual([2]);
    expect(button("play").textContent).toBe("play");
    vi.advanceTimersByTime(10 * RESTS_AFTER.play);
    expect(selected).toEqual([2]);
  });

  it("begins anew at the end, and waits for each picture", () => {
    slider.show(2, TITLES);
    button("play").click();
    expect(selected).toEqual([0]);
    slider.stood(false); // a picture that does not come holds it up
    vi.advanceTimersByTime(RESTS_AFTER.play);
    expect(selected).toEqual([0, 1]);
    vi.advanceTimersByTime(RESTS_AFTER.play);
    expect(selected).toEqual([0, 1, 2]);
  });

  it("stops where a person stops it, moves it, or the view goes", () => {
    for (const stop of [
      () => button("play").click(),
      () => slider.dispose(),
      () => {
        range().value = "0";
        range().dispatchEvent(new Event("input"));
      },
    ]) {
      slider.show(0, TITLES);
      button("play").click();
      stop();
      selected.length = 0;
      vi.advanceTimersByTime(10 * RESTS_AFTER.play);
      expect(selected).toEqual([]);
    }
  });

  it("stops where another checkpoint comes than the one that is played", () => {
    slider.show(0, TITLES);
    button("play").click();
    slider.show(0, TITLES); // as a view does while it waits
    expect(button("play").textContent).toBe("stop");
    slider.show(2, TITLES);
    slider.stood(true);
    expect(button("play").textContent).toBe("play");
    vi.advanceTimersByTime(10 * RESTS_AFTER.play);
    expect(selected).toEqual([]);
  });

  it("shows the net itself, and goes back to where it stood", () => {
    slider.show(1, TITLES);
    button("net-itself").click();
    expect(selected).toEqual([null]);
    expect(button("net-itself").getAttribute("aria-pressed")).toBe("true");
    expect(range().value).toBe("1");
    expect(slider.root.textContent).toContain("the net itself");
    button("net-itself").click();
    expect(selected).toEqual([null, 1]);
  });
});
