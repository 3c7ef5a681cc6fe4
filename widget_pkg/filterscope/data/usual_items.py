"""The usual item, `(image, label)` with a float image, is read without finding out anew what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

Kind = tuple[Any, ...]
"""Types and shapes of an item's parts."""


class UsualItems:
    """Knows of which kinds of items the image is given to the net as it is.

    To find out what an item is takes 70 µs, longer than a small net's pass. For these items it depends on types and
    shapes alone: so it is found out once for each kind, with numbers that tell the axes apart.

    Args:
        read: What is made of an item, by all the rules: the image, the label, and sentences; may raise.
    """

    def __init__(self, read: Callable[[Any], tuple[np.ndarray, Any, str]]) -> None:
        self._read = read
        self._notes: dict[Kind, str | None] = {}  # of the kinds whose image is given as it is; None for the others

    def image(self, item: Any) -> tuple[np.ndarray, str] | None:
        """The image, float32 `(C, H, W)`, and sentences on how it was made; None for an item of another kind."""
        kind = _kind(item)
        if kind is None:
            return None
        if kind not in self._notes:
            self._notes[kind] = self._note(*item)
        note = self._notes[kind]
        return None if note is None else (_copy(item[0]), note)

    def _note(self, image: Any, label: Any) -> str | None:
        numbers = np.arange(np.prod(image.shape), dtype=np.float32).reshape(tuple(image.shape))
        probe = torch.from_numpy(numbers) if isinstance(image, torch.Tensor) else numbers
        try:
            array, read_label, note = self._read((probe, label))
        except Exception:  # what is wrong with it, all the rules say
            return None
        as_it_is = array.shape == numbers.shape and np.array_equal(array, numbers) and read_label is label
        return note if as_it_is else None


def _copy(image: Any) -> np.ndarray:
    """A copy of an image's values."""
    if isinstance(image, torch.Tensor):
        with torch._C._DisableTorchDispatch():  # the mode that isolates random numbers would take 4 µs to look at this
            image = image.numpy()
    values: np.ndarray = np.array(image, order="C")
    return values


def _kind(item: Any) -> Kind | None:
    """The kind of an item that is a pair of a float32 image in memory and an int, of Python or torch; else None."""
    if type(item) is not tuple or len(item) != 2:
        return None
    image, label = item
    if type(image) is torch.Tensor:
        if image.dtype != torch.float32 or image.device.type != "cpu" or image.requires_grad:
            return None
        if image.layout != torch.strided or image.is_neg():
            return None
    elif type(image) is not np.ndarray or image.dtype != np.float32:
        return None
    if type(label) is not int and not (type(label) is torch.Tensor and label.ndim == 0 and label.dtype == torch.int64):
        return None
    return type(image), tuple(image.shape), type(label)
