"""The usual item, `(image, label)` with a float image, is read without finding out anew what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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

    def block(self, items: Sequence[Any]) -> tuple[np.ndarray, list[int], str] | None:
        """The images of items of one kind, float32 `(N, C, H, W)`, their labels, and sentences; None for others."""
        first = self.image(items[0])
        kind = _kind(items[0])
        if first is None or kind is None or not all(type(item) is tuple and len(item) == 2 for item in items):
            return None
        images, labels = zip(*items, strict=True)
        if {*map(type, images)} != {kind[0]} or {*map(type, labels)} != {kind[2]}:
            return None
        if kind[0] is np.ndarray:
            alike = all(image.shape == kind[1] and image.dtype == np.float32 for image in images)
        else:
            shape = torch.Size(kind[1])
            alike = all(image.shape == shape and _is_plain(image) for image in images)
        if not alike:
            return None
        with torch._C._DisableTorchDispatch():
            if kind[2] is torch.Tensor:
                if not all(label.ndim == 0 and label.dtype == torch.int64 for label in labels):
                    return None
                numbers = torch.stack(labels).tolist()
            else:
                numbers = list(labels)
            array = np.stack(images) if kind[0] is np.ndarray else torch.stack(images).numpy()
        return array, numbers, first[1]

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
        if not _is_plain(image):
            return None
    elif type(image) is not np.ndarray or image.dtype != np.float32:
        return None
    if type(label) is not int and not (type(label) is torch.Tensor and label.ndim == 0 and label.dtype == torch.int64):
        return None
    return type(image), tuple(image.shape), type(label)


def _is_plain(image: torch.Tensor) -> bool:
    """Whether it has its values as float32 numbers in memory."""
    if image.dtype != torch.float32 or not image.is_cpu or image.requires_grad:
        return False
    return image.layout == torch.strided and not image.is_neg()
