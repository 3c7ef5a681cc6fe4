"""Lets Python free an object as soon as nobody holds it, together with what refers to itself in a circle.

The garbage collector finds such circles, as that of an engine and its layers, only after many new objects: a net of
50 MB is some thousands.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

_left = False


def left_behind() -> None:
    """Notes that there may be a circle to free; called where nothing may take long."""
    global _left
    _left = True


def collect() -> None:
    """Frees what was left behind since the last call; takes 0.1 s or more where anything was."""
    global _left
    if _left:
        _left = False
        gc.collect()


def weakly(method: Callable[..., Any], otherwise: Callable[..., Any] = lambda *args: None) -> Callable[..., Any]:
    """A function that calls a method while its object lives, and does not keep it alive; then `otherwise`."""
    reference = weakref.WeakMethod(method)

    def call(*args: Any) -> Any:
        live = reference()
        return otherwise(*args) if live is None else live(*args)

    return call


def followed_by_collect(work: Callable[..., Any]) -> Callable[..., None]:
    """A function that does the work, and frees what was left behind in it."""

    def call(*args: Any) -> None:
        work(*args)
        collect()

    return call
