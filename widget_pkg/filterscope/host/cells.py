"""Follows the notebook's cells: calls an object before and after each, and tells whether one runs."""

from __future__ import annotations

import sys
import threading
import weakref
from contextlib import suppress
from types import FrameType
from typing import Any, Protocol


class FollowsCells(Protocol):
    """An object with methods that are called before and after each cell."""

    def cell_starts(self) -> None:
        """Called before a cell runs, in the cell's thread."""

    def cell_ended(self) -> None:
        """Called after a cell ran or raised, in the cell's thread."""


def follow_cells(follower: FollowsCells) -> bool:
    """Calls the follower before and after each cell, as long as it is alive; without IPython there are no cells.

    Returns:
        Whether a cell makes this call: the follower is not told of the start of that cell.
    """
    shell = ipython_shell()
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
    """Tells whether a cell ran in another thread since a moment, and so may have changed something."""

    def __init__(self) -> None:
        self._begun = 0
        self._thread: int | None = None
        self._runs = False
        if follow_cells(self):
            self.cell_starts()

    def cell_starts(self) -> None:
        """Notes that a cell is about to run in this thread."""
        self._begun += 1
        self._thread, self._runs = threading.get_ident(), True

    def cell_ended(self) -> None:
        """Notes that the cell has run."""
        self._runs = False

    def moment(self) -> int:
        """A number that stands for the present moment, for `elsewhere_since`."""
        return self._begun

    def elsewhere_since(self, moment: int) -> bool:
        """Whether a cell of another thread runs now, or began after that moment."""
        return (self._runs or self._begun != moment) and self._thread != threading.get_ident()


def cells_are_known() -> bool:
    """Whether there are cells that can be followed, that is, whether IPython runs."""
    return ipython_shell() is not None


def ipython_shell() -> Any:
    """IPython's shell, or None where none runs."""
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    return interactive.InteractiveShell.instance()


def _unregister(shell: Any, starts: Any, ended: Any) -> None:
    events = getattr(shell(), "events", None)  # an imitated shell (Solara's) has none
    if events is not None:
        with suppress(ValueError):
            events.unregister("pre_execute", starts)
            events.unregister("post_execute", ended)


def _for_a_message() -> bool:
    """Whether IPython's event comes from a widget's message and not from a cell: `comm` triggers it for every one."""
    module: str = sys._getframe(3).f_globals.get("__name__", "")  # this function, the callback, `trigger`, its caller
    return module.startswith("comm.")


def _inside_a_cell() -> bool:
    caller: FrameType | None = sys._getframe()
    while caller is not None:
        if caller.f_code.co_name == "run_code" and caller.f_globals.get("__name__") == "IPython.core.interactiveshell":
            return True
        caller = caller.f_back
    return False
