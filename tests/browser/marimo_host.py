"""marimo's editor in a browser: one server for the run, one notebook file for each theme."""

import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from multiprocessing.connection import Listener
from pathlib import Path

from playwright.sync_api import Page

from explorer_page import ExplorerPage
from lab_server import AWAITED
from marimo_link import ADDRESS, SECRET, MarimoKernel
from patience import LIMIT, wait_until
from ports import free_port

# Cells run when the notebook is opened; nothing is fetched from a network.
SETTINGS = """
[runtime]
auto_instantiate = true
[save]
autosave = "off"
[server]
disable_file_downloads = true
[display]
theme = "{theme}"
"""
NOTEBOOK = """# /// script
# [tool.marimo.display]
# theme = "{theme}"
# ///
import marimo

app = marimo.App(width="full")


@app.cell
def _():
    import os
    import time
    import marimo as mo
    from filterscope import Explorer, demo
    from marimo_link import answer_the_test
    return Explorer, answer_the_test, demo, mo, os, time


@app.cell
def _(Explorer, demo, mo):
    explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
    widget = mo.ui.anywidget(explorer)
    widget
    return explorer, widget


@app.cell
def _(mo, widget):
    mo.md(f"the sliders say {{widget.value['image_index']}}, {{widget.value['layer_index']}}, {{widget.filter_index}}")
    return


@app.cell
def _(mo):
    path = mo.ui.text(label="run until this file is there")
    path
    return (path,)


@app.cell
def _(mo, os, path, time):
    if path.value:
        open(path.value + "{awaited}", "w").close()
    while path.value and not os.path.exists(path.value):
        time.sleep(0.02)
    mo.md("it ran" if path.value else "")
    return


@app.cell
def _(answer_the_test, explorer):
    answer_the_test(globals())
    explorer and None
    return


if __name__ == "__main__":
    app.run()
"""


class MarimoServer:
    """`marimo edit` on a free port of this machine, with nothing of the user's own settings."""

    def __init__(self, home: Path):
        self._token = secrets.token_hex(16)
        secret = secrets.token_bytes(16)
        self.listener = Listener(("127.0.0.1", 0), authkey=secret)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = home / "marimo.log"
        notebooks, settings = home / "notebooks", home / "config" / "marimo"
        notebooks.mkdir(parents=True)
        settings.mkdir(parents=True)
        (settings / "marimo.toml").write_text(SETTINGS.format(theme="light"))
        for theme in ("light", "dark"):
            (notebooks / f"{theme}.py").write_text(NOTEBOOK.format(theme=theme, awaited=AWAITED))
        folders = {name: str(home / "config") for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
        env = {**os.environ, **folders, ADDRESS: str(self.listener.address[1]), SECRET: secret.hex()}
        env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-m", "marimo", "edit", str(notebooks), "--headless", "--skip-update-check"]
        command += ["--host", "127.0.0.1", "--port", str(port), "--token-password", self._token]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=home, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self._wait_until_up()

    def _wait_until_up(self) -> None:
        def is_up() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"marimo has ended:\n{self._log.read_text()}")
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=LIMIT).close()
            except OSError:  # refused, or broken off by a server that is not ready
                return False
            return True

        wait_until(is_up, lambda: f"marimo did not start:\n{self._log.read_text()}")

    def address(self, notebook: str) -> str:
        """The address that lets a browser into a notebook."""
        return f"{self.url}/?access_token={self._token}&file={notebook}"

    def close(self) -> None:
        """End the server and its kernels."""
        self.listener.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)


class MarimoPage(ExplorerPage):
    """One notebook in marimo's editor."""

    def __init__(self, server: MarimoServer, page: Page, theme: str):
        page.goto(server.address(f"{theme}.py"))
        super().__init__(page, MarimoKernel(server.listener))

    def run_until(self, file: Path) -> None:
        """A cell runs until that file is there."""
        field = self.page.get_by_label("run until this file is there")
        field.fill(str(file))
        field.press("Enter")
