"""Ctrl-C held back for a moment: while sums hold half a batch, or while torch's modes are entered and left.

Python raises KeyboardInterrupt between any two instructions of the main thread, also inside of `__enter__` after a mode
was pushed, or at the start of `__exit__`: then the mode stays. `defer_sigint` around both, and `let_sigint_through`
around the body alone, leave no such place.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import _GeneratorContextManager, contextmanager
from types import CodeType, FrameType
from typing import Any

_Call = tuple[int, "FrameType | None"]

# Inside of these Ctrl-C waits also where it is let through: they have begun what only their end undoes.
_UNDIVIDED: set[CodeType] = {
    _GeneratorContextManager.__enter__.__code__,
    _GeneratorContextManager.__exit__.__code__,
}
_WAITING: set[CodeType] = set()  # what is inside of the former, and waits for something that may take long
_FRAMES = 4  # from the innermost one out that are looked at: what takes long has more of its own


def never_divide(*functions: Any) -> None:
    """Holds Ctrl-C back while one of these functions is about to begin or end, in bodies that let it through."""
    _UNDIVIDED.update(function.__code__ for function in functions)


def may_divide(function: Any) -> None:
    """Lets Ctrl-C act while this function waits, though the context manager that calls it is only about to begin."""
    _WAITING.add(function.__code__)


class _Deferral:
    """A handler of SIGINT that keeps the signal for later, but where it is let through.

    Args:
        handler: The handler before, which acts in the end.
    """

    def __init__(self, handler: Callable[..., Any] | int) -> None:
        self._handler = handler
        self._deferred: list[_Call] = []
        self.open = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.open and not _inside_undivided(frame):
            self.open = False  # what it raises ends the body: all that follows is the cleaning up
            self._act(number, frame)
            self.open = True
        else:
            self._deferred.append((number, frame))

    @property
    def outer(self) -> _Deferral | None:
        """The deferral around this one."""
        return self._handler if isinstance(self._handler, _Deferral) else None

    def act(self) -> None:
        """Lets what was kept act now."""
        if self._deferred:
            first = self._deferred[0]
            self._deferred.clear()
            self._act(*first)

    def _act(self, number: int, frame: FrameType | None) -> None:
        if callable(self._handler):
            self._handler(number, frame)


@contextmanager
def defer_sigint() -> Iterator[None]:
    """Lets the body run through: Ctrl-C acts when it ends. Only the main thread is ever interrupted."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    deferral = _Deferral(handler)
    signal.signal(signal.SIGINT, deferral)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        deferral.act()


@contextmanager
def let_sigint_through() -> Iterator[None]:
    """Lets Ctrl-C act in the body, inside of `defer_sigint`; to be used where the body is, with nothing in between.

    Example:
        >>> with defer_sigint():
        ...     state = "begun"
        ...     with let_sigint_through():
        ...         state = "somebody else's code, which may take long"
        ...     state = "ended"
        >>> state
        'ended'
    """
    main = threading.current_thread() is threading.main_thread()
    deferral = signal.getsignal(signal.SIGINT) if main else None
    if not isinstance(deferral, _Deferral):
        yield
        return
    deferrals: list[_Deferral] = []
    around: _Deferral | None = deferral
    while around is not None:
        deferrals.append(around)
        around = around.outer
    before = [each.open for each in deferrals]  # the bodies around may be such as well
    try:
        for each in deferrals:
            each.open = True
        for each in deferrals:
            each.act()
        yield
    except KeyboardInterrupt:
        before = [False] * len(deferrals)  # all that follows is the cleaning up
        raise
    finally:
        for each, was_open in zip(deferrals, before, strict=True):
            each.open = was_open


def _inside_undivided(frame: FrameType | None) -> bool:
    for _ in range(_FRAMES):
        if frame is None or frame.f_code in _WAITING:
            return False
        if frame.f_code in _UNDIVIDED:
            return True
        frame = frame.f_back
    return False
