"""Work in the background that ends early when a person waits for something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.overrides import TorchFunctionMode


class GaveWay(BaseException):
    """Work ended early, so that a person is answered first. Not an `Exception`, so that no net catches it."""


class GivingWay(TorchFunctionMode):
    """Asks before each of torch's operations in the body whether somebody waits.

    A pass of ResNet-18 takes 60 ms, over an image of 12 megapixels 7 s, and holds the engine's lock: a person who moves
    on meanwhile would wait for it. What an operation would have added to a cache is computed anew later.

    Args:
        waited_for: Whether to end now. Called often: it should take no more than a microsecond.

    Raises:
        GaveWay: In the body, once `waited_for` is true.

    Example:
        >>> import torch
        >>> with GivingWay(lambda: False):
        ...     int(torch.ones(3).sum())
        3
    """

    def __init__(self, waited_for: Callable[[], bool]) -> None:
        super().__init__()
        self._waited_for = waited_for

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self._waited_for():
            raise GaveWay
        return func(*args, **(kwargs or {}))


class Turns:
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

    def awaited(self, but: Hashable = None) -> bool:
        """Whether something else than `but` is awaited."""
        return any(what != but for what in self._awaited)
