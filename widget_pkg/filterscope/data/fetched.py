"""Items of a data set that are asked for together, where it can give them so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from filterscope.data.columns import Columns
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
        if len(indices) < 2:
            return
        try:
            with foreign_code():
                items = rows_of(sequence, indices) if fetch is None else fetch(sequence, list(indices))
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


def rows_of(sequence: Any, indices: Sequence[int]) -> list[Any] | None:
    """Rows of an array in memory, or items made of rows of several; None for another data set."""
    if type(sequence) in (np.ndarray, torch.Tensor):
        return _rows(sequence, indices)
    if type(sequence) is TensorDataset:
        return list(zip(*(_rows(tensor, indices) for tensor in sequence.tensors), strict=True))
    if type(sequence) is not Columns or any(type(part) not in (np.ndarray, torch.Tensor) for part in sequence.parts):
        return None
    return list(zip(*(_rows(part, indices) for part in sequence.parts), strict=True))


def _rows(array: Any, indices: Sequence[int]) -> list[Any]:
    if isinstance(array, np.ndarray):
        return list(array[np.asarray(indices)])
    with torch._C._DisableTorchDispatch():  # the mode that isolates random numbers would look at each row
        return list(array[torch.as_tensor(indices)].unbind(0))
