"""Items of a data set that are asked for together, where it can give them so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from filterscope.errors import foreign_code


class Fetched:
    """A data set's items by index, some of which were fetched at once.

    Args:
        sequence: The data set's items.
        indices: Those that are fetched, by the `__getitems__` of a data set that has it. Where it raises, each is read
            when it is asked for, which tells what is wrong with which.
    """

    def __init__(self, sequence: Any, indices: Sequence[int]) -> None:
        self._sequence = sequence
        self._items: dict[int, Any] = {}
        fetch = getattr(type(sequence), "__getitems__", None)
        if fetch is None or len(indices) < 2:
            return
        try:
            with foreign_code():
                items = fetch(sequence, list(indices))
                if isinstance(items, list) and len(items) == len(indices):
                    self._items = dict(zip(indices, items, strict=True))
        except Exception:  # one of them cannot be read
            return

    @property
    def items(self) -> list[Any]:
        """What was fetched, in the order of the indices; empty where nothing was."""
        return list(self._items.values())

    def __getitem__(self, index: int) -> Any:
        return self._items[index] if index in self._items else self._sequence[index]
