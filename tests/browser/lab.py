"""What a browser test holds: `Lab` (JupyterLab in one browser page) and `NotebookPage` (one notebook open in it)."""

from collections.abc import Sequence
from pathlib import Path

import nbformat
from playwright.sync_api import BrowserContext, Page

from explorer_page import ExplorerPage, Watch, save_screenshot
from lab_server import Kernel, LabServer, plain

# What JupyterLab itself does wrong now and then, without any widget.
JUPYTERLAB_NOISE = (
    # It takes its start picture away twice where a page was slow to load. Only where no other code is in the stack.
    r"^page error: NotFoundError: Failed to execute 'removeChild'[^\n]*\n\s+at \S*/static/lab/jlab_core\.[^\n]*$",
    # It draws an output before it knows the widget, and then once more: saved outputs of a page that is opened again,
    # and on a busy machine (seen once) a cell's own. A widget that never comes fails the test that waits for it.
    r"^console: Error: widget model not found\n\s+at \S*get_model [^\n]*/jupyterlab-manager/",
    # A notebook that is closed while a subshell is asked for, in which its widget's messages are to be answered.
    r"^page error: Error: Canceled future for create_subshell_request message before replies were done\b",
    # A tab that is closed while its debugger still asks the kernel for its state.
    r"^console: Could not restore the debugger state: Canceled future for debug_request [^\n]*/static/lab/jlab_core\.",
)

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
CELL_RUNS = f"([path, index]) => ({FIND_PANEL})(path).content.widgets[index].model.executionState === 'running'"
# Whether nothing of the notebook is unsaved; with `false` something is from now on.
SAVED = f"""(path, saved) => {{
    const model = ({FIND_PANEL})(path).context.model;
    if (saved === false) model.dirty = true;
    return !model.dirty;
}}"""
SAVE = f"path => ({FIND_PANEL})(path).context.save()"
# They hear of a theme when their own colours have changed.
FOLLOW_THEME = """scheme => [...document.querySelectorAll('.filterscope')].every(
    root => root.getClientRects().length === 0 || getComputedStyle(root).colorScheme === scheme)"""
# For a browser that Playwright does not drive: the notebook at that path is opened, and all its cells are run.
CONNECTED_AND_RUN = f"""async path => {{
    await ({OPEN_PANEL})(path);
    while (!({IS_CONNECTED})(path)) await new Promise(done => setTimeout(done, 50));
    await ({RUN_CELLS})([path, 'notebook:run-all-cells', null, true]);
    return true;
}}"""
THEME = """async theme => {
    await jupyterapp.commands.execute('apputils:change-theme', {theme});
    while (document.body.dataset.jpThemeName !== theme) await new Promise(done => setTimeout(done, 20));
    return true;
}"""
CLOSE_ALL = "() => { for (const panel of [...jupyterapp.shell.widgets('main')]) panel.dispose(); }"


class NotebookPage(ExplorerPage):
    """One notebook in one browser tab, its widgets, and the kernel behind it."""

    def __init__(self, lab: "Lab", page: Page, path: str, kernel: Kernel):
        super().__init__(page, kernel)
        self.lab = lab
        self.path = path

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

    def is_running(self, index: int) -> bool:
        """Whether a cell runs, or waits to."""
        return self.page.evaluate(CELL_RUNS, [self.path, index])

    def wait_for_cell(self, index: int) -> None:
        """Wait until a cell that was begun has ended. The kernel's status does not say so: other requests change it."""
        self.page.wait_for_function(f"which => !({CELL_RUNS})(which)", arg=[self.path, index])

    def outputs(self, index: int | None = None) -> list[dict]:
        """The notebook's outputs (nbformat) of one cell, or of all."""
        return self.page.evaluate(CELL_OUTPUTS, [self.path, index])

    def reload(self) -> None:
        """Save, reload the browser page as F5 does, and wait until the notebook is back with its kernel."""
        self.page.evaluate(SAVE, self.path)
        self.lab.reloaded = True
        self.page.reload()
        self.connect()

    def another_tab(self) -> "NotebookPage":
        """The same notebook (as saved now) and kernel in a second browser tab."""
        self.page.evaluate(SAVE, self.path)
        tab = NotebookPage(self.lab, self.lab.new_tab(), self.path, self.kernel)
        tab.connect()
        return tab

    def theme(self, name: str) -> None:
        """Switch JupyterLab's theme until the test ends: "JupyterLab Dark", "JupyterLab Light"; explorers follow."""
        self.lab.set_theme(name, self.page)
        self.page.wait_for_function(FOLLOW_THEME, arg=name.removeprefix("JupyterLab ").lower())

    def screenshot(self, name: str) -> Path:
        """Save a picture of the page in test-output/."""
        return self.lab.screenshot(name, self.page)


class Lab:
    """JupyterLab in a browser, for one test after the other: one page is kept, its notebooks are closed."""

    def __init__(self, server: LabServer, context: BrowserContext, output: Path):
        self.server = server
        self._context = context
        self._output = output
        self._watch = Watch(server.url)
        self._kernels: list[Kernel] = []
        self._notebooks = 0
        self._theme = LIGHT
        self.reloaded = False
        context.on("page", self._watch.page)
        self.page = context.new_page()
        self.page.goto(server.entrance)

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
        self._watch.allow(pattern)

    def problems(self) -> list[str]:
        """Console errors, page errors and requests to the network so far, less those that are allowed."""
        return self._watch.problems(*JUPYTERLAB_NOISE)

    def screenshot(self, name: str, page: Page | None = None) -> Path:
        """Save a picture of a page in test-output/."""
        return save_screenshot(page or self.page, self._output, name)

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
        # A page that was reloaded restores its notebook a second time, seconds later, even if that is closed by then.
        if start_again or self.reloaded:
            self.reloaded = False
            self.page.goto(f"{self.server.url}/lab?reset")
        else:
            self.page.evaluate(CLOSE_ALL)
        if self._theme != LIGHT:
            self.page.wait_for_function(IS_THERE)
            self.set_theme(LIGHT, self.page)
        for kernel in self._kernels:
            self.server.end_kernel(kernel)
        self._kernels.clear()
        self._watch.clear()
