"""Receptive fields: the part of the image that a position of a layer's map sees.

The fields of all positions are found in one pass, in which every tensor carries the pixels that its positions see (see
`filterscope.receptive_field.footprint_mode`). What a position sees through one path is a product of rows and columns,
so the boxes of a whole map are a few numbers for each of its rows, and for each of its columns.

`theoretical` is the unclipped formula of Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill 2019, https://distill.pub/2019/computing-receptive-fields; for a net with branches it is the box
around all paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from filterscope.receptive_field.footprint import Footprint
from filterscope.receptive_field.reach import Line

Status = Literal["exact", "upper bound", "whole image"]


@dataclass(frozen=True)
class Box:
    """A box of pixels of the image; `bottom`, `right` and `back` are exclusive.

    For a signal `top` is 0 and `bottom` is 1. `front` and `back` are 0 and 1 except for a volume.

    Attributes:
        top: First row.
        left: First column.
        bottom: The row after the last.
        right: The column after the last.
        front: First slice.
        back: The slice after the last.

    Example:
        >>> box = Box(top=4, left=5, bottom=7, right=8)
        >>> box.bottom - box.top, bool(box), bool(Box(0, 0, 0, 0))
        (3, True, False)
    """

    top: int
    left: int
    bottom: int
    right: int
    front: int = 0
    back: int = 1

    def __bool__(self) -> bool:
        """Whether the box has any pixels."""
        return self.top < self.bottom and self.left < self.right and self.front < self.back


@dataclass(frozen=True)
class ReceptiveField:
    """The part of the image that one position of a layer's map sees.

    Attributes:
        inside: The bounding box of the pixels that the position really depends on, with paddings left out: for generic
            weights, the bounding box of where the gradient is not 0.
        theoretical: The box of the unclipped formula; it may reach outside of the image.
        status: `"exact"`; `"upper bound"` where an operation on the way could not be followed, attention say, so that
            the position sees at most `inside`; `"whole image"` where an operation over the whole map, a mean say, lets
            the position see all of the image.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)
        >>> print(explorer.receptive_field(4, 5))
        rows 8 … 15, columns 10 … 17 (exact); by the formula rows 8 … 15, columns 10 … 17
    """

    inside: Box
    theoretical: Box
    status: Status

    def __str__(self) -> str:
        return f"{_words(self.inside)} ({self.status}); by the formula {_words(self.theoretical)}"


def _words(box: Box) -> str:
    """A box as the page says it; slices are those of a volume."""
    if not box:
        return "nothing"
    spans = {"slices": (box.front, box.back), "rows": (box.top, box.bottom), "columns": (box.left, box.right)}
    if spans["slices"] == (0, 1):
        del spans["slices"]
    words = [
        f"{name} {first}" if end - first == 1 else f"{name} {first} … {end - 1}" for name, (first, end) in spans.items()
    ]
    return ", ".join(words).replace("-", "−")


@dataclass(frozen=True, eq=False)
class Axis:
    """The fields of a whole map along one axis of the image.

    Attributes:
        along: The map's axis that follows this axis of the image; None where all positions see the same pixels.
        inside: int64 `(n, 2)`, for each index of the map's axis the first pixel and the one after the last; `(1, 2)` if
            `along` is None. 0 and 0 where nothing is seen.
        theoretical: int64 `(n, 2)`, the first pixel and the one after the last by the unclipped formula.
        doubt: bool `(n,)`, True where `inside` is an upper bound.
        centres: float64 `(n,)`, the place of each index in the image: the middle of its theoretical field, without the
            paths through the whole map. None where it has no place of its own. Pixel `i` goes from `i` to `i + 1`.
    """

    along: int | None
    inside: np.ndarray
    theoretical: np.ndarray
    doubt: np.ndarray
    centres: np.ndarray | None


@dataclass(frozen=True, eq=False, repr=False)
class ReceptiveFields:
    """The receptive fields of every position of one filter's map.

    Attributes:
        shape: Shape of the map.
        image: Shape of the image, without its channels.
        axes: The fields along each axis of the image.
        everywhere: Whether an operation over the whole map, a mean say, lies on the way.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), layer_index=1)
        >>> fields = explorer.receptive_fields()
        >>> fields.shape, fields.image, fields.at((4, 5)) == explorer.receptive_field(4, 5)
        ((11, 11), (28, 28), True)
    """

    shape: tuple[int, ...]
    image: tuple[int, ...]
    axes: tuple[Axis, ...]
    everywhere: bool

    @property
    def placed(self) -> bool:
        """Whether the map can be laid over the image: each of its axes follows the image's axis of that number."""
        return all(axis.along == k and axis.centres is not None for k, axis in enumerate(self.axes))

    @property
    def place(self) -> str:
        """A phrase on why the map cannot be laid over the image; "" where it can."""
        if self.placed:
            return ""
        if all(axis.along is None for axis in self.axes):
            return "every position sees the same of the image, so the map has no place of its own over it"
        return "the map's rows and columns do not follow the image's, so it has no place over it"

    def __repr__(self) -> str:
        map_size, image_size = ("×".join(map(str, sizes)) for sizes in (self.shape, self.image))
        return f"ReceptiveFields(of a map of {map_size} over an image of {image_size})"

    def at(self, position: tuple[int, ...]) -> ReceptiveField:
        """The receptive field of one position.

        Args:
            position: An index for each axis of the map, within `shape`.

        Returns:
            The field, with boxes in the image's pixels.
        """
        index = [0 if axis.along is None else position[axis.along] for axis in self.axes]
        inside = [_span(axis.inside[i]) for axis, i in zip(self.axes, index, strict=True)]
        if any(first == end for first, end in inside):
            inside = [(0, 0)] * len(inside)
        theoretical = [_span(axis.theoretical[i]) for axis, i in zip(self.axes, index, strict=True)]
        status: Status = "exact"
        if any(axis.doubt[i] for axis, i in zip(self.axes, index, strict=True)):
            status = "upper bound"
        elif self.everywhere and inside == [(0, size) for size in self.image]:
            status = "whole image"
        return ReceptiveField(_box(inside), _box(theoretical), status)


