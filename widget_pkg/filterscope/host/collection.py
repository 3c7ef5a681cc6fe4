"""Reads during which no garbage is collected, so that no two threads wait for each other for ever."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class _Reading:
    """Reads with garbage collection off, for one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def read(self, function: Callable[[], Result]) -> Result:
        with self._lock:  # else two threads could leave it off, or on too early
            collects = gc.isenabled()
            try:
                gc.disable()
                return function()
            finally:
                if collects:
                    gc.enable()


_reading = _Reading()


def without_collection(function: Callable[[], Result]) -> Result:
    """What a function reads that holds a lock of Python's or torch's own while it makes objects.

    `torch.get_rng_state` holds the generator's lock, and `sys._current_frames` of Python 3.11 that of the list of
    threads. To make an object may begin a garbage collection, and what that frees, as a tensor or a
    socket, may let another thread run. If that one needs the same lock, it waits for it while it holds the
    interpreter's own, for which the first one waits: no thread runs any more.
    """
    return _reading.read(function)


def _begin_anew() -> None:
    """In a fork, where another thread may have held the lock."""
    global _reading
    _reading = _Reading()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
