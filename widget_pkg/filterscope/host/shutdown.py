"""What has a thread of its own ends before the interpreter does: one that still computes then aborts it."""

from __future__ import annotations

import atexit
import weakref
from typing import Protocol


class Closes(Protocol):
    """What can be ended."""

    def close(self) -> None:
        """Ends it, and waits until it has."""


_OPEN: weakref.WeakSet[Closes] = weakref.WeakSet()


def close_at_exit(worker: Closes) -> None:
    """Closes it when Python ends, if it is still there then."""
    _OPEN.add(worker)


@atexit.register
def _close_all() -> None:
    for worker in list(_OPEN):
        worker.close()
