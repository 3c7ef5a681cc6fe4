"""Reads the built frontend: the module and style sheet that anywidget sends, and the modules that pages load later."""

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


# Read at the same time as the first module, because all must be from one build.
_LATER = {name: asset(name) for name in ("panels.js", "exemplars.js")}
_ASKED_FOR = {"lab": asset("lab.js")}


def later_modules() -> list[str]:
    """The texts of the page's later modules; if `ANYWIDGET_HMR=1`, as they are on disk now."""
    return [text if isinstance(text, str) else asset_text(name) for name, text in _LATER.items()]


def module_asked_for(room: str) -> str:
    """The text of a room's module that pages load when a person opens it; if `ANYWIDGET_HMR=1`, as it is on disk now.

    Raises:
        ValueError: If no room of that name has one.
    """
    if room not in _ASKED_FOR:
        raise ValueError(f"room is {room!r}; choose {' or '.join(map(repr, _ASKED_FOR))}")
    text = _ASKED_FOR[room]
    return text if isinstance(text, str) else asset_text(f"{room}.js")
