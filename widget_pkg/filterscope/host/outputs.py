"""Which cell's output shows an object, and when that output is gone because the cell was run again.

IPython keeps each result of a cell (`Out`, `_`, `__`, `_5`), and ipywidgets keeps every widget, so neither says whether
somebody still wants one. An object whose cells have all been run again, and that no page shows, is in no output any
more; then these let go of it.
"""

from __future__ import annotations

import re
import sys
import weakref
from typing import Any, NamedTuple, Protocol

_RESULT = re.compile(r"_\d+|_{1,3}")


class InOutputs(Protocol):
    """An object that cells show."""

    def cells_ran(self) -> None:
        """Called after a cell ran, in the cell's thread."""


class Cell(NamedTuple):
    """A cell.

    Attributes:
        key: Its id where the host tells it, else its text.
        runs: How often a cell of this key is run before the output of this one is gone: two cells may have one text.
    """

    key: str
    runs: int


class Cells:
    """The cells whose output shows an object.

    Args:
        shown: The object; it is referred to weakly.
    """

    def __init__(self, shown: InOutputs) -> None:
        self._runs_left: dict[str, int] = {}
        self._displayed = False
        self.running = False
        shell = _shell()
        if shell is None:
            return
        cells, owner = weakref.ref(self), weakref.ref(shown)

        def starts(info: Any) -> None:
            live = cells()
            if live is not None:
                live._starts(info)

        def ended(result: Any) -> None:
            live, shown = cells(), owner()
            if live is not None:
                live.running = False
            if shown is not None:
                shown.cells_ran()

        shell.events.register("pre_run_cell", starts)
        shell.events.register("post_run_cell", ended)
        weakref.finalize(self, _unregister, weakref.ref(shell), starts, ended)

    @property
    def were_run_again(self) -> bool:
        """Whether every cell that showed the object was run again since; False where none has shown it."""
        return self._displayed and not self._runs_left

    def displayed(self) -> None:
        """The output of the running cell shows the object now."""
        cell = _running_cell()
        self._displayed = True
        if cell is None:  # shown from elsewhere, by a button: nobody tells when that output is gone
            self._runs_left[""] = 1
        else:
            self._runs_left[cell.key] = cell.runs

    def _starts(self, info: Any) -> None:
        self.running = True
        for key in {str(getattr(info, "cell_id", None)), str(getattr(info, "raw_cell", None))}:
            left = self._runs_left.pop(key, 0) - 1
            if left > 0:
                self._runs_left[key] = left


def forget_result(result: Any) -> None:
    """Takes an object out of IPython's results, `Out` and the names that stand for its last ones."""
    shell = _shell()
    if shell is None:
        return
    names = shell.user_ns
    for name in [name for name, value in names.items() if value is result and _RESULT.fullmatch(name)]:
        if name.strip("_"):
            del names[name]
        else:
            names[name] = ""  # as before the first result
    hook = shell.displayhook
    for name in ("_", "__", "___"):
        if getattr(hook, name, None) is result:
            setattr(hook, name, "")
    for results in (names.get("_oh"), names.get("Out"), getattr(shell, "user_ns_hidden", None)):
        if isinstance(results, dict):
            for key in [key for key, value in results.items() if value is result]:
                del results[key]
    last = getattr(shell, "last_execution_result", None)
    if last is not None and last.result is result:
        last.result = None


def _running_cell() -> Cell | None:
    """The cell that makes this call; None where it is no cell's."""
    shell = _shell()
    parent: dict[str, Any] = getattr(shell, "get_parent", dict)() or {}
    if parent:
        if parent.get("header", {}).get("msg_type") != "execute_request":
            return None
        number = parent.get("metadata", {}).get("cellId")
        return Cell(str(number), 1) if number else Cell(str(parent.get("content", {}).get("code")), 2)
    history = getattr(getattr(shell, "history_manager", None), "input_hist_raw", None)
    # Where a shell is imitated (Solara) it is no list.
    return Cell(str(history[-1]), 2) if isinstance(history, list) and history else None


def _shell() -> Any:
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None or not interactive.InteractiveShell.initialized():
        return None
    return interactive.InteractiveShell.instance()


def _unregister(shell: Any, starts: Any, ended: Any) -> None:
    events = getattr(shell(), "events", None)  # an imitated shell (Solara's) has none
    if events is not None:
        for event, callback in (("pre_run_cell", starts), ("post_run_cell", ended)):
            if callback in events.callbacks[event]:
                events.unregister(event, callback)
