"""What a browser test holds: `Lab` (JupyterLab in one browser page) and `NotebookPage` (one notebook open in it)."""

import base64
import re
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import numpy as np
from playwright.sync_api import BrowserContext, Locator, Page

from lab_server import Kernel, LabServer, plain

# What JupyterLab itself does wrong now and then, without any widget.
JUPYTERLAB_NOISE = (
    # It takes its start picture away twice where a page was slow to load. Only where no other code is in the stack.
    r"^page error: NotFoundError: Failed to execute 'removeChild'[^\n]*\n\s+at \S*/static/lab/jlab_core\.[^\n]*$",
    # A tab that is closed while its debugger still asks the kernel for its state.
    r"^console: Could not restore the debugger state: Canceled future for debug_request [^\n]*/static/lab/jlab_core\.",
)

# A page that finds saved outputs draws them before it has asked the kernel for its widgets, and then once more.
TOO_EARLY = r"^console: Error: widget model not found\n\s+at \S*get_model [^\n]*/jupyterlab-manager/"

LIGHT = "JupyterLab Light"

IS_THERE = "() => window.jupyterapp?.commands.hasCommand('docmanager:open')"
FIND_PANEL = "path => [...jupyterapp.shell.widgets('main')].find(w => w.context?.path === path && w.sessionContext)"
OPEN_PANEL = """async path => {
    await jupyterapp.restored;
    const panel = await jupyterapp.commands.execute('docmanager:open', {path, factory: 'Notebook'});
    await panel.context.ready;
    await panel.sessionContext.ready;
}"""
# Cells that are run before the kernel is connected are answered by a dialog instead.
IS_CONNECTED = f"""path => {{
    const kernel = ({FIND_PANEL})(path)?.sessionContext.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}}"""
# The command's promise comes when all cells have run. It is only waited for where the caller asks to.
RUN_CELLS = f"""async ([path, command, index, wait]) => {{
    const panel = ({FIND_PANEL})(path);
    jupyterapp.shell.activateById(panel.id);
    if (index !== null) {{ panel.content.activeCellIndex = index; panel.content.deselectAll(); }}
    const done = jupyterapp.commands.execute(command);
    if (wait) await done;
}}"""
CELL_OUTPUTS = f"""([path, index]) => {{
    const cells = ({FIND_PANEL})(path).content.model.sharedModel.toJSON().cells;
    return (index === null ? cells : [cells[index]]).flatMap(cell => cell.outputs ?? []);
}}"""
SAVE = f"path => ({FIND_PANEL})(path).context.save()"
CLOSE_ALL = "() => { for (const panel of [...jupyterapp.shell.widgets('main')]) panel.dispose(); }"
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


class NotebookPage:
    """One notebook in one browser tab, its widgets, and the kernel behind it."""

    def __init__(self, lab: "Lab", page: Page, path: str, kernel: Kernel):
        self.lab = lab
        self.page = page
        self.path = path
        self.kernel = kernel

    def python(self, code: str, timeout: float = 60):
        """Run code in the notebook's kernel; returns its last expression's value, by way of JSON."""
        return self.kernel.python(code, timeout)

    def expect_python(self, code: str, value: object, timeout: float = 10) -> None:
        """Wait until this code's value in the kernel is that one: what the page sends takes a moment to arrive."""
        deadline = time.monotonic() + timeout
        while (found := self.python(code)) != value:
            assert time.monotonic() < deadline, f"{code} is {found!r}, not {value!r}, after {timeout} s"

    def connect(self) -> None:
        """Open the notebook in this tab, if it is not, and wait until its kernel is connected and idle."""
        self.page.wait_for_function(IS_THERE)
        self.page.evaluate(OPEN_PANEL, self.path)
        self.page.wait_for_function(IS_CONNECTED, arg=self.path)

    def run_all(self, wait: bool = True) -> None:
        """The menu's Run All Cells. With `wait` it returns when all have run, and a cell that raised is an error."""
        self._run("notebook:run-all-cells", None, wait)

    def run_cell(self, index: int, wait: bool = True) -> None:
        """Run one cell, as `run_all` does."""
        self._run("notebook:run-cell", index, wait)

    def _run(self, command: str, index: int | None, wait: bool) -> None:
        self.page.evaluate(RUN_CELLS, [self.path, command, index, wait])
        errors = [output for output in self.outputs(index) if wait and output["output_type"] == "error"]
        if errors:
            raise AssertionError("a cell raised:\n" + plain(errors[0]["traceback"]))

    def outputs(self, index: int | None = None) -> list[dict]:
        """The notebook's outputs (nbformat) of one cell, or of all."""
        return self.page.evaluate(CELL_OUTPUTS, [self.path, index])

    def reload(self) -> None:
        """Save, reload the browser page as F5 does, and wait until the notebook is back with its kernel."""
        self.page.evaluate(SAVE, self.path)
        self.lab.allow(TOO_EARLY)
        self.page.reload()
        self.connect()

    def another_tab(self) -> "NotebookPage":
        """The same notebook (as saved now) and kernel in a second browser tab."""
        self.page.evaluate(SAVE, self.path)
        self.lab.allow(TOO_EARLY)
        tab = NotebookPage(self.lab, self.lab.new_tab(), self.path, self.kernel)
        tab.connect()
        return tab

    def widget(self, n: int = 0) -> Locator:
        """The root element of the page's n-th explorer."""
        return self.page.locator(".filterscope").nth(n)

    def slider(self, name: str, n: int = 0) -> Locator:
        """The slider called image, layer or filter."""
        return self.widget(n).locator(f"input[type=range][name={name}]")

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
            shown = root.evaluate("e => ({...e.dataset})") if root.count() else "no such widget"
            raise AssertionError(f"waited for {wanted}; the widget's data: {shown}") from error
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

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme until the test ends: "JupyterLab Dark", "JupyterLab Light"."""
        self.lab.set_theme(name, self.page)

    def screenshot(self, name: str) -> Path:
        """Save a picture of the page in test-output/."""
        return self.lab.screenshot(name, self.page)


def read_canvas(canvas: Locator) -> np.ndarray:
    """A canvas element's pixels, uint8 (rows, columns, RGBA)."""
    width, height, data = canvas.evaluate(READ_CANVAS)
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


