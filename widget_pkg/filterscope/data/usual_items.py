"""The usual item, an image in memory with or without a number as its label, is read without finding out what it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch

_MOST_VALUES = 2**20
"""Of an image for which it is found out what is made of its kind: of larger ones the rest takes longer than that."""

Kind = tuple[Any, ...]
"""Types and shapes of an item's parts."""


@dataclass(frozen=True)
class ImageRule:
    """How the images of one kind of items are given to the net.

    Attributes:
        axes: The order in which their axes are taken.
        shape: Of the image for the net.
        scaled: Whether they are uint8, taken as 0 … 1.
        note: Sentences on how they were made.
    """

    axes: tuple[int, ...]
    shape: tuple[int, ...]
    scaled: bool
    note: str

    def of(self, image: np.ndarray) -> np.ndarray:
        """The image, float32, in memory of its own."""
        array: np.ndarray = self.of_several(image[None])[0]
        return array

    def of_several(self, images: np.ndarray) -> np.ndarray:
        """The images `(N, …)`, float32, in memory of their own."""
        axes = (0, *(axis + 1 for axis in self.axes))
        values = np.array(images.transpose(axes), np.float32, order="C").reshape(len(images), *self.shape)
        return values / np.float32(255) if self.scaled else values


class UsualItems:
    """Knows what is made of the usual kinds of items.

    To find out what an item is takes 70 µs, longer than a small net's pass. For these items it depends on types and
    shapes alone: so it is found out once for each kind, with numbers that tell the axes apart.

    Args:
        read: What is made of an item, by all the rules: the image, the label, and sentences; may raise.
    """

    def __init__(self, read: Callable[[Any], tuple[np.ndarray, Any, str]]) -> None:
        self._read = read
        self._rules: dict[Kind, ImageRule | None] = {}

    def image(self, item: Any) -> tuple[Any, np.ndarray, Any, str] | None:
        """An item's image as it is and as the net is given it, its label, and sentences; None for another kind."""
        kind = _kind(item)
        rule = None if kind is None else self._rule(kind, item)
        if rule is None:
            return None
        image, label = item if type(item) is tuple else (item, None)
        return image, rule.of(_array(image)), label, rule.note

    def block(self, items: Sequence[Any]) -> tuple[np.ndarray, list[int | None], str] | None:
        """The images of items of one kind, float32 `(N, C, H, W)`, their labels, and sentences; None for others."""
        kind = _kind(items[0])
        rule = None if kind is None else self._rule(kind, items[0])
        if kind is None or rule is None:
            return None
        type_of_image, shape, dtype, type_of_label, _ = kind
        images: list[Any] = list(items)
        labels: list[Any] = [None] * len(items)
        if type(items[0]) is tuple:
            if not all(type(item) is tuple and len(item) == 2 for item in items):
                return None
            images, labels = map(list, zip(*items, strict=True))
        if {*map(type, images)} != {type_of_image} or {*map(type, labels)} != {type_of_label}:
            return None
        if not all(image.shape == shape and image.dtype == dtype for image in images):
            return None
        if type_of_image is torch.Tensor and not all(map(_is_plain, images)):
            return None
        with torch._C._DisableTorchDispatch():  # the mode that isolates random numbers would look at each image
            if type_of_label is torch.Tensor:
                if not all(label.ndim == 0 and label.dtype == torch.int64 for label in labels):
                    return None
                labels = torch.stack(labels).tolist()
            array = np.stack(images) if type_of_image is np.ndarray else torch.stack(images).numpy()
        return rule.of_several(array), [None if label is None else int(label) for label in labels], rule.note

    def _rule(self, kind: Kind, item: Any) -> ImageRule | None:
        if kind not in self._rules:
            image, *label = item if type(item) is tuple else (item,)
            self._rules[kind] = self._found_out(image, label)
        return self._rules[kind]

    def _found_out(self, image: Any, label: list[Any]) -> ImageRule | None:
        """What all the rules make of images of that shape; None where it is not only their axes and 0 … 255."""
        shape, scaled = tuple(image.shape), str(image.dtype).endswith("uint8")
        count = int(np.prod(shape, dtype=np.int64))
        places = np.arange(count, dtype=np.int64 if scaled else np.float32).reshape(shape)
        # The bytes of the places, one after the other: together they tell all places apart.
        shifts = [shift for shift in (0, 8, 16, 24) if not shift or count >> shift]
        probes = [places >> shift & 255 for shift in shifts] if scaled else [places]
        found: list[tuple[np.ndarray, np.ndarray, str]] = []
        for numbers in probes:
            array = numbers.astype(np.uint8 if scaled else np.float32)
            probe = torch.from_numpy(array) if isinstance(image, torch.Tensor) else array
            try:
                made, read_label, note = self._read((probe, *label) if label else probe)
            except Exception:  # what is wrong with it, all the rules say
                return None
            if read_label is not (label[0] if label else None):
                return None
            found.append((array, made, note))
        for axes in permutations(range(len(shape))):
            rule = ImageRule(axes, found[0][1].shape, scaled, found[0][2])
            if all(
                made.dtype == np.float32
                and made.size == array.size
                and rule.note == note
                and np.array_equal(rule.of(array), made)
                for array, made, note in found
            ):
                return rule
        return None


def _array(image: Any) -> np.ndarray:
    if isinstance(image, torch.Tensor):
        with torch._C._DisableTorchDispatch():  # the mode that isolates random numbers would take 4 µs to look at this
            return image.numpy()
    values: np.ndarray = image
    return values


def _kind(item: Any) -> Kind | None:
    """The kind of an item that is an image in memory, float32 or uint8, or a pair of one and a number; else None."""
    if type(item) is tuple:
        if len(item) != 2:
            return None
        image, label = item
    else:
        image, label = item, None
    if type(image) is torch.Tensor:
        if not _is_plain(image) or image.dtype not in (torch.float32, torch.uint8):
            return None
    elif type(image) is not np.ndarray or image.dtype not in (np.float32, np.uint8):
        return None
    # Whether one axis is a vector or a broken image, the other items tell.
    if image.ndim < 2 or math.prod(image.shape) > _MOST_VALUES:
        return None
    if type(label) is torch.Tensor:
        if label.ndim or label.dtype != torch.int64:
            return None
    elif type(label) is not int and label is not None and not isinstance(label, np.integer):
        return None
    return type(image), tuple(image.shape), image.dtype, type(label), type(item)


def _is_plain(image: torch.Tensor) -> bool:
    """Whether it has its values as plain numbers in memory."""
    if not image.is_cpu or image.requires_grad:
        return False
    return image.layout == torch.strided and not image.is_neg() and not image.is_conj()
