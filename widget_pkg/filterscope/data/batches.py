"""Batches as what they are made of: how many samples an item of a data set holds, and each of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
import torch

from filterscope.data.axes import Input, fits
from filterscope.data.parts import as_mapping, has_more_axes, holds_an_image, is_class, parts_of

NOTE = "The data set gives batches, whose images are shown one at a time."


def batch_size(item: Any, inputs: Sequence[Input]) -> int | None:
    """How many samples are in an item that is a batch; None for an item that is one sample.

    A batch has images with one axis more than the net takes, or a label for each of several images, or is a list of
    samples.

    Args:
        item: An item of a data set or a loader.
        inputs: The kinds of images that the net may take.
    """
    if _is_list_of_samples(item, inputs):
        return len(item)
    try:
        image, label, _ = parts_of(item, inputs)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError):
        return None
    views = isinstance(image, list | tuple)
    if views and len(image) and not _is_several(image[0], inputs):
        return len(image) if _length(label) == len(image) else None
    images = image[0] if views and len(image) else image
    shape = _shape(images)
    if not shape or not shape[0]:
        return None
    labelled = _length(label) == shape[0]
    if not labelled and is_class(label):
        return None  # views of one image
    return shape[0] if has_more_axes(shape, inputs) or (labelled and _may_be_several(shape, inputs)) else None


def sample_of(batch: Any, index: int, size: int, inputs: Sequence[Input]) -> Any:
    """One sample of a batch.

    Args:
        batch: A batch.
        index: Which of its samples.
        size: How many it has, as `batch_size` says.
        inputs: The kinds of images that the net may take.
    """
    return batch[index] if _is_list_of_samples(batch, inputs) else _pick(batch, index, size, inputs, whole=True)


def _pick(value: Any, index: int, size: int, inputs: Sequence[Input], whole: bool = False) -> Any:
    """What belongs to one sample in a part of a batch; what belongs to no sample is returned itself."""
    if isinstance(value, str | bytes):
        return value
    shape = _shape(value)
    if shape:
        return value[index] if shape[0] == size else value
    named = as_mapping(value)
    if named is not None:
        return {key: _pick(part, index, size, inputs) for key, part in named.items()}
    if isinstance(value, list | tuple):
        if not whole and len(value) == size and not _are_parts(value, size, inputs):
            return value[index]
        return tuple(_pick(part, index, size, inputs) for part in value)
    return value


def _are_parts(values: Sequence[Any], size: int, inputs: Sequence[Input]) -> bool:
    """Whether each entry of a list has a part for each sample of a batch, and not an entry for each."""
    shapes = [_shape(value) for value in values]
    return all(shape[:1] == (size,) and (len(shape) == 1 or has_more_axes(shape, inputs)) for shape in shapes)


def _is_list_of_samples(item: Any, inputs: Sequence[Input]) -> bool:
    """Whether it is a list of samples as a loader gives them that stacks nothing: of pairs, dictionaries or images.

    Two images alone are a pair, not a batch.
    """
    if not isinstance(item, list | tuple) or not item or hasattr(item, "_fields"):
        return False
    if not all(holds_an_image(sample, inputs) for sample in item):
        return False
    if all(isinstance(sample, list | tuple | Mapping) for sample in item):
        return all(batch_size(sample, inputs) is None for sample in item)
    alike = len({(type(sample), len(_shape(sample)), getattr(sample, "mode", "")) for sample in item}) == 1
    return isinstance(item, list) and len(item) != 2 and alike and not _is_several(item[0], inputs)


def _is_several(image: Any, inputs: Sequence[Input]) -> bool:
    return has_more_axes(_shape(image), inputs)


def _may_be_several(shape: tuple[int, ...], inputs: Sequence[Input]) -> bool:
    """Whether an array can be many images, as gray ones `(B, H, W)` or stills for a net of clips."""
    return any(fits(shape[1:], *candidate) and not (fits(shape, *candidate) and len(shape) < 4) for candidate in inputs)


def _shape(value: Any) -> tuple[int, ...]:
    if isinstance(value, torch.Tensor | np.ndarray) or hasattr(type(value), "__array__"):
        return tuple(getattr(value, "shape", ()))
    return ()


def _length(label: Any) -> int | None:
    """How many labels there are, where there are several."""
    if isinstance(label, list | tuple):
        return len(label)
    shape = _shape(label)
    return shape[0] if shape else None


class ListOfBatches:
    """The samples of batches that are in memory, by index.

    Args:
        batches: A list of batches, the first of which has a size.
        inputs: The kinds of images that the net may take.
    """

    def __init__(self, batches: Sequence[Any], inputs: Sequence[Input]) -> None:
        self._batches, self._inputs = batches, inputs
        self.measure()

    def measure(self) -> None:
        """Counts the samples."""
        self._sizes = [batch_size(batch, self._inputs) for batch in self._batches]
        self._ends = list(accumulate(size or 1 for size in self._sizes))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Any:
        number = bisect_right(self._ends, index)
        if number == len(self._ends):
            raise IndexError(f"there are {len(self)} images in all batches")
        batch, size = self._batches[number], self._sizes[number]
        start = self._ends[number - 1] if number else 0
        return batch if size is None else sample_of(batch, index - start, size, self._inputs)


class Unbatched:
    """Turns an item of a stream into samples: those of a batch, or the item itself; the first item decides which.

    Args:
        inputs: The kinds of images that the net may take.

    Attributes:
        note: A sentence for people, if the items are batches; else empty.
    """

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._inputs = inputs
        self._are_batches: bool | None = None

    def __call__(self, item: Any) -> Sequence[Any]:
        """The samples in an item."""
        size = None if self._are_batches is False else batch_size(item, self._inputs)
        if self._are_batches is None:
            self._are_batches = size is not None
        if size is None:
            return [item]
        return [sample_of(item, index, size, self._inputs) for index in range(size)]

    @property
    def note(self) -> str:
        """What is said of it."""
        return NOTE if self._are_batches else ""
