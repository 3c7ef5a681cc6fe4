"""The engine's lock, which no thread holds while it reads somebody's data."""

from __future__ import annotations

import os
import weakref
from _thread import RLock
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from filterscope.host.process import not_at_home
from filterscope.host.sigint import defer_sigint, let_sigint_through


class EngineLock(RLock):  # type: ignore[misc]  # its stub calls it final, which it is not
    """A lock that its holder may acquire again, and set down for a while however often it holds it.

    It is entered and left by Python's own C code: Ctrl-C acts between two instructions of Python code, so it would else
    find the lock held by nobody who knows of it.

    In a fork of the process that made it, where it may be locked for ever, acquiring it raises RuntimeError.

    Example:
        >>> lock = EngineLock()
        >>> with lock, lock, lock.set_down():
        ...     pass  # other threads may hold it here
    """

    def __init__(self) -> None:
        super().__init__()
        _locks.add(self)

    @contextmanager
    def set_down(self) -> Iterator[None]:
        """Holds it not at all during the body, and afterwards as often as before.

        What the lock guards may have changed meanwhile.
        """
        with defer_sigint():  # Ctrl-C outside of the body would leave the count wrong
            held = self._release_all()
            try:
                with let_sigint_through():
                    yield
            finally:
                for _ in range(held):
                    self.acquire()

    def _release_all(self) -> int:
        held = 0
        try:
            while True:
                self.release()
                held += 1
        except RuntimeError:  # it is not this thread's any more, or never was
            return held


class _OfAnotherProcess(EngineLock):  # type: ignore[misc]
    """What each lock becomes in a fork."""

    def __enter__(self, *how: Any, **named: Any) -> NoReturn:
        raise not_at_home()

    def acquire(self, *how: Any, **named: Any) -> NoReturn:
        raise not_at_home()

    def release(self) -> None:
        """Nobody else waits for it here."""

    def __exit__(self, *error: Any) -> None:
        """As where the fork happened inside of it."""


_locks: weakref.WeakSet[EngineLock] = weakref.WeakSet()


def _disown() -> None:
    for lock in _locks:
        lock.__class__ = _OfAnotherProcess


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_disown)
