"""Times taken inside the page: from an event to the animation frame in which the right pixels stand.

An explorer says by `data-ready` and `data-image`, `data-layer`, `data-filter` what is painted (the browser tests hold
it to that); a matplotlib figure is another `src` of its image, decoded.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from playwright.sync_api import ElementHandle, Page

from lab import NotebookPage

# A person's pace: the next move comes so many seconds after the last one was painted.
PAUSE = (0.08, 0.2)
DRAG_SECONDS, DRAG_STEPS = 3.0, 180
WARM_UP = 3

SHOWN = """
    const frame = () => new Promise(requestAnimationFrame);
    // A task after an animation frame's callbacks comes when that frame has been laid out and painted.
    const painted = () => new Promise(resolve => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = resolve;
        port2.postMessage(0);
    });
    const shown = (root, wanted) => root.dataset.ready === 'true'
        && Object.entries(wanted).every(([name, value]) => root.dataset[name] === String(value));
"""
# The clock starts at the first event of that type that reaches the page.
AT = """
    const start = await new Promise(resolve => document.addEventListener(
        type, () => resolve(performance.now()), {once: true, capture: true}));
"""
WATCH_ROOT = f"""async ([root, wanted, type]) => {{
    {SHOWN} {AT}
    do await frame(); while (!shown(root, wanted));
    await painted();
    return performance.now() - start;
}}"""
WATCH_FIGURE = f"""async ([output, type]) => {{
    {SHOWN}
    const image = () => output.querySelector('.jp-RenderedImage img');
    const before = image().src;
    {AT}
    while (!image() || image().src === before) await frame();
    await image().decode();
    await frame();
    await painted();
    return performance.now() - start;
}}"""
RUN_TO_PICTURE = f"""async ([path, find]) => {{
    {SHOWN}
    const panel = eval(find)(path);
    panel.content.activeCellIndex = 1;
    panel.content.deselectAll();
    const start = performance.now();
    jupyterapp.commands.execute('notebook:run-cell');
    const root = () => document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden) .filterscope');
    while (!root() || !shown(root(), {{}})) await frame();
    await painted();
    return performance.now() - start;
}}"""
# What a drag shows: the values painted, one an animation frame at the most, and when the last one came.
START_FRAMES = """root => {
    const seen = [];
    const look = () => {
        if (seen.stopped) return;
        const painted = root.dataset.image;
        if (painted !== undefined && painted !== seen.at(-1)) seen.push(painted);
        requestAnimationFrame(look);
    };
    window.framesSeen = seen;
    seen.released = new Promise(resolve => document.addEventListener(
        'pointerup', () => resolve(performance.now()), {once: true, capture: true}));
    look();
}"""
END_FRAMES = f"""async ([root, input]) => {{
    {SHOWN}
    const released = await framesSeen.released;
    while (!shown(root, {{image: input.value}})) await frame();
    await painted();
    const lag = performance.now() - released;
    framesSeen.stopped = true;
    return [new Set(framesSeen).size, lag];
}}"""
START_FIGURES = """output => {
    const seen = new Set();
    const look = () => { const image = output.querySelector('.jp-RenderedImage img'); if (image) seen.add(image.src); };
    window.figuresSeen = {seen, last: performance.now()};
    new MutationObserver(() => { look(); figuresSeen.last = performance.now(); }).observe(
        output, {childList: true, subtree: true, attributes: true});
    figuresSeen.released = new Promise(resolve => document.addEventListener(
        'pointerup', () => resolve(performance.now()), {once: true, capture: true}));
}"""
END_FIGURES = """async () => {
    const released = await figuresSeen.released;
    const quiet = () => performance.now() - Math.max(figuresSeen.last, released);
    while (quiet() < 4000) await new Promise(resolve => setTimeout(resolve, 50));
    return [figuresSeen.seen.size, figuresSeen.last - released];
}"""


def pause(page: Page) -> None:
    """As a person waits between two moves."""
    page.wait_for_timeout(1000 * random.uniform(*PAUSE))


def timed(page: Page, watch: str, argument: list, act: Callable[[], None]) -> float:
    """Milliseconds from what `act` does to the pixels, by a watcher that is there before."""
    timer = page.evaluate_handle(f"argument => {{ const timing = ({watch})(argument); return {{timing}}; }}", argument)
    act()
    return timer.evaluate("timer => timer.timing")


class Moves:
    """An explorer's sliders, moved one step or jump at a time, each waited for."""

    def __init__(self, notebook: NotebookPage) -> None:
        notebook.ready()
        self.notebook = notebook
        self.page = notebook.page
        self.root = notebook.widget().element_handle()

    def key(self, name: str, key: str, change: int) -> float:
        """One arrow key on a slider."""
        slider = self.notebook.slider(name)
        wanted = {name: int(slider.input_value()) + change}
        slider.focus()
        return timed(self.page, WATCH_ROOT, [self.root, wanted, "keydown"], lambda: self.page.keyboard.press(key))

    def steps(self, name: str, count: int, turn: int) -> list[float]:
        """Next, next, …, and back after `turn` steps."""
        times = []
        for step in range(count + WARM_UP):
            forth = step // turn % 2 == 0
            times.append(self.key(name, "ArrowRight" if forth else "ArrowLeft", 1 if forth else -1))
            pause(self.page)
        return times[WARM_UP:]

    def jump(self, name: str, value: int) -> float:
        """To any value, as a click into the slider's track does it."""
        slider = self.notebook.slider(name)
        return timed(
            self.page,
            WATCH_ROOT,
            [self.root, {name: value}, "input"],
            lambda: slider.evaluate(
                "(e, value) => { e.value = value; e.dispatchEvent(new Event('input', {bubbles: true})); }", value
            ),
        )

    def jumps(self, name: str, count: int, values: Callable[[], int]) -> list[float]:
        """To random places, none of them a neighbour."""
        times = []
        for _ in range(count + WARM_UP):
            now = int(self.notebook.slider(name).input_value())
            value = next(value for value in iter(values, None) if abs(value - now) > 1)
            times.append(self.jump(name, value))
            pause(self.page)
        return times[WARM_UP:]

    def drag(self) -> tuple[int, float]:
        """The image slider across most of its width by mouse: different frames shown, and the lag after release."""
        slider = self.notebook.slider("image")
        slider.scroll_into_view_if_needed()
        self.page.evaluate(START_FRAMES, self.root)
        box = slider.bounding_box()
        now, last = slider.evaluate("e => [+e.value, +e.max]")
        thumb = min(box["height"], 16)
        middle = box["x"] + thumb / 2 + (box["width"] - thumb) * now / last
        drag(self.page, box, middle, 0.8 if now < last / 2 else -0.8)
        return tuple(self.page.evaluate(END_FRAMES, [self.root, slider.element_handle()]))


