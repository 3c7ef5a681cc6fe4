"""The commands of the Makefile: demo, test, test-oldest, gpu-check, docs, bundle, clean. Standard library only."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from machine import (
    JS,
    PYTHON,
    ROOT,
    VENV,
    VENV_OLDEST,
    CannotGoOn,
    ensure_chromium,
    ensure_environment,
    ensure_js_packages,
    ensure_node,
    ensure_oldest_environment,
    ensure_other_browsers,
    heading,
)

NOTEBOOK = ROOT / "demo_notebooks" / "01_first_look.ipynb"
# In place of JupyterLab's own default, which asks in a pop-up whether to fetch news. The user's settings still win.
QUIET = '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}'


def check(title: str, command: Sequence[str | Path], folder: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one step; the first that fails ends the task."""
    heading(title)
    try:
        status = subprocess.run(command, cwd=folder, env=env).returncode
    except OSError as error:
        raise CannotGoOn(f"Stopped at “{title}”: {error}.") from error
    if status:
        raise CannotGoOn(f"Stopped at “{title}”: exit status {status}. The lines above say why.")


def frontend_tools() -> dict[str, str]:
    """Node and the frontend's packages, ready; returns the process environment to run them in."""
    folder, npm = ensure_node()
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    ensure_js_packages(npm, env)
    return env


def test() -> None:
    """Install what the tests need, then run every check; pytest comes last, so that its summary is the last line."""
    ensure_environment("test")
    env = frontend_tools()
    chromium = ensure_chromium()
    others = ensure_other_browsers()
    env |= {"FILTERSCOPE_CHROMIUM": chromium, **others}
    browsers = ", ".join([f"Chromium {chromium}", *others.values()])
    print(f"Python {PYTHON}, Node {shutil.which('node', path=env['PATH'])}, {browsers}", flush=True)

    tools = JS / "node_modules" / ".bin"
    check("ruff: lint", [PYTHON, "-m", "ruff", "check", "."])
    check("ruff: format", [PYTHON, "-m", "ruff", "format", "--check", "."])
    check("mypy: types of the Python package", [PYTHON, "-m", "mypy"])
    check("import-linter: the order of the rooms", [PYTHON.with_name("lint-imports"), "--no-cache"])
    check("tsc: types of the frontend", [tools / "tsc", "--noEmit"], JS, env)
    check("biome: lint and format of the frontend", [tools / "biome", "check", "."], JS, env)
    check("dependency-cruiser: the order of the frontend's rooms", [tools / "depcruise", "src"], JS, env)
    check("vitest: frontend unit tests", [tools / "vitest", "run"], JS, env)
    check("the committed bundle is what js/ builds", ["node", "build.mjs", "--check"], JS, env)
    build_docs()
    side_by_side = ["-n", "2", "--no-loadscope-reorder"]  # tests/conftest.py says which process does what
    env["OMP_WAIT_POLICY"] = "passive"  # torch's idle threads spin otherwise, and the other process waits for the core
    check("pytest: Python, wheel, notebook and browser tests", [PYTHON, "-m", "pytest", *side_by_side], ROOT, env)


def test_oldest() -> None:
    """Run the Python tests with the least versions that pyproject.toml allows, in an environment of its own."""
    python = ensure_oldest_environment()
    check("the versions", [python, "-m", "pip", "check"])
    others = [f"--ignore=tests/{folder}" for folder in ("browser", "benchmarks")]
    check("pytest: Python tests with the least versions", [python, "-m", "pytest", "-m", "not tools", *others])


def gpu_check() -> None:
    """Check on a GPU what the tests imitate without one."""
    ensure_environment("test")
    check("on a GPU", [PYTHON, ROOT / "scripts" / "gpu_check.py"])


def build_docs() -> None:
    """Build the documentation into site/; a warning is an error. Nothing is read from a network."""
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # the theme's news of itself is no warning of ours
    check("mkdocs: the documentation site", [PYTHON, "-m", "mkdocs", "build", "--strict", "--quiet"], ROOT, env)


