"""One thread at a time, in the order in which they ask."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from filterscope.host.sigint import may_divide


class Turns:
    """Lets one thread at a time do something; whoever asks again stands behind all who wait.

    Ctrl-C reaches a main thread that waits for its turn.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: threading.Lock | None = None  # each who asks has a gate, which is open when it is its turn
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Runs the body when it is this thread's turn."""
        gate = threading.Lock()
        try:
            with self._lock:
                if self._holder is None:
                    self._holder = gate
                else:
                    gate.acquire()
                    self._waiting.append(gate)
            _wait(gate)
            yield
        finally:
            self._leave(gate)

    def _leave(self, gate: threading.Lock) -> None:
        with self._lock:
            if gate in self._waiting:  # it was interrupted
                self._waiting.remove(gate)
            elif self._holder is gate:
                self._holder = self._waiting.popleft() if self._waiting else None
                if self._holder is not None:
                    self._holder.release()


def _wait(gate: threading.Lock) -> None:
    gate.acquire()


may_divide(_wait)
