"""The state of a generator of torch's, read so that no two threads wait for each other for ever."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import TypeVar

State = TypeVar("State")


class _Reading:
    """Reads with garbage collection off, for one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def state(self, read: Callable[[], State]) -> State:
        with self._lock:  # else two threads could leave it off, or on too early
            collects = gc.isenabled()
            gc.disable()
            try:
                return read()
            finally:
                if collects:
                    gc.enable()


_reading = _Reading()


def state_of(read: Callable[[], State]) -> State:
    """The state that a function reads, as `torch.get_rng_state`.

    torch holds the generator's lock while it makes the tensor, and to make one may begin a garbage collection. What
    that frees may let another thread run, as a socket does that is closed. If that one asks for the state as well, it
    waits for the generator's lock and holds Python's own, for which the first one waits: no thread runs any more.
    """
    return _reading.state(read)


def _begin_anew() -> None:
    """In a fork, where another thread may have held the lock."""
    global _reading
    _reading = _Reading()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