def docs() -> None:
    """Build the documentation site and say where it is."""
    ensure_environment("test")
    build_docs()
    print(f"Open {(ROOT / 'site' / 'index.html').as_uri()}")


def bundle() -> None:
    """Build js/ into the package's static folder."""
    ensure_environment("demo")
    env = frontend_tools()
    check("esbuild: js/ → widget_pkg/filterscope/static", ["node", "build.mjs"], JS, env)


def free_port(first: int = 8888) -> int:
    """The first port from 8888 on that nothing listens on."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise CannotGoOn(f"No port between {first} and {first + 99} is free for JupyterLab.")


def browser_can_open() -> bool:
    """Whether a browser window would appear in front of the person who typed the command."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("CI"):
        return False
    if sys.platform.startswith("linux"):
        screen = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        # Browsers refuse to run as root, which is what one is in a container.
        return bool(screen) and os.geteuid() != 0
    return True


def wait_until_up(server: subprocess.Popen[bytes], port: int) -> None:
    """Return when JupyterLab answers."""
    while server.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise CannotGoOn("JupyterLab ended before it answered; the lines above say why.")


def announce(url: str, port: int) -> None:
    """Say where the notebook is, and open it where a browser can be."""
    opened = browser_can_open() and webbrowser.open(url)
    lines = [f"JupyterLab is running with {NOTEBOOK.relative_to(ROOT)}.", ""]
    if opened:
        lines += ["It opens in your browser; if it does not, open this address:", "", f"    {url}", ""]
    else:
        lines += ["No browser can be opened from here. Open this address in one:", "", f"    {url}", ""]
        lines += ["Is your browser on another computer? Then run this there first, and keep it running:", ""]
        lines += [f"    ssh -N -L {port}:127.0.0.1:{port} {socket.gethostname()}", ""]
    lines += ["In JupyterLab: menu Run, Run All Cells. Press Ctrl-C here to stop."]
    heading("\n    ".join(lines))


def demo() -> None:
    """Install the package and JupyterLab, and open the first notebook."""
    if not NOTEBOOK.is_file():
        raise CannotGoOn(f"{NOTEBOOK} is missing: this checkout is not complete.")
    ensure_environment("demo")
    heading("Starting JupyterLab")
    settings = VENV / "share" / "jupyter" / "lab" / "settings" / "overrides.json"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text(QUIET)
    port, token = free_port(), secrets.token_hex(16)
    command: list[str | Path] = [PYTHON, "-m", "jupyterlab", "--no-browser", "--log-level=WARN"]
    command += ["--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    command += [f"--ServerApp.root_dir={NOTEBOOK.parent}", "--ServerApp.answer_yes=True"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    # The token goes by the environment: arguments are there for every user of the machine to read.
    server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "JUPYTER_TOKEN": token})
    try:
        wait_until_up(server, port)
        announce(f"http://127.0.0.1:{port}/lab/tree/{NOTEBOOK.name}?token={token}", port)
        status = server.wait()
        if status:
            raise CannotGoOn(f"JupyterLab ended with exit status {status}; the lines above say why.")
    except KeyboardInterrupt:
        # Ctrl-C reaches the server as well; it ends its kernels first.
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=10)
    finally:
        if server.poll() is None:
            server.terminate()
            server.wait()
        print("\nJupyterLab has stopped.")


def clean() -> None:
    """Remove everything that the other tasks made."""
    caches = [".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache", "test-output", "build", "dist", "site"]
    for folder in [VENV, VENV_OLDEST, JS / "node_modules", *(ROOT / name for name in caches)]:
        if folder.is_dir():
            print(f"removing {folder.relative_to(ROOT)}")
            shutil.rmtree(folder)


def main() -> int:
    """Run the task that the command line names."""
    tasks = {
        "demo": demo,
        "test": test,
        "test-oldest": test_oldest,
        "gpu-check": gpu_check,
        "docs": docs,
        "bundle": bundle,
        "clean": clean,
    }
    try:
        tasks[sys.argv[1]]()
    except CannotGoOn as reason:
        sys.stdout.flush()
        print(f"\nmake {sys.argv[1]}: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
