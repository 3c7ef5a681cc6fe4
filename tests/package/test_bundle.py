"""The committed bundle: small, loading nothing, and built from the sources beside it."""

import gzip
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
JS = CHECKOUT / "js"
STATIC = CHECKOUT / "widget_pkg" / "filterscope" / "static"
NOTEBOOK = [
    STATIC / "widget.js",
    STATIC / "widget.css",
    STATIC / "panels.js",
    STATIC / "exemplars.js",
    STATIC / "timeline.js",
    STATIC / "lab.js",
    STATIC / "surgery.js",
]
SAVED = [STATIC / "page.js", STATIC / "page_lab.js", STATIC / "page_timeline.js", STATIC / "page.css"]
BUNDLE = NOTEBOOK + SAVED

# Names of XML vocabularies, which nothing ever loads.
NAMESPACES = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1999/xlink")


def sources_hash():
    """The recipe of js/build.mjs, written a second time: it stands in the first lines of that file."""
    files = [path for path in (JS / "src").rglob("*") if path.is_file()]
    files += [JS / "build.mjs", JS / "package-lock.json"]
    digest = hashlib.sha256()
    for name, path in sorted((path.relative_to(JS).as_posix(), path) for path in files):
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def loads(text):
    """Everything in a script or style sheet that would ask a network for something."""
    for namespace in NAMESPACES:
        text = re.sub(re.escape(namespace) + r"""(?=["'`])""", "", text)
    patterns = [
        r"\b(?:https?|wss?):",  # any address at all
        r"""["'`(]//[\w-]+\.\w""",  # one without a scheme
        r"\bimport\s*\((?!\w\))",  # but for one variable, see below
        r"""(?:\bimport|\bfrom)\s*["'`]""",
        r"\b(?:fetch|importScripts|XMLHttpRequest|WebSocket|EventSource|sendBeacon)\b",
        r"@import\b",
        r"""url\(\s*(?!["']?(?:data:|#))""",
    ]
    return [found.group(0) for pattern in patterns for found in re.finditer(pattern, text)]


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("widget.js", 30_000),
        ("panels.js", 30_000),
        ("exemplars.js", 30_000),
        ("timeline.js", 30_000),
        ("lab.js", 30_000),
        ("surgery.js", 30_000),
        ("page.js", 64_000),
        ("page_lab.js", 30_000),
        ("page_timeline.js", 30_000),
    ],
)
def test_a_module_is_small_as_it_travels(name, most):
    assert len(gzip.compress((STATIC / name).read_bytes(), 9)) <= most


@pytest.mark.parametrize("paths", [NOTEBOOK, SAVED], ids=["notebook", "saved page"])
def test_the_one_thing_that_is_imported_is_a_text_that_came_over_the_wire(paths):
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    (found,) = re.finditer(r"\bimport\((\w)\)", text)
    before = text[: found.start()]
    assert re.search(rf"\b{found[1]}=URL\.createObjectURL\(new Blob\(\[\w\],", before[-200:])


@pytest.mark.parametrize("path", BUNDLE, ids=lambda path: path.name)
def test_the_bundle_loads_nothing(path):
    text = path.read_text(encoding="utf-8")
    assert len(text) > 500
    assert loads(text) == []


@pytest.mark.parametrize(
    "text",
    [
        'import("./x.js")',
        "import(x+y)",
        'import x from"x"',
        'import"x"',
        'fetch("x")',
        '@import "x";',
        "a{background:url(x.png)}",
        'img.src="https://x.y/z"',
        'img.src="//x.y/z"',
    ],
)
def test_a_load_would_be_noticed(text):
    assert loads(text)


@pytest.mark.parametrize("path", BUNDLE, ids=lambda path: path.name)
def test_the_bundle_was_built_from_these_sources(path):
    with path.open(encoding="utf-8") as file:
        banner = file.readline().rstrip("\n")
    expected = f"/* filterscope, sources sha256:{sources_hash()} */"
    assert banner == expected, "the bundle is stale: run `make bundle` and commit widget_pkg/filterscope/static"


@pytest.mark.skipif(
    not shutil.which("node") or not (JS / "node_modules" / "esbuild").is_dir(), reason="needs Node and js/node_modules"
)
def test_a_new_build_gives_the_same_bytes():
    done = subprocess.run(["node", JS / "build.mjs", "--check"], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
