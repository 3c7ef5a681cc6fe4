"""Closes objects with a thread of their own before Python ends: a thread that computes then makes it abort."""

from __future__ import annotations

import atexit
import os
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


if hasattr(os, "register_at_fork"):  # the threads are the parent's: a child that waits for them ends never
    os.register_at_fork(after_in_child=_OPEN.clear)


@atexit.register
def _close_all() -> None:
    for worker in list(_OPEN):
        worker.close()
