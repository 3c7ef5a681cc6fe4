"""Work that ends early: what it was for is there, it was cancelled, or a person waits for something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode


class StopPass(BaseException):
    """Ends a pass from wherever it is. Not an `Exception`, so that no net catches it."""


class StopWhen(TorchDispatchMode):
    """Asks before each of torch's operations in the body whether to end there.

    A pass of ResNet-18 takes 60 ms, over an image of 12 megapixels 7 s, and holds the engine's lock: a person who moves
    on meanwhile would wait for it. What an operation would have added to a cache is computed anew later.

    Args:
        due: Whether to end now. Called often: it should take no more than a microsecond.

    Raises:
        StopPass: In the body, once `due` is true.

    Example:
        >>> import torch
        >>> with StopWhen(lambda: False):
        ...     int(torch.ones(3).sum())
        3
    """

    def __init__(self, due: Callable[[], bool]) -> None:
        super().__init__()
        self._due = due
        self._stopped = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Else the first operation imports `torch._dynamo`, which takes 1.1 s of a person's first cell."""
        return False

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if not self._stopped and self._due():  # once: what clears up behind the pass has operations of its own
            self._stopped = True
            raise StopPass
        return func(*args, **(kwargs or {}))

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        super().__exit__(kind, error, traceback)
        # TorchScript's interpreter makes an error of its own of whatever is raised in it.
        if self._stopped and isinstance(error, Exception):
            raise StopPass from None


class Waiters:
    """Who waits for a lock on a person's behalf, and for what.

    Args:
        lock: The lock.
    """

    def __init__(self, lock: threading.RLock) -> None:
        self._lock = lock
        self._awaited: list[Hashable] = []

    @contextmanager
    def turn(self, what: Hashable) -> Iterator[None]:
        """Holds the lock during the body; what the body is for is awaited until then."""
        self._awaited.append(what)
        try:
            self._lock.acquire()
        finally:
            self._awaited.remove(what)
        try:
            yield
        finally:
            self._lock.release()

    def someone_waits(self, except_for: Hashable = None) -> bool:
        """Whether something else than `except_for` is awaited."""
        return any(what != except_for for what in self._awaited)