def _span(ends: np.ndarray) -> tuple[int, int]:
    return int(ends[0]), int(ends[1])


def _box(spans: list[tuple[int, int]]) -> Box:
    (front, back), (top, bottom), (left, right) = [(0, 1)] * (3 - len(spans)) + spans
    return Box(top, left, bottom, right, front, back)


@dataclass(frozen=True, eq=False)
class MapFields:
    """The receptive fields of all filters' maps; filters that see the same pixels share theirs.

    Attributes:
        labels: int64 `(F,)`, the index in `fields` for each filter; −1 where nothing of the image reaches the filter.
        fields: The different fields.
    """

    labels: np.ndarray
    fields: tuple[ReceptiveFields, ...]

    def of(self, filter_index: int) -> ReceptiveFields | None:
        """The fields of one filter's map; None where nothing of the image reaches the filter."""
        label = int(self.labels[filter_index])
        return None if label < 0 else self.fields[label]


def map_fields(footprint: Footprint, image: tuple[int, ...]) -> MapFields:
    """The fields of all filters, from the footprint of a layer's output.

    Args:
        footprint: Footprint of a tensor `(1, F, H', W')`.
        image: The image's shape without its channels.
    """
    filters = footprint.labels.shape[1]
    labels = footprint.labels[0].reshape(filters, -1)
    constant = (labels == labels[:, :1]).all()
    patterns, pattern_of = np.unique(labels[:, :1] if constant else labels, axis=0, return_inverse=True)
    place: dict[int, int] = {}
    for dim, parts in enumerate(footprint.dims[2:]):
        place.update({axis: dim for _, axis in parts if axis >= 0})
    fields: list[ReceptiveFields] = []
    field_of = np.full(len(patterns), -1)
    for k, pattern in enumerate(patterns):
        if pattern.max() < 0:
            continue
        reach, along = footprint.reaches[pattern.max()], place
        if (pattern != pattern[0]).any() or any(len(parts) > 1 for parts in footprint.dims[2:]):
            # The positions differ, and not along an axis of the image: the box around all of them is an upper bound.
            reach, along = footprint.everything((1,), exact=False).reaches[0], {}
        axes = tuple(_axis(along.get(a), reach.seen[a], reach.lines[a]) for a in range(len(image)))
        field_of[k] = len(fields)
        fields.append(ReceptiveFields(footprint.shape[2:], image, axes, reach.everywhere))
    return MapFields(field_of[pattern_of.reshape(-1)], tuple(fields))


def _axis(along: int | None, seen: np.ndarray, lines: tuple[Line, ...]) -> Axis:
    bits, doubt = seen[:, :-1], seen[:, -1]
    size = bits.shape[1]
    sees_any = bits.any(axis=1)
    first = np.where(sees_any, bits.argmax(axis=1), 0)
    end = np.where(sees_any, size - bits[:, ::-1].argmax(axis=1), 0)
    inside = np.stack([first, end], axis=1)
    low, high = _ends(lines, len(seen))
    theoretical = np.where((low <= high)[:, None], np.stack([low, high + 1], axis=1), 0)
    moving = tuple(line for line in lines if line.advance)
    centres = None
    if along is not None and moving:
        low, high = _ends(moving, len(seen))
        centres = np.where(low <= high, (low + high + 1) / 2, np.nan)
    return Axis(along, inside, theoretical, doubt.copy(), centres)


def _ends(lines: tuple[Line, ...], length: int) -> tuple[np.ndarray, np.ndarray]:
    ends = [line.at(np.arange(length)) for line in lines]
    return np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
