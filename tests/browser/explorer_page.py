"""A page that shows explorers, in whatever host: what a test asks of it, and what went wrong in it."""

import base64
import re
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from patience import LIMIT, MILLISECONDS, wait_until

# Drawn onto a plain 2-D canvas first, so that any kind of canvas can be read.
READ_CANVAS = """canvas => new Promise(resolve => {
    const copy = document.createElement('canvas');
    copy.width = canvas.width; copy.height = canvas.height;
    const context = copy.getContext('2d', {willReadFrequently: true});
    context.drawImage(canvas, 0, 0);
    const reader = new FileReader();
    reader.onload = () => resolve([canvas.width, canvas.height, reader.result.split(',')[1]]);
    reader.readAsDataURL(new Blob([context.getImageData(0, 0, canvas.width, canvas.height).data]));
})"""

# What a widget shows, where its sliders stand, and what has the keyboard.
SHOWN = """root => {
    const sliders = [...root.querySelectorAll('input[type=range]')].map(slider => [slider.name, slider.value]);
    const {tagName, className, name} = document.activeElement ?? {};
    return {...root.dataset, sliders: Object.fromEntries(sliders), focus: `${tagName}.${className} ${name ?? ''}`};
}"""


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A browser window of its own, in which what a test waits for may take its time."""
    context = browser.new_context(**options)
    context.set_default_timeout(MILLISECONDS)
    return context


class Python(Protocol):
    """Where the page's explorers live."""

    def python(self, code: str):
        """Run code there; returns its last expression's value, by way of JSON."""


class ExplorerPage:
    """One browser page with explorers in it, and the Python behind them."""

    def __init__(self, page: Page, kernel: Python):
        self.page = page
        self.kernel = kernel

    def python(self, code: str):
        """Run code in the notebook's kernel; returns its last expression's value, by way of JSON.

        What a gesture on the page has set may not have arrived yet: see `expect_python`.
        """
        return self.kernel.python(code)

    def expect_python(self, code: str, value: object, limit: float = LIMIT) -> None:
        """Wait until this code's value in the kernel is that one.

        After a gesture on the page nothing else says that Python knows of it: the page shows what it holds at once.
        """
        seen = []

        def holds() -> bool:
            seen[:] = [self.python(code)]
            return seen == [value]

        wait_until(holds, lambda: f"{code} is {seen[0]!r}, not {value!r}", limit)

    def expect_in_step(self, n: int = 0, name: str = "explorer") -> None:
        """Wait until Python's explorer of that name has the selection that the n-th view shows."""
        shown = self.widget(n).evaluate("e => ['image', 'layer', 'filter'].map(name => Number(e.dataset[name]))")
        self.expect_python(f"[{name}.image_index, {name}.layer_index, {name}.filter_index]", shown)

    def widget(self, n: int = 0) -> Locator:
        """The root element of the page's n-th explorer."""
        return self.page.locator(".filterscope").nth(n)

    def slider(self, name: str, n: int = 0) -> Locator:
        """The slider called image, layer or filter."""
        return self.widget(n).locator(f"input[type=range][name={name}]")

    def with_keyboard(self, name: str, n: int = 0) -> Locator:
        """A slider that has the keyboard, and keeps it.

        Some time after a cell was begun JupyterLab gives the keyboard to that cell, and scrolls to what has it: a key
        pressed before is the cell's. A person sees that.
        """
        self.laid_out()
        slider = self.slider(name, n)
        slider.focus()
        self.laid_out()
        expect(slider).to_be_focused()
        return slider

    def canvas(self, view: str, n: int = 0) -> Locator:
        """The canvas of one view: image, kernel, response, activation or grid."""
        return self.widget(n).locator(f"canvas[data-view={view}]")

    def ready(
        self, n: int = 0, *, image: int | None = None, layer: int | None = None, filter: int | None = None
    ) -> Locator:
        """Wait until what the n-th explorer shows is its selection, and the selection is this one; returns its root.

        The page's second module is there too.
        """
        painted = {
            "data-ready": "true",
            "data-panels": "true",
            "data-image": image,
            "data-layer": layer,
            "data-filter": filter,
        }
        wanted = "".join(f'[{name}="{value}"]' for name, value in painted.items() if value is not None)
        root = self.widget(n)
        try:
            root.and_(self.page.locator(wanted)).wait_for(state="attached")
        except Exception as error:
            shown = root.evaluate(SHOWN, timeout=MILLISECONDS) if root.count() else "no such widget"
            raise AssertionError(f"waited for {wanted}; the widget says: {shown}") from error
        return root

    def laid_out(self) -> None:
        """Wait until what has another size now is laid out by it, as an explorer does in the frame that follows."""
        self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def settled(self, n: int = 0) -> Locator:
        """Wait until nothing is to come that the n-th explorer asks for by itself; returns its root.

        While its strip or the arithmetic of a pinned position is out of date, it is drawn fainter.
        """
        self.laid_out()
        root = self.ready(n)
        root.locator("[data-strip][data-ready=true]").wait_for(state="attached")
        expect(root.locator("[aria-busy=true], .fs-verdicts:not([data-status])")).to_have_count(0)
        return root

    def drag(self, name: str, fraction: float, n: int = 0, steps: int = 12) -> int:
        """Drag a slider's thumb by mouse to a place between 0 (left end) and 1; returns the value it then has."""
        slider = self.slider(name, n)
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box, f"the {name} slider is not visible"
        low, high, now = slider.evaluate("e => [+e.min, +e.max, +e.value]")
        # The thumb's centre travels between half a thumb from either end; thumbs are about as wide as a slider is high.
        thumb = min(box["height"], 16)
        start, end = (
            box["x"] + thumb / 2 + (box["width"] - thumb) * part
            for part in ((now - low) / max(high - low, 1), fraction)
        )
        middle = box["y"] + box["height"] / 2
        mouse = self.page.mouse
        mouse.move(start, middle)
        mouse.down()
        mouse.move(end, middle, steps=steps)
        mouse.up()
        return int(slider.input_value())

    def canvas_pixels(self, view: str, n: int = 0) -> np.ndarray:
        """What a view's canvas holds, uint8 (rows, columns, RGBA), in the canvas's own pixels."""
        return read_canvas(self.canvas(view, n))

    def expect_pixels(self, view: str, pixels: np.ndarray, n: int = 0, step: int = 0) -> None:
        """Wait until a view's canvas shows these pixels (rows, columns, RGB), each to so many levels.

        For what is changed otherwise than by a move: Python has it first, and the page says that it is ready with the
        picture that it has, until it hears of it.
        """
        seen = [np.empty(0)]

        def shows() -> bool:
            seen[0] = self.canvas_pixels(view, n)[..., :3].astype(int)
            return seen[0].shape == pixels.shape and np.abs(seen[0] - pixels).max() <= step

        wait_until(shows, lambda: f"the {view} shows other pixels: {seen[0].tolist()}"[:500])


