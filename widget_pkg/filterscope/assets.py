"""The built frontend: the module and style sheet that anywidget sends, and the module that a page asks for later."""

from __future__ import annotations

import os
from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def asset_text(name: str) -> str:
    """The text of a file of the frontend, as it is on disk now."""
    return (_STATIC / name).read_text("utf-8")


def asset(name: str) -> Path | str:
    """A file of the frontend: its text, or where it is reloaded while one works on it, its path.

    anywidget watches a path by a callback that keeps every widget alive for good.
    """
    return _STATIC / name if os.environ.get("ANYWIDGET_HMR") == "1" else asset_text(name)


# Read together with the first module: of another build, the names between the two would not agree.
_PANELS = asset("panels.js")


def panels_module() -> str:
    """The text of the page's second module; where the frontend is worked on, as it is on disk now."""
    return _PANELS if isinstance(_PANELS, str) else asset_text("panels.js")
