"""Items by index from a data set that can only be read from its start."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from PIL import Image

from filterscope.data.turns import Turns
from filterscope.errors import describe_exception, foreign_code
from filterscope.host.sigint import let_sigint_through
from filterscope.host.timing import STREAM_AHEAD_SECONDS, STREAM_TURN_SECONDS

KEPT_BYTES = 256 * 2**20
KEPT_ITEMS = 2000
"""The last items that were read are kept, at most so many and so many bytes; an earlier one needs reading again."""

AHEAD = 64
"""Items that are read beyond the requested one, as far as the time allows."""


class _Raised:
    """Takes the place of an item that could not be read."""

    def __init__(self, error: Exception) -> None:
        self.error = error


_ABSENT = object()


class Stream:
    """The items of an iterable by index. Its length is the number of items known so far, and grows.

    At first, and whenever one of the last known items is requested, it reads on: 64 items, or as many as it can in a
    quarter of a second. An item that is no longer kept is read again from the start.

    Any thread may ask. There is one iterator, which one thread at a time steps, in turn: a generator that two step at
    once raises, and each item would be taken for a later one. What is kept is given while another thread steps.

    Args:
        data: An iterable that starts from its beginning at each `iter`.
        split: Makes the items of what the iterable gives, as of a batch; None where it gives items.

    Attributes:
        ended: Whether the end was reached, so that the length is final.
        isolated: Makes the context in which it is read; one that leaves the user's random numbers alone may be set.

    Raises:
        TypeError: If `iter` raises.
    """

    def __init__(self, data: Any, split: Callable[[Any], Sequence[Any]] | None = None) -> None:
        self._data, self._split = data, split
        self._pending: deque[Any] = deque()
        self.isolated: Callable[[], AbstractContextManager[None]] = nullcontext
        self._turns = Turns()
        self.measure()

    def measure(self) -> None:
        """Forgets all items and starts reading from the beginning."""
        with self._turn():
            self._kept: OrderedDict[int, Any] = OrderedDict()
            self._bytes = 0
            self._known = 0
            self.ended = False
            self._rewind()
        self._read_on(0)

    def __len__(self) -> int:
        return self._known

    def __getitem__(self, index: int) -> Any:
        if index >= self._known and not self.has(index):
            raise IndexError(f"the data set ended after {self._known} items")
        item = self._kept.get(index, _ABSENT)
        while item is _ABSENT:
            with self._turn() as lasts:
                while index not in self._kept and lasts():
                    if index < self._next:
                        self._rewind()
                    if not self._step():
                        raise IndexError(f"read again, the data set ended after {self._next} items")
                item = self._kept.get(index, _ABSENT)
        if isinstance(item, _Raised):
            raise item.error
        if index + AHEAD // 2 >= self._known:
            self._read_on(index)
        return item

    def has(self, index: int, seconds: float | None = None) -> bool:
        """Whether there is an item with that index; reads on until that is known.

        Args:
            index: The item's index.
            seconds: For how long it reads on at most; then the answer is whether there is one as far as is known.
        """
        end = math.inf if seconds is None else time.monotonic() + seconds
        while self._known <= index and not self.ended and time.monotonic() < end:
            self._go_on(index, end)
        return index < self._known

    def _read_on(self, index: int) -> None:
        """Reads some items beyond an index, so that the next ones are known."""
        end = time.monotonic() + STREAM_AHEAD_SECONDS
        while not self.ended and self._known <= index + AHEAD and (not self._known or time.monotonic() < end):
            self._go_on(index + AHEAD, end)

    def _go_on(self, index: int, end: float) -> None:
        """At least one step towards an item, where it is not known yet, and more until a moment."""
        with self._turn(end) as lasts:
            while not self.ended and self._known <= index and lasts():
                if self._step():
                    self._known = max(self._known, self._next)
                elif self._next >= self._known:
                    self.ended = True
                else:  # read from the start again, it ends earlier than before
                    self._rewind()
                    self.ended = True

    @contextmanager
    def _turn(self, end: float = math.inf) -> Iterator[Callable[[], bool]]:
        """Runs the body when it is this thread's turn to step; yields whether it may step once more.

        Args:
            end: The moment after which it is to step no more than once.
        """
        steps = 0

        def lasts() -> bool:
            nonlocal steps
            steps += 1
            return steps == 1 or time.monotonic() < end

        with self._turns.turn(), self.isolated(), let_sigint_through():
            end = min(end, time.monotonic() + STREAM_TURN_SECONDS)
            yield lasts

    def _rewind(self) -> None:
        try:
            with foreign_code():
                self._iterator: Iterator[Any] = iter(self._data)
        except Exception as error:
            kind, why = type(self._data).__name__, describe_exception(error)
            raise TypeError(f"the data set ({kind}) cannot be read: iter() raised {why}") from error
        self._next = 0
        self._pending.clear()

    def _step(self) -> bool:
        while not self._pending:
            try:
                with foreign_code():
                    item = next(self._iterator)
            except StopIteration:
                return False
            except Exception as error:  # raised when this item is requested
                item = _Raised(error)
            except BaseException:  # Ctrl-C ends a generator: it would seem to have no more items
                self._rewind()
                raise
            self._pending.extend(self._items_in(item))
        item = self._pending.popleft()
        size = _size(item)
        if self._next not in self._kept:
            self._bytes += size
        self._kept[self._next] = item
        self._kept.move_to_end(self._next)
        self._next += 1
        while len(self._kept) > 1 and (len(self._kept) > KEPT_ITEMS or self._bytes > KEPT_BYTES):
            self._bytes -= _size(self._kept.popitem(last=False)[1])
        return True

    def _items_in(self, value: Any) -> Sequence[Any]:
        if self._split is None or isinstance(value, _Raised):
            return [value]
        try:
            return self._split(value)
        except Exception as error:
            return [_Raised(error)]


def _size(item: Any) -> int:
    """About how many bytes of memory an item takes."""
    if isinstance(item, dict):
        return sum(map(_size, item.values()))
    if isinstance(item, list | tuple):
        return sum(map(_size, item))
    if isinstance(item, torch.Tensor):
        return item.numel() * item.element_size()
    if isinstance(item, np.ndarray):
        return item.nbytes
    if isinstance(item, Image.Image):
        return 4 * int(item.width) * int(item.height)
    return 64
