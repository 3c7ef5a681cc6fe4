"""VS Code's widget manager in a plain page, with a real kernel: a second host for the browser tests.

The same as in the editor: the manager (npm's @vscode/jupyter-ipywidgets8, which the Jupyter extension ships), the calls
that the extension makes to it, widget modules read from the environment's nbextensions by an AMD loader, the elements
and styles around an output, the light `--jp-*` variables that the manager brings, and a page that is 11,000 px tall.
Played by vscode/page.js: the editor around it (themes, the keys and the wheel it takes for itself). Not there: the
extension's own process, through which every message goes in the editor.
"""

import json
import mimetypes
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlencode, urlsplit

from playwright.sync_api import Browser, Page

from explorer_page import ExplorerPage, Watch, new_context, save_screenshot
from lab_server import Kernel, LabServer, plain
from patience import MILLISECONDS

PAGE = Path(__file__).parent / "vscode"
NODE_MODULES = Path(__file__).parents[2] / "js" / "node_modules"
MANAGER = NODE_MODULES / "@vscode" / "jupyter-ipywidgets8" / "dist" / "ipywidgets.js"
NBEXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"

# The editor makes the page of outputs as tall as the notebook, and scrolls it as a whole.
TALL = 11_000
# The manager's bundle keeps its kernel client to itself: this lets page.js have it.
LETS_IN = b"\nexport { __webpack_require__ as requireInside, __webpack_modules__ as modulesInside };\n"
OUTPUTS_SIZE = "({width: innerWidth, height: Math.max(200, document.getElementById('container').offsetHeight)})"
MODULE_PATH = re.compile(r"""["']?([\w@/.-]+)["']?\s*:\s*["'](nbextensions/[^"']+)["']""")


def widget_scripts() -> dict[str, str]:
    """Widget modules of this environment, by the require.js settings in each nbextension's `extension.js`."""
    found = {}
    for entry in sorted(NBEXTENSIONS.glob("*/extension.js")):
        found |= {
            name: path for name, path in MODULE_PATH.findall(entry.read_text()) if "jupyter-js-widgets" not in path
        }
    return found


class VSCodePage(ExplorerPage):
    """One notebook's outputs as VS Code shows them; cells are run by `run`."""

    def __init__(self, host: "VSCodeHost", page: Page, kernel: Kernel):
        super().__init__(page, kernel)
        self.host = host

    def run(self, code: str) -> None:
        """Run a cell and show its outputs below those that are there."""
        try:
            self.page.evaluate("code => host.run(code)", code)
        except Exception as error:
            raise AssertionError(plain([str(error)])) from error

    def clear(self, n: int = 0) -> None:
        """The n-th output goes, as by "Clear Output": VS Code tells the widget nothing."""
        self.page.evaluate("n => host.clear(n)", n)

    def editor_takes_its_turn(self) -> None:
        """The editor takes the focus a moment after a key: wait until that moment has passed."""
        self.page.evaluate("() => new Promise(done => setTimeout(done))")  # after what was set before

    def theme(self, name: str) -> None:
        """Switch the editor's theme, one of vscode/themes.json: "light", "dark", "Solarized Light", …"""
        self.page.evaluate("name => host.theme(name)", name)

    def themes(self) -> dict[str, tuple[str, dict[str, str]]]:
        """The editor's themes by name: the class that the page's body then has, and the variables."""
        themes = json.loads((PAGE / "themes.json").read_text())
        return {name: (theme["kind"], theme["variables"]) for name, theme in themes.items() if name != "both"}

    def screenshot(self, name: str) -> Path:
        """Save a picture of the outputs in test-output/."""
        return self.host.screenshot(name, self.page)


class PageFiles(BaseHTTPRequestHandler):
    """Serves the page, its loader and manager, and the environment's nbextensions."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        name = address.path.lstrip("/")
        folders = {"nbextensions": NBEXTENSIONS.parent, "require.js": NODE_MODULES / "requirejs"}
        file = folders.get(name.split("/")[0], PAGE) / name
        content = MANAGER.read_bytes() + LETS_IN if name == "ipywidgets.js" else file.is_file() and file.read_bytes()
        self.send_response(200 if content else 404)
        self.send_header("Content-Type", mimetypes.guess_type(name)[0] or "application/octet-stream")
        for policy in parse_qs(address.query).get("policy", []):
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_: object) -> None:
        """Keeps the test's output free of it."""


class VSCodeHost:
    """Opens one page a test, from a server of its own on 127.0.0.1, and notices what goes wrong in it."""

    def __init__(self, server: LabServer, browser: Browser, output: Path):
        if not MANAGER.is_file():
            raise RuntimeError(f"{MANAGER} is missing: run `npm ci` in js/ (`make test` does)")
        self.server = server
        self.output = output
        self._token = parse_qs(urlsplit(server.entrance).query)["token"][0]
        self._context = new_context(browser, viewport={"width": 1400, "height": TALL})
        self._context.add_init_script(path=PAGE / "timers.js")
        self._files = ThreadingHTTPServer(("127.0.0.1", 0), PageFiles)
        self._url = f"http://127.0.0.1:{self._files.server_port}"
        self._watch = Watch(self._url, server.url)
        Thread(target=self._files.serve_forever, daemon=True).start()
        self._kernels: list[Kernel] = []

    def open(self, cell: str, theme: str = "light", width: int = 1400, policy: str | None = None) -> VSCodePage:
        """A fresh page on a fresh kernel, with this cell run and its outputs shown.

        `policy` is the page's content security policy, which has SOURCE where the editor puts its own address.
        """
        kernel = self.server.take_kernel()
        self._kernels.append(kernel)
        page = self._context.new_page()
        page.set_viewport_size({"width": width, "height": TALL})
        self._watch.page(page)
        if policy is not None:
            # The kernel is reached from the page here, in the editor from the extension's process.
            here = f"connect-src {self._url} {self.server.url} {self.server.url.replace('http', 'ws', 1)}"
            policy = policy.replace("SOURCE", self._url).replace("connect-src", here)
        page.goto(f"{self._url}/index.html?{urlencode({'policy': policy or ''})}")
        page.wait_for_function("window.hostIsThere")
        page.evaluate(
            "settings => host.start(settings)",
            {
                "kernelId": kernel.id,
                "server": self.server.url,
                "token": self._token,
                "scripts": widget_scripts(),
                "limit": MILLISECONDS,
            },
        )
        opened = VSCodePage(self, page, kernel)
        opened.theme(theme)
        opened.run(cell)
        self.server.start_kernel_ahead()
        return opened

    def allow(self, pattern: str) -> None:
        """Console and page errors that match this regular expression are meant to happen in this test."""
        self._watch.allow(pattern)

    def problems(self) -> list[str]:
        """What went wrong so far."""
        return self._watch.problems()

    def screenshot(self, name: str, page: Page) -> Path:
        """Save a picture of a page's outputs in test-output/."""
        return save_screenshot(page, self.output, name, clip={"x": 0, "y": 0, **page.evaluate(OUTPUTS_SIZE)})

    def screenshot_pages(self, name: str) -> list[str]:
        """A picture of each page that is open."""
        return [str(self.screenshot(f"{name}_{n}", page)) for n, page in enumerate(self._context.pages)]

    def tidy(self) -> None:
        """Close the test's pages and kernels."""
        for page in self._context.pages:
            page.close()
        for kernel in self._kernels:
            self.server.end_kernel(kernel)
        self._kernels.clear()
        self._watch.clear()

    def close(self) -> None:
        self._context.close()
        self._files.shutdown()
        self._files.server_close()
