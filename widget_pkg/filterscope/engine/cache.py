"""What was computed lately, within a stated number of bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Cache(Generic[Key, Value]):
    """Values by key, the least recently used dropped first where they take more than the limit.

    The newest is kept whatever it takes. It is not for several threads at once.

    Args:
        limit: Bytes that all values may take together.
        nbytes: How many a value takes, when it comes.

    Example:
        >>> cache = Cache(10, len)
        >>> cache["a"] = "123456"
        >>> cache["b"] = "123456"
        >>> "a" in cache
        False
    """

    def __init__(self, limit: int, nbytes: Callable[[Value], int]) -> None:
        self.limit = limit
        self._nbytes_of = nbytes
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self.nbytes = 0

    def __contains__(self, key: Key) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, key: Key) -> Value:
        self._values.move_to_end(key)
        return self._values[key][0]

    def get(self, key: Key) -> Value | None:
        """A value, or None where it is not there."""
        return self[key] if key in self._values else None

    def __setitem__(self, key: Key, value: Value) -> None:
        self.pop(key)
        size = self._nbytes_of(value)
        self._values[key] = value, size
        self.nbytes += size
        while self.nbytes > self.limit and len(self._values) > 1:
            self.nbytes -= self._values.popitem(last=False)[1][1]

    def pop(self, key: Key) -> None:
        """Drops a value, if it is there."""
        if key in self._values:
            self.nbytes -= self._values.pop(key)[1]

    def drop(self, which: Callable[[Key], bool]) -> None:
        """Drops the values of all keys for which it holds."""
        for key in [key for key in self._values if which(key)]:
            self.pop(key)

    def newest(self) -> Key | None:
        """The key used last."""
        return next(reversed(self._values), None)

    def clear(self) -> None:
        """Drops all."""
        self._values.clear()
        self.nbytes = 0
