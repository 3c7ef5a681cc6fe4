"""The hosts of the tour. Each opens one page with the demo in it, and says what is the host's own way.

All that are Jupyter's run on the one server of the tests (`LabServer`), with the same kernels.
"""

import json
from pathlib import Path

import nbformat
from playwright.sync_api import Browser, Page, expect

from explorer_page import ExplorerPage, Watch, new_context, save_screenshot
from lab import IS_CONNECTED, IS_THERE, JUPYTERLAB_NOISE, OPEN_PANEL, RUN_CELLS, SAVED, Lab
from lab_server import Kernel, LabServer, cell_until
from marimo_host import MarimoPage, MarimoServer
from tour import CELL
from vscode_host import VSCodeHost

CONNECTED = """() => {
    const kernel = jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel;
    return kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}"""
# ipywidgets' manager comes some time after the kernel is connected, and before it no widget can be drawn.
CLASSIC_IS_THERE = """() => {
    const kernel = window.Jupyter?.notebook?.kernel;
    return kernel?.is_connected() && kernel.widget_manager && requirejs.defined('nbextensions/anywidget/extension');
}"""


class Host:
    """One host.

    Attributes:
        name: As in the table.
        packages: Whose versions the table states.
        has_dark: Whether it has a dark theme.
        while_a_cell_runs: When the page gets what it does not hold.
        noise: What it does wrong itself, without any widget: patterns of console and page errors.
        browsers: In which the tests open it.
    """

    name: str
    packages: tuple[str, ...] = ()
    has_dark = True
    while_a_cell_runs = "after the cell"
    noise: tuple[str, ...] = ()
    browsers: tuple[str, ...] = ("Chromium",)

    def open(self) -> ExplorerPage:
        """A page with the demo in it, `explorer` in its Python."""
        raise NotImplementedError

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        """The page, or another one, in the dark theme."""
        raise NotImplementedError

    def run_until(self, opened: ExplorerPage, file: Path) -> None:
        """Begin a cell that runs until the file is there."""
        opened.kernel.start(cell_until(file))

    def its_own(self, opened: ExplorerPage) -> None:
        """What only this host lets one do, after the tour."""

    def problems(self) -> list[str]:
        """What went wrong."""
        raise NotImplementedError

    def screenshot(self, opened: ExplorerPage, name: str) -> Path:
        """A picture in test-output/."""
        raise NotImplementedError

    def tidy(self) -> None:
        """End what was opened."""


class InJupyterLab(Host):
    """JupyterLab, in the page of the other tests."""

    name, packages = "JupyterLab 4", ("jupyterlab",)
    while_a_cell_runs = "at once"
    browsers = ("Chromium", "Firefox", "WebKit")  # the last in test_webkit.py

    def __init__(self, lab: Lab):
        self._lab = lab

    def open(self) -> ExplorerPage:
        return self._lab.open([CELL])

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        opened.theme("JupyterLab Dark")
        return opened

    def its_own(self, opened: ExplorerPage) -> None:
        """Its shortcuts work while the explorer has the focus: the notebook is saved, the list of commands comes."""
        page = opened.page
        page.evaluate(f"path => ({SAVED})(path, false)", opened.path)
        opened.slider("image").focus()
        page.keyboard.press("Control+s")
        page.wait_for_function(f"path => ({SAVED})(path)", arg=opened.path)
        page.keyboard.press("Control+Shift+C")
        expect(page.locator(".lm-CommandPalette-input")).to_be_focused()
        page.keyboard.press("Escape")
        expect(page.locator(".lm-CommandPalette-input")).to_be_hidden()
        opened.ready()

    def problems(self) -> list[str]:
        return self._lab.problems()

    def screenshot(self, opened: ExplorerPage, name: str) -> Path:
        return self._lab.screenshot(name)

    def tidy(self) -> None:
        self._lab.tidy()


class InVSCode(Host):
    """VS Code's widget manager in a page that loads it as the extension does."""

    name, packages = "VS Code's widget manager", ("@vscode/jupyter-ipywidgets8",)

    def __init__(self, host: VSCodeHost):
        self._host = host

    def open(self) -> ExplorerPage:
        return self._host.open(CELL)

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        opened.theme("dark")
        return opened

    def problems(self) -> list[str]:
        return self._host.problems()

    def screenshot(self, opened: ExplorerPage, name: str) -> Path:
        return self._host.screenshot(name, opened.page)

    def tidy(self) -> None:
        self._host.tidy()


class OwnPages(Host):
    """A host whose pages are opened here, in a browser window of their own."""

    def __init__(self, browser: Browser, output: Path, *servers: str):
        self._output = output
        self._context = new_context(browser, viewport={"width": 1400, "height": 1000})
        self._watch = Watch(*servers)

    def new_page(self) -> Page:
        page = self._context.new_page()
        self._watch.page(page)
        return page

    def problems(self) -> list[str]:
        return self._watch.problems(*self.noise)

    def screenshot(self, opened: ExplorerPage, name: str) -> Path:
        return save_screenshot(opened.page, self._output, name, full_page=True)

    def tidy(self) -> None:
        self._context.close()