def read_canvas(canvas: Locator) -> np.ndarray:
    """A canvas element's pixels, uint8 (rows, columns, RGBA)."""
    width, height, data = canvas.evaluate(READ_CANVAS)
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


class Watch:
    """Notices what goes wrong in pages: console errors, uncaught errors, and requests to anywhere but `servers`."""

    def __init__(self, *servers: str):
        self._here = [urlsplit(url).netloc for url in servers]
        self._problems: list[str] = []
        self._allowed: list[str] = []

    def page(self, page: Page) -> None:
        """Watch this page from now on."""

        def said(message) -> None:
            if message.type == "error":
                self._problems.append(f"console: {message.text} ({message.location.get('url', '')})")

        def asked(request) -> None:
            place = urlsplit(request.url)
            if place.scheme in ("http", "https", "ws", "wss") and place.netloc not in self._here:
                self._problems.append(f"the page asked the network for {request.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: self._problems.append(f"page error: {error.stack or error.message}"))
        page.on("request", asked)

    def allow(self, pattern: str) -> None:
        """What matches this regular expression is meant to happen, until `clear`."""
        self._allowed.append(pattern)

    def problems(self, *noise: str) -> list[str]:
        """What went wrong so far, less what is allowed and the host's own noise."""
        known = [*noise, *self._allowed]
        return [problem for problem in self._problems if not any(re.search(pattern, problem) for pattern in known)]

    def clear(self) -> None:
        """Forget it all, for the next test."""
        self._problems.clear()
        self._allowed.clear()


def save_screenshot(page: Page, folder: Path, name: str, **options) -> Path:
    """Save a picture of a page in that folder."""
    path = folder / (re.sub(r"[^\w.-]+", "_", name) + ".png")
    page.screenshot(path=path, **options)
    return path