class Lab:
    """JupyterLab in a browser, for one test after the other: one page is kept, its notebooks are closed."""

    def __init__(self, server: LabServer, context: BrowserContext, output: Path):
        self.server = server
        self._context = context
        self._output = output
        self._problems: list[str] = []
        self._allowed: list[str] = []
        self._kernels: list[Kernel] = []
        self._notebooks = 0
        self._theme = LIGHT
        context.on("page", self._watch)
        self.page = context.new_page()
        self.page.goto(server.entrance)

    def _watch(self, page: Page) -> None:
        def said(message) -> None:
            if message.type == "error":
                self._problems.append(f"console: {message.text} ({message.location.get('url', '')})")

        def asked(request) -> None:
            place = urlsplit(request.url)
            if place.scheme in ("http", "https", "ws", "wss") and place.netloc != urlsplit(self.server.url).netloc:
                self._problems.append(f"the page asked the network for {request.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: self._problems.append(f"page error: {error.stack or error.message}"))
        page.on("request", asked)

    def open(self, cells: Sequence[str], run: bool = True) -> NotebookPage:
        """Open a new notebook with these cells on a fresh kernel and, unless told otherwise, run them all."""
        self._notebooks += 1
        path = f"test_{self._notebooks}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.server.root / path)
        kernel = self.server.take_kernel()
        self._kernels.append(kernel)
        session = {"path": path, "name": path, "type": "notebook", "kernel": {"id": kernel.id}}
        self.server.rest("POST", "/api/sessions", session)
        opened = NotebookPage(self, self.page, path, kernel)
        opened.connect()
        if run:
            opened.run_all()
        self.server.start_kernel_ahead()
        return opened

    def new_tab(self) -> Page:
        """Another browser tab with JupyterLab; closed after the test."""
        page = self._context.new_page()
        page.goto(f"{self.server.url}/lab")
        return page

    def allow(self, pattern: str) -> None:
        """Console and page errors that match this regular expression are meant to happen in this test."""
        self._allowed.append(pattern)

    def problems(self) -> list[str]:
        """Console errors, page errors and requests to the network so far, less those that are allowed."""
        allowed = [*JUPYTERLAB_NOISE, *self._allowed]
        return [problem for problem in self._problems if not any(re.search(pattern, problem) for pattern in allowed)]

    def screenshot(self, name: str, page: Page | None = None) -> Path:
        """Save a picture of a page in test-output/."""
        path = self._output / (re.sub(r"[^\w.-]+", "_", name) + ".png")
        (page or self.page).screenshot(path=path)
        return path

    def set_theme(self, name: str, page: Page) -> None:
        """Switch the theme of JupyterLab in this page; the next test starts in the light one again."""
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")
        self._theme = name

    def tidy(self, start_again: bool = False) -> None:
        """Close the test's tabs, notebooks and kernels; with `start_again` load JupyterLab afresh as well."""
        for page in self._context.pages:
            if page is not self.page:
                page.close()
        if start_again:
            self.page.goto(f"{self.server.url}/lab?reset")
        else:
            self.page.evaluate(CLOSE_ALL)
        if self._theme != LIGHT:
            self.page.wait_for_function(IS_THERE)
            self.set_theme(LIGHT, self.page)
        for kernel in self._kernels:
            self.server.end_kernel(kernel)
        self._kernels.clear()
        self._problems.clear()
        self._allowed.clear()