class OnJupyterServer(OwnPages):
    """A host that the tests' Jupyter server serves."""

    def __init__(self, browser: Browser, output: Path, server: LabServer):
        super().__init__(browser, output, server.url)
        self._server = server
        self._kernels: list[Kernel] = []
        self._path = f"{type(self).__name__}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, server.root / self._path)

    def with_kernel(self) -> Kernel:
        """A kernel with a session for the notebook, so that the page finds it running."""
        kernel = self._server.take_kernel()
        self._kernels.append(kernel)
        session = {"path": self._path, "name": self._path, "type": "notebook", "kernel": {"id": kernel.id}}
        self._server.rest("POST", "/api/sessions", session)
        return kernel

    def at(self, place: str, settings: str = "") -> Page:
        """A page with the notebook."""
        page = self.new_page()
        page.goto(f"{self._server.url}/{place}/{self._path}{self._server.pass_word}{settings}")
        return page

    def tidy(self) -> None:
        super().tidy()
        for kernel in self._kernels:
            self._server.end_kernel(kernel)
        self._server.start_kernel_ahead()


class WithThemes(OnJupyterServer):
    """A host with JupyterLab's themes: the settings of all on one server are the same."""

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        self._theme(opened.page, "JupyterLab Dark")
        return opened

    def _theme(self, page: Page, name: str) -> None:
        page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        page.locator(f'body[data-jp-theme-name="{name}"]').wait_for(state="attached")

    def tidy(self) -> None:
        for page in self._context.pages:
            self._theme(page, "JupyterLab Light")
        super().tidy()


class InFirefox(WithThemes):
    """JupyterLab in Firefox."""

    name, packages = "JupyterLab 4 in Firefox", ("jupyterlab",)
    while_a_cell_runs = "at once"
    noise = JUPYTERLAB_NOISE

    def open(self) -> ExplorerPage:
        kernel = self.with_kernel()
        page = self.at("lab/tree")
        page.wait_for_function(IS_THERE)
        page.evaluate(OPEN_PANEL, self._path)
        page.wait_for_function(IS_CONNECTED, arg=self._path)
        page.evaluate(RUN_CELLS, [self._path, "notebook:run-all-cells", None, True])
        return ExplorerPage(page, kernel)


class InNotebook7(WithThemes):
    """Notebook 7."""

    name, packages = "Notebook 7", ("notebook",)
    while_a_cell_runs = "at once"
    # Its own plugins, looking for settings of JupyterLab's that it does not bring.
    noise = (*JUPYTERLAB_NOISE, r"^page error: TypeError: Cannot read properties of undefined \(reading 'schema'\)")

    def open(self) -> ExplorerPage:
        kernel = self.with_kernel()
        page = self.at("notebooks")
        page.wait_for_function(IS_THERE.replace("docmanager:open", "notebook:run-all-cells"))
        page.wait_for_function(CONNECTED)
        page.evaluate("() => { jupyterapp.commands.execute('notebook:run-all-cells') }")
        return ExplorerPage(page, kernel)


class InNbclassic(OnJupyterServer):
    """The classic notebook of before Notebook 7."""

    name, packages = "nbclassic", ("nbclassic",)
    has_dark = False
    noise = (
        # It looks for the widget manager of IPython 4 and, where voila is installed, for an nbextension that its wheel
        # announces and does not have.
        r"^console: .*nbextensions/widgets/notebook/js/extension\b",
        r"^console: .*nbextensions/voila/extension\b",
    )

    def open(self) -> ExplorerPage:
        kernel = self.with_kernel()
        page = self.at("nbclassic/notebooks")
        page.wait_for_function(CLASSIC_IS_THERE)
        page.evaluate("Jupyter.notebook.execute_all_cells()")
        return ExplorerPage(page, kernel)


class InVoila(OnJupyterServer):
    """Voila: the notebook's outputs as a page, without its code."""

    name, packages = "Voila", ("voila",)
    noise = (
        # Its template's icon font, from a network: without one the page has no icons.
        r"^(console|the page asked the network)\b.*\bcdn\.jsdelivr\.net/npm/@fortawesome/",
        # It loads every extension of JupyterLab that is installed; Notebook 7's asks it for packages it has not.
        r"^console: Error: The getter for the shared module is not a function\.[^\n]*\nargs: [^\n]*@jupyterlab/",
        r"^console: Plugin 'ipyparallel-labextension:plugin' failed to activate\. TypeError: No provider for: @jupyter",
    )

    def open(self, theme: str = "light") -> ExplorerPage:
        page = self.at("voila/render", f"&theme={theme}")
        settings = json.loads(page.locator("#jupyter-config-data").text_content())
        kernel = self._server.kernel(settings["kernelId"])
        self._kernels.append(kernel)
        return ExplorerPage(page, kernel)

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        opened.page.close()
        return self.open("dark")


class InMarimo(OwnPages):
    """marimo's editor, the explorer in `mo.ui.anywidget`."""

    name, packages = "marimo", ("marimo",)

    def __init__(self, browser: Browser, output: Path, server: MarimoServer):
        super().__init__(browser, output, server.url)
        self._server = server

    def open(self) -> ExplorerPage:
        return MarimoPage(self._server, self.new_page(), "light")

    def open_dark(self, opened: ExplorerPage) -> ExplorerPage:
        return MarimoPage(self._server, self.new_page(), "dark")

    def run_until(self, opened: ExplorerPage, file: Path) -> None:
        opened.run_until(file)

    def its_own(self, opened: ExplorerPage) -> None:
        """A cell that reads the widget's value runs again when a slider moves."""
        opened.slider("image").press("Home")
        for image in (1, 2):
            opened.slider("image").press("ArrowRight")
            indices = ", ".join(map(str, [image, *opened.python("[explorer.layer_index, explorer.filter_index]")]))
            expect(opened.page.get_by_text(f"the sliders say {indices}")).to_be_attached()


# The rows of the table; and what goes the tour besides.
HOSTS = (InJupyterLab, InNotebook7, InNbclassic, InVoila, InVSCode, InMarimo)
ALL = (*HOSTS, InFirefox)
