"""The notebook's cells: whether one is running, and a word when it has ended."""

from __future__ import annotations

import sys
import threading
import weakref
from contextlib import suppress
from typing import Any, Protocol


class FollowsCells(Protocol):
    """What wants to know of cells."""

    def cell_starts(self) -> None:
        """A cell is about to run, in this thread."""

    def cell_ended(self) -> None:
        """It has run, in this thread; also where it raised."""


def follow_cells(follower: FollowsCells) -> bool:
    """Calls the follower before and after each cell while it lives; without IPython there are no cells.

    Returns:
        Whether this call comes from a running cell, which has no start to be told of any more.
    """
    shell = _shell()
    if shell is None:
        return False
    reference = weakref.ref(follower)

    def starts() -> None:
        live = reference()
        if live is not None and not _for_a_message():
            live.cell_starts()

    def ended() -> None:
        live = reference()
        if live is not None and not _for_a_message():
            live.cell_ended()

    shell.events.register("pre_execute", starts)
    shell.events.register("post_execute", ended)
    weakref.finalize(follower, _unregister, weakref.ref(shell), starts, ended)
    return _inside_a_cell()


class CellWatch:
    """Tells whether a cell ran in another thread since a moment: what changed since then may be its doing."""

    def __init__(self) -> None:
        self._begun = 0
        self._thread: int | None = None
        self._runs = False
        if follow_cells(self):
            self.cell_starts()

    def cell_starts(self) -> None:
        """A cell is about to run, in this thread."""
        self._begun += 1
        self._thread, self._runs = threading.get_ident(), True

    def cell_ended(self) -> None:
        """It has run."""
        self._runs = False

    def moment(self) -> int:
        """A number for now."""
        return self._begun

    def elsewhere_since(self, moment: int) -> bool:
        """Whether a cell of another thread runs now or began since that moment."""
        return (self._runs or self._begun != moment) and self._thread != threading.get_ident()


def cells_are_known() -> bool:
    """Whether this host tells of its cells."""
    return _shell() is not None


def _shell() -> Any:
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    return interactive.InteractiveShell.instance()


def _unregister(shell: Any, starts: Any, ended: Any) -> None:
    live = shell()
    if live is not None:
        with suppress(ValueError):
            live.events.unregister("pre_execute", starts)
            live.events.unregister("post_execute", ended)


def _for_a_message() -> bool:
    """Whether an event tells of a widget's message: `comm` sends IPython's events of cells around each, too."""
    return sys._getframe(3).f_globals.get("__name__", "").startswith("comm.")  # this, the callback, trigger, its caller


def _inside_a_cell() -> bool:
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "run_code" and frame.f_globals.get("__name__") == "IPython.core.interactiveshell":
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
