"""Ends work early: because its result is there, because it was cancelled, or because a person waits for other work."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import overrides
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.errors import EndsWork
from filterscope.host.sigint import never_divide

# torch takes a mode off its stack while the mode works, and puts it back.
never_divide(
    TorchDispatchMode.__enter__,
    TorchDispatchMode.__exit__,
    overrides.TorchFunctionMode.__enter__,
    overrides.TorchFunctionMode.__exit__,
    overrides._push_mode,
    overrides._pop_mode,
    overrides._pop_mode_temporarily.__wrapped__,  # type: ignore[attr-defined]
)


class StopPass(EndsWork):
    """Ends a forward pass at any place in it. Not an `Exception`, so that no net catches it."""


class StopWhen(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Ends the body of a `with` statement before one of torch's operations, as soon as a condition is true.

    A pass of ResNet-18 takes 60 ms, over an image of 12 megapixels 7 s, and holds the engine's lock: a person who moves
    on meanwhile would wait for it. What the rest of the pass would have added to a cache is computed later.

    Args:
        due: Returns whether to end now. It is called before each operation, so it should take at most a microsecond.

    Raises:
        StopPass: In the body, at the first operation before which `due` returns True.

    Example:
        >>> import torch
        >>> with StopWhen(lambda: False):
        ...     int(torch.ones(3).sum())
        3
    """

    def __init__(self, due: Callable[[], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._due = due
        self._stopped = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: otherwise the first operation imports `torch._dynamo`, which adds 1.1 s to a user's first cell."""
        return False

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if not self._stopped and self._due():  # only once: the cleaning up after the pass runs operations, too
            self._stopped = True
            raise StopPass
        return func(*args, **(kwargs or {}))

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        super().__exit__(kind, error, traceback)  # type: ignore[no-untyped-call]
        # TorchScript's interpreter turns everything that is raised in it into an error of its own.
        if self._stopped and isinstance(error, Exception):
            raise StopPass from None


class Lock(Protocol):
    """What a thread holds in the body of `with`."""

    def __enter__(self) -> Any:
        """Waits until this thread holds it."""

    def __exit__(self, *error: Any) -> None:
        """Ends that."""


class Waiters:
    """The threads that wait for a lock for a person, and the purpose of each.

    Args:
        lock: The lock.
    """

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._awaited: list[Hashable] = []

    @contextmanager
    def turn(self, purpose: Hashable) -> Iterator[None]:
        """Holds the lock during the body.

        Args:
            purpose: What the body does. `someone_waits` counts it until the lock is acquired.
        """
        self._awaited.append(purpose)
        waiting = True
        try:
            with self._lock:  # unlike `acquire` followed by `try`, nothing can come in between
                self._awaited.remove(purpose)
                waiting = False
                yield
        finally:
            if waiting:
                self._awaited.remove(purpose)

    def someone_waits(self, except_for: Hashable = None) -> bool:
        """Whether any thread waits for the lock with a purpose other than `except_for`."""
        return any(purpose != except_for for purpose in self._awaited)