class Course:
    """The course's figure under `interact`."""

    def __init__(self, notebook: NotebookPage) -> None:
        self.page = notebook.page
        area = self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell-outputArea").first
        area.locator(".jp-RenderedImage img").wait_for()
        self.output: ElementHandle = area.element_handle()
        self.handle = area.locator(".noUi-handle")
        self.track = area.locator(".noUi-base")

    def steps(self, count: int) -> list[float]:
        """Next image, by the arrow key."""
        times = []
        for _ in range(count + 2):
            self.handle.focus()
            press = lambda: self.page.keyboard.press("ArrowRight")  # noqa: E731
            times.append(timed(self.page, WATCH_FIGURE, [self.output, "keydown"], press))
            pause(self.page)
        return times[2:]

    def drag(self) -> tuple[int, float]:
        """The same drag as the explorer's."""
        self.page.evaluate(START_FIGURES, self.output)
        handle = self.handle.bounding_box()
        drag(self.page, self.track.bounding_box(), handle["x"] + handle["width"] / 2, 0.8)
        return tuple(self.page.evaluate(END_FIGURES))


def drag(page: Page, track: dict[str, float], handle: float, part: float) -> None:
    """A slider's handle by mouse over a part of its track, in 180 steps over 3 s, as evenly as the machine lets us."""
    middle = track["y"] + track["height"] / 2
    page.mouse.move(handle, middle)
    page.mouse.down()
    start = time.monotonic()
    for step in range(1, DRAG_STEPS + 1):
        time.sleep(max(0.0, start + step * DRAG_SECONDS / DRAG_STEPS - time.monotonic()))
        page.mouse.move(handle + part * track["width"] * step / DRAG_STEPS, middle)
    page.mouse.up()
