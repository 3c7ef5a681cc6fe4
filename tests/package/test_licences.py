"""Nothing of others is bundled without its licence: the page is built from our sources alone."""

import json
import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
JS = CHECKOUT / "js"
SOURCES = sorted(path for path in (JS / "src").rglob("*") if path.suffix in (".ts", ".css", ".json"))
PACKAGE = CHECKOUT / "widget_pkg" / "filterscope"

LOADS = re.compile(
    r"""(?P<types>\b(?:import|export)\s+type\s[^;]*?\bfrom\s*)?"""  # types are no part of a bundle
    r"""(?(types)|(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*|@import\s+(?:url\(\s*)?))["'](?P<name>[^"']+)["']"""
)


def bundled(text):
    """What of other files a source brings into the bundle."""
    return [load["name"] for load in LOADS.finditer(text) if not load["types"]]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('import { a } from "b";', ["b"]),
        ('import a, { b } from "./c";\nimport "d";', ["./c", "d"]),
        ('export * from "a"; export { b } from "c";', ["a", "c"]),
        ('const a = await import("b");', ["b"]),
        ("const a = require('b');", ["b"]),
        ('@import "a.css"; @import url("b.css");', ["a.css", "b.css"]),
        ('import type { A } from "b";\nexport type { C } from "d";', []),
        ('import type {\n  A,\n} from "b";\nimport { C } from "d";', ["d"]),
    ],
)
def test_what_is_bundled_is_seen(text, names):
    assert bundled(text) == names


def test_the_bundle_is_made_of_our_sources_alone():
    assert len(SOURCES) > 50
    names = {name for path in SOURCES for name in bundled(path.read_text("utf-8"))}
    assert len(names) > 50
    assert [name for name in names if not name.startswith(("./", "../"))] == []
    for path in SOURCES:
        for name in bundled(path.read_text("utf-8")):
            assert (path.parent / name).resolve().is_relative_to(JS / "src"), f"{path} brings {name} into the bundle"


def test_the_frontend_has_no_package_but_tools():
    package = json.loads((JS / "package.json").read_text("utf-8"))
    assert package.keys() & {"dependencies", "peerDependencies", "optionalDependencies", "bundleDependencies"} == set()


def test_what_the_package_ships_of_others_is_beside_its_licence():
    """Anything that is neither Python of ours, nor built from js/src, nor our own net."""
    ours = {".py", ".typed", ".pyc"}
    others = [path for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in ours]
    others = [path for path in others if path.parent != PACKAGE / "static"]
    assert {path.parent.name for path in others} == {"fashion_mnist"}
    licence = PACKAGE / "demo_files" / "fashion_mnist" / "LICENSE"
    assert "Zalando SE" in licence.read_text("utf-8")
    assert licence.relative_to(CHECKOUT).as_posix() in (CHECKOUT / "pyproject.toml").read_text("utf-8")
