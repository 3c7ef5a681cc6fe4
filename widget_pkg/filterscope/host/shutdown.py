"""Closes objects with a thread of their own before Python ends: a thread that computes then makes it abort."""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class Closes(Protocol):
    """An object with a thread of its own that can be ended."""

    def close(self) -> None:
        """Ends the thread, and waits until it has ended."""


_OPEN: weakref.WeakSet[Closes] = weakref.WeakSet()


def close_at_exit(worker: Closes) -> None:
    """Closes a worker when Python ends, if it still exists then."""
    _OPEN.add(worker)


@atexit.register
def _close_all() -> None:
    for worker in list(_OPEN):
        worker.close()
