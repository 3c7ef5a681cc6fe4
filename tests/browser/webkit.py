"""WebKit, as Safari's engine, by its W3C WebDriver: Debian's webkit2gtk-driver, its window on a screen of Xvfb.

Playwright drives only a WebKit of its own making, which no system packages. This speaks the few commands of the
standard that the test needs.
"""

import base64
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from explorer_page import READ_CANVAS
from patience import LIMIT, wait_until
from ports import free_port

MINI_BROWSERS = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's key of an element in JSON
ERRORS = """
window.seenErrors = [];
// JupyterLab takes its start picture away twice where a page was slow to load; no other code is in that stack.
const ofJupyterLab = error => error?.name === 'NotFoundError'
    && error.stack.trim().split('\\n').every(line => /(jlab_core\\.|\\[native code\\])/.test(line));
window.addEventListener('error', event => ofJupyterLab(event.error) || seenErrors.push(String(event.message)));
window.addEventListener('unhandledrejection', event => seenErrors.push(String(event.reason)));
"""


def mini_browser() -> str:
    """The window that the driver opens; its package puts it where only the driver finds it."""
    found = sorted(Path("/").glob(MINI_BROWSERS.lstrip("/")))
    if not found:
        raise RuntimeError(f"there is no {MINI_BROWSERS}, which webkit2gtk-driver's package brings")
    return str(found[-1])


class WebKit:
    """One browser window of 1400 by 1000 pixels."""

    def __init__(self, driver: str):
        self._home = tempfile.mkdtemp(prefix="filterscope-webkit-")
        screen, given = os.pipe()
        self._screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(given), "-screen", "0", "1500x1200x24", "-nolisten", "tcp"],
            pass_fds=[given], stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(given)
        with os.fdopen(screen) as number:
            display = f":{number.readline().strip()}"
        port = free_port()
        env = {
            **os.environ,
            "DISPLAY": display,
            "HOME": self._home,
            "GDK_BACKEND": "x11",
            "WEBKIT_DISABLE_COMPOSITING_MODE": "1",
            "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1",  # only pages of this machine are opened
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self._driver = subprocess.Popen(
            [driver, f"--port={port}"], env=env, start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._url = f"http://127.0.0.1:{port}"
        wait_until(self._is_up, lambda: "WebKitWebDriver did not start")
        options = {"binary": mini_browser(), "args": ["--automation", "--geometry=1400x1100"]}
        capabilities = {"alwaysMatch": {"webkitgtk:browserOptions": options}}
        session = self._ask("POST", "/session", {"capabilities": capabilities})
        self.version = f"{session['capabilities']['browserName']} {session['capabilities']['browserVersion']}"
        self._session = f"/session/{session['sessionId']}"
        milliseconds = round(LIMIT * 1000)
        self._post("/timeouts", {"script": milliseconds, "pageLoad": milliseconds})

    def _is_up(self) -> bool:
        try:
            return bool(self._ask("GET", "/status")["ready"])
        except OSError:
            return False

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=2 * LIMIT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"WebKit: {json.load(error)['value']['message']}") from None

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        return self._ask("POST", self._session + path, body)

    def go(self, url: str) -> None:
        """Opens a page, and notes its errors from now on: `errors`."""
        self._post("/url", {"url": url})
        self.run(ERRORS)

    def errors(self) -> list[str]:
        """What the page threw, and nobody caught."""
        return self.run("return window.seenErrors")

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a function's body in the page; returns what it returns."""
        return self._post("/execute/sync", {"script": script, "args": list(arguments)})

    def call(self, function: str, *arguments: Any) -> Any:
        """Calls a function, waits for its promise; returns what that gives."""
        script = "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
        script += f"Promise.resolve(({function})(...given)).then(done, error => done('failed: ' + error))"
        value = self._post("/execute/async", {"script": script, "args": list(arguments)})
        assert not (isinstance(value, str) and value.startswith("failed: ")), value
        return value

    def wait(self, condition: str, *arguments: Any) -> None:
        """Waits until an expression over `arguments` is true."""
        wait_until(lambda: bool(self.run(f"return {condition}", *arguments)), lambda: f"not so: {condition}")

    def find(self, selector: str) -> dict[str, str]:
        """The first element that matches."""
        return self._post("/element", {"using": "css selector", "value": selector})

    def press(self, *keys: str) -> None:
        """Presses keys, each down and up, on what has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def drag(self, selector: str, start: float, end: float) -> None:
        """Drags the mouse along an element, from one part of its width to another."""
        self.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", selector)
        width = self.run("return document.querySelector(arguments[0]).getBoundingClientRect().width", selector)
        element = self.find(selector)
        at = lambda part: {"type": "pointerMove", "origin": element, "x": round((part - 0.5) * width), "y": 0}  # noqa: E731
        steps = [{**at(start + (end - start) * k / 12), "duration": 10} for k in range(1, 13)]
        moves = [at(start), {"type": "pointerDown", "button": 0}, *steps, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        self._post("/actions", {"actions": [mouse]})

    def pixels(self, selector: str) -> np.ndarray:
        """A canvas's pixels, uint8 (rows, columns, RGBA)."""
        read = f"selector => ({READ_CANVAS})(document.querySelector(selector))"
        width, height, data = self.call(read, selector)
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)

    def screenshot(self, path: Path) -> Path:
        """Saves what the window shows."""
        path.write_bytes(base64.b64decode(self._ask("GET", f"{self._session}/screenshot")))
        return path

    def close(self) -> None:
        """Ends window, driver and screen."""
        with contextlib.suppress(AssertionError, OSError):
            self._ask("DELETE", self._session)
        for process in (self._driver, self._screen):
            process.terminate()
            try:
                process.wait(timeout=LIMIT)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
        shutil.rmtree(self._home, ignore_errors=True)
