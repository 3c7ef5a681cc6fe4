"""Reads the built frontend: the module and style sheet that anywidget sends, and the module that a page loads later."""

from __future__ import annotations

import os
from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def asset_text(name: str) -> str:
    """The text of a file of the frontend, read from disk at each call."""
    return (_STATIC / name).read_text("utf-8")


def asset(name: str) -> Path | str:
    """The text of a file of the frontend; its path if `ANYWIDGET_HMR=1`, for work on the frontend.

    anywidget reloads a file by its path. It watches the file with a callback that keeps every widget alive forever, so
    a path is used for nothing else.
    """
    return _STATIC / name if os.environ.get("ANYWIDGET_HMR") == "1" else asset_text(name)


# Read at the same time as the first module, because the two must be from one build.
_PANELS = asset("panels.js")


def panels_module() -> str:
    """The text of the page's second module; if `ANYWIDGET_HMR=1`, as it is on disk now."""
    return _PANELS if isinstance(_PANELS, str) else asset_text("panels.js")
