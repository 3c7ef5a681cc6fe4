"""Arrays whose first axis are the items: a generator's latent vectors, rows of pixels, clips for a net of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from filterscope.data.axes import Input
from filterscope.inputs import picture_shape

_TOO_LONG = 8  # an array with so many times more rows than columns, and a picture's pixels in each, is no picture


class Rows:
    """The rows of an array as a data set, with their labels where there are some.

    Args:
        array: NumPy array or tensor `(N, L)`, or `(N, T, C, H, W)`.
        labels: One label for each row, or None.
    """

    def __init__(self, array: Any, labels: Any = None) -> None:
        self._array, self._labels = array, labels
        if labels is not None:
            self.targets = labels

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: int) -> Any:
        return self._array[index] if self._labels is None else (self._array[index], self._labels[index])


def as_rows(data: Any, inputs: Sequence[Input], vector: int | None, layout: str | None) -> Any:
    """The rows of an array of two axes, where they are what the net takes or have labels; else the data themselves.

    Args:
        data: The user's data.
        inputs: The kinds of images that the net may take.
        vector: Length of the vectors that the net may take in their place, None where it takes none.
        layout: The user's `layout=`; `"NL"` says that each row is an item.

    Raises:
        ValueError: If it is an array of rows that may be pictures, or `layout="NL"` does not fit it.
    """
    if layout == "NL" and not _is_table(data) and not _is_table_with_labels(data):
        shape = getattr(data, "shape", None)
        what = f"the array has shape {tuple(shape)}" if shape is not None else "the data set is no array (N, L)"
        raise ValueError(f"layout is 'NL', but {what}")
    if any(rank == 1 for rank, _ in inputs) and layout != "NL":
        return data  # signals
    if _is_table_with_labels(data):
        return Rows(data[0], data[1])
    if not _is_table(data):
        return data
    rows, length = data.shape
    if layout == "NL" or (layout is None and length == vector):
        return Rows(data)
    picture = picture_shape(length)
    if layout is None and picture is not None and rows >= _TOO_LONG * length:
        raise ValueError(
            f"the data set is an array of shape {(rows, length)}; if its rows are pictures, give {_reshaped(picture)}; "
            "if the net takes them as they are, layout='NL'; if it is one gray picture, data[None]"
        )
    return data


def as_clips(data: Any, inputs: Sequence[Input]) -> Any:
    """The clips of an array of five axes, also with labels, for a net without 3-D convolutions; else the data."""
    if any(rank == 3 for rank, _ in inputs):
        return data
    if isinstance(data, np.ndarray | torch.Tensor) and data.ndim == 5:
        return Rows(data)
    if isinstance(data, tuple | list) and len(data) == 2 and getattr(data[0], "ndim", 0) == 5 and _labels_fit(data):
        return Rows(data[0], data[1])
    return data


def table_note(data: Any, inputs: Sequence[Input]) -> str:
    """A sentence where an array of two axes is taken as one gray picture, since it could be many rows; else ""."""
    if not _is_table(data) or any(rank == 1 for rank, _ in inputs):
        return ""
    rows, length = data.shape
    picture = picture_shape(length)
    others = f"if its rows are pictures, give {_reshaped(picture)}" if picture else "if its rows are items, layout='NL'"
    return f"Taken as one gray picture of {rows} × {length}; {others}."


def _reshaped(picture: tuple[int, ...]) -> str:
    return f"data.reshape(-1, {', '.join(map(str, picture))})"


def _is_table(data: Any) -> bool:
    if not isinstance(data, np.ndarray | torch.Tensor) or data.ndim != 2 or not len(data):
        return False
    return not isinstance(data, np.ndarray) or data.dtype != object


def _is_table_with_labels(data: Any) -> bool:
    if not isinstance(data, tuple | list) or len(data) != 2 or not _is_table(data[0]):
        return False
    return _labels_fit(data)


def _labels_fit(data: Any) -> bool:
    """Whether the second of two is one label for each item of the first."""
    labels = data[1]
    if isinstance(labels, np.ndarray | torch.Tensor):
        return labels.ndim == 1 and len(labels) == len(data[0])
    single = isinstance(labels, list | tuple | range) and len(labels) == len(data[0])
    return single and all(isinstance(label, str | int | float | np.generic) or label is None for label in labels)
