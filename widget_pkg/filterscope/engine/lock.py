"""The engine's lock, which no thread holds while it reads somebody's data."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filterscope.host.process import HomeProcess
from filterscope.host.sigint import defer_sigint, let_sigint_through


class EngineLock:
    """A lock that its holder may acquire again, and set down for a while however often it holds it.

    Example:
        >>> lock = EngineLock()
        >>> with lock, lock, lock.set_down():
        ...     pass  # other threads may hold it here
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._home = HomeProcess()

    def acquire(self, blocking: bool = True) -> bool:
        """Waits until this thread holds it; without `blocking` it says at once whether it does.

        Raises:
            RuntimeError: In a fork of the process that made it, where it may be locked for ever.
        """
        self._home.check()
        return self._lock.acquire(blocking)

    def release(self) -> None:
        """Ends one `acquire` of this thread."""
        self._lock.release()

    def __enter__(self) -> EngineLock:
        """Acquires it."""
        self.acquire()
        return self

    def __exit__(self, *error: Any) -> None:
        """Releases it."""
        self._lock.release()

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
                    self._lock.acquire()

    def _release_all(self) -> int:
        held = 0
        try:
            while True:
                self._lock.release()
                held += 1
        except RuntimeError:  # it is not this thread's any more, or never was
            return held
