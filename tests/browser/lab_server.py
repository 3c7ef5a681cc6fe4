"""A real JupyterLab server for the browser tests, with nothing of the user's own settings, and its kernels.

`LabServer` is the process, `Kernel` one running kernel. Python is asked through the kernel's own ZMQ channels, so an
assertion about Python state does not pass through the page that it is to judge.
"""

import ast
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient

from patience import LIMIT, wait_until
from ports import free_port

# Saves each test the seconds that importing torch takes; the kernel is a fresh one all the same.
WARM_UP = """
try:
    import filterscope.demo as _
except ImportError:
    pass
"""
AWAITED = " is awaited"
DOES_NOT_ASK_THE_NETWORK = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}


class PythonError(AssertionError):
    """The code that a test ran in the kernel raised; the message holds its traceback."""


def cell_until(file: Path) -> str:
    """A cell that runs until that file is there; first it makes the file whose name has AWAITED behind it."""
    return f"""
import os, time
open({str(file) + AWAITED!r}, "w").close()
while not os.path.exists({str(file)!r}):
    time.sleep(0.02)
"""


def plain(traceback: Sequence[str]) -> str:
    """A kernel's traceback without its colours."""
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(traceback))


class Kernel:
    """One running kernel, asked directly."""

    def __init__(self, kernel_id: str, connection_file: Path):
        self.id = kernel_id
        self._client = BlockingKernelClient(connection_file=str(connection_file))
        self._client.load_connection_file()
        self._client.start_channels(stdin=False, hb=False)
        self._client.wait_for_ready(timeout=LIMIT)

    def python(self, code: str):
        """Run code in the kernel's namespace, between the notebook's cells; returns its last expression's value.

        The value travels as JSON: tuples and arrays arrive as lists. A code without a last expression gives None.
        """
        body = ast.parse(code).body
        value = ast.unparse(body.pop()) if body and isinstance(body[-1], ast.Expr) else "None"
        statements = "\n".join(map(ast.unparse, body))
        as_json = (
            f"__import__('json').dumps({value}, default=lambda v: v.tolist() if hasattr(v, 'tolist') else list(v))"
        )
        reply = {"status": "aborted"}
        while reply["status"] == "aborted":  # unseen, as all that comes just when a cell was interrupted
            request = self._client.execute(
                statements, silent=True, store_history=False, user_expressions={"value": as_json}
            )
            reply = self._reply(request, code)
        answer = reply if reply["status"] == "error" else reply["user_expressions"]["value"]
        if answer["status"] == "error":
            raise PythonError(f"{answer['ename']}: {answer['evalue']}\n{plain(answer['traceback'])}")
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def start(self, code: str) -> None:
        """Begin to run a cell, and do not wait for its end."""
        self._client.execute(code, store_history=False)

    def _reply(self, request: str, code: str) -> dict:
        deadline = time.monotonic() + LIMIT
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = self._client.get_shell_msg(timeout=left)
            except Exception as error:  # queue.Empty, whose own message is empty
                raise PythonError(f"the kernel did not answer within {LIMIT} s: {code}") from error
            if message["parent_header"].get("msg_id") == request:
                return message["content"]
        raise PythonError(f"the kernel did not answer within {LIMIT} s: {code}")

    def close(self) -> None:
        self._client.stop_channels()


class LabServer:
    """JupyterLab on a free port of this machine, in a folder of its own; notebooks live in `root`."""

    def __init__(self, home: Path):
        self.root = home / "notebooks"
        self.root.mkdir()
        self._runtime = home / "runtime"
        self._token = secrets.token_hex(16)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.log = home / "jupyterlab.log"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"]
        command += ["--JupyterNotebookApp.expose_app_in_browser=True"]  # Notebook 7, on the same server
        command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
        command += [f"--ServerApp.root_dir={self.root}"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=home, env=self._environment(home), stdout=log, stderr=log, start_new_session=True
            )
        self._background = ThreadPoolExecutor(1)
        self._ahead: Future[Kernel] | None = None
        self._wait_until_up()
        self.start_kernel_ahead()

    def _environment(self, home: Path) -> dict[str, str]:
        theirs = ("JUPYTER", "IPYTHON", "MPLBACKEND")
        env = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        folders = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"]
        env |= {name: str(home / name.lower()) for name in [*folders, "IPYTHONDIR"]}
        env |= {"JUPYTER_RUNTIME_DIR": str(self._runtime), "JUPYTER_TOKEN": self._token}
        settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / "apputils-extension"
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text(json.dumps(DOES_NOT_ASK_THE_NETWORK))
        return env

    def _wait_until_up(self) -> None:
        def is_up() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"JupyterLab has ended:\n{self.log.read_text()}")
            try:
                self.rest("GET", "/api/status")
            except OSError:  # refused, or broken off by a server that is not ready
                return False
            return True

        wait_until(is_up, lambda: f"JupyterLab did not start:\n{self.log.read_text()}")

    @property
    def entrance(self) -> str:
        """The address that lets a browser in."""
        return f"{self.url}/lab{self.pass_word}"

    @property
    def pass_word(self) -> str:
        """What lets a browser in, behind any of the server's addresses."""
        return f"?token={self._token}"

    def rest(self, method: str, path: str, body: object = None):
        """One call of the server's REST interface; returns the decoded answer."""
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Authorization", f"token {self._token}")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=LIMIT) as answer:
            return json.loads(answer.read() or b"null")

    def start_kernel_ahead(self) -> None:
        """Begin to start the next test's kernel in the background."""
        if self._ahead is None:
            self._ahead = self._background.submit(self._start_kernel)

    def _start_kernel(self) -> Kernel:
        kernel = self.kernel(self.rest("POST", "/api/kernels", {"name": "python3"})["id"])
        kernel.python(WARM_UP)
        return kernel

    def kernel(self, kernel_id: str) -> Kernel:
        """A kernel of this server, asked directly."""
        return Kernel(kernel_id, self._runtime / f"kernel-{kernel_id}.json")

    def take_kernel(self) -> Kernel:
        """The kernel that was started ahead; it is the caller's to end with `end_kernel`."""
        self.start_kernel_ahead()
        kernel = self._ahead.result(timeout=LIMIT)
        self._ahead = None
        return kernel

    def end_kernel(self, kernel: Kernel) -> None:
        kernel.close()
        self.rest("DELETE", f"/api/kernels/{kernel.id}")

    def interrupt(self, kernel: Kernel) -> None:
        """What the stop button does."""
        self.rest("POST", f"/api/kernels/{kernel.id}/interrupt")

    def close(self) -> None:
        """End the kernels and the server."""
        if self._ahead is not None:
            self._ahead.result(timeout=LIMIT).close()
        self._background.shutdown()
        self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
