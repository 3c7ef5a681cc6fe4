"""Which images stand for a filter: the greatest and the least, typical ones, and those of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.scans.piece import Label
from filterscope.scans.state import Column


@dataclass(frozen=True, eq=False)
class Exemplars:
    """Images that stand for a filter, in order.

    Attributes:
        layer: The layer's index among the net's convolutions.
        filter: The filter.
        images: int64 `(k,)`, their indices in the data set.
        values: float32 `(k,)`, the score that they are ordered by.
        positions: int64 `(k, axes)`, where in the filter's map its maximum lies: `(row, column)`. Of equal values the
            first one, row by row.
        labels: Their classes: names, numbers where there are no names, None where there is no class.
        predicted: int32 `(k,)`, the number of the class that the net tells; −1 where it tells none.
        copies: int64 `(k,)`, for how many images each stands: 1, unless near-duplicates were folded into it.

    Example:
        >>> from filterscope import demo, scan
        >>> top = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False).top("conv2", 3, k=2)
        >>> len(top), top.positions.shape, top.values[0] >= top.values[1]
        (2, (2, 2), np.True_)
    """

    layer: int
    filter: int
    images: np.ndarray
    values: np.ndarray
    positions: np.ndarray
    labels: tuple[Label, ...]
    predicted: np.ndarray
    copies: np.ndarray

    def only(self, places: Sequence[int], copies: Sequence[int]) -> Exemplars:
        """Those at some places alone, each standing for so many images."""
        at = np.asarray(places, np.int64)
        return Exemplars(
            self.layer,
            self.filter,
            self.images[at],
            self.values[at],
            self.positions[at],
            tuple(self.labels[place] for place in places),
            self.predicted[at],
            np.asarray(copies, np.int64),
        )

    def __len__(self) -> int:
        """How many images these are."""
        return len(self.images)


def exemplars_at(
    layer: int, filter_index: int, column: Column, classes: tuple[Label, ...], rows: np.ndarray, values: np.ndarray
) -> Exemplars:
    """Exemplars from rows of a filter's column.

    Args:
        layer: Index of the layer.
        filter_index: The filter.
        column: Its scores.
        classes: The classes that the column's labels are places in.
        rows: int64 `(k,)`.
        values: float32 `(k,)`, what they are ordered by.
    """
    sizes, places = column.size[rows], column.position[rows]
    positions = np.zeros(sizes.shape, np.int64)
    for axis in reversed(range(sizes.shape[1])):
        places, positions[:, axis] = np.divmod(places, sizes[:, axis])
    labels = tuple(classes[number] if number >= 0 else None for number in column.labels[rows])
    predicted = column.predicted[rows]
    copies = np.ones(len(rows), np.int64)
    return Exemplars(layer, filter_index, column.images[rows], values, positions, labels, predicted, copies)


def ranked(column: Column, descending: bool, of_class: int | None = None) -> np.ndarray:
    """Rows of a column by maximum; of equal ones the lower index first. NaN has no rank.

    Args:
        column: One filter's scores.
        descending: Whether the greatest come first.
        of_class: Place of a class; None for the images of all classes, and those without.
    """
    chosen = ~np.isnan(column.maximum)
    if of_class is not None:
        chosen &= column.labels == of_class
    rows = np.flatnonzero(chosen)
    values = column.maximum[rows]
    return rows[np.argsort(-values if descending else values, kind="stable")]


def typical_rows(column: Column, count: int, groups: int) -> list[np.ndarray]:
    """Rows of typical images of each group of quantiles, from the group with the greatest maxima to the least.

    The images are ranked by maximum and cut into groups of equal size, or as equal as can be. Of each group come those
    at evenly spread ranks: the middles of `count` equal parts.

    Args:
        column: One filter's scores.
        count: How many images of each group, at most.
        groups: How many groups.
    """
    return [part[_spread(len(part), count)] for part in np.array_split(ranked(column, descending=True), groups)]


def _spread(length: int, count: int) -> np.ndarray:
    """`count` indices spread over `length`, or all of them where they are fewer."""
    if length <= count:
        return np.arange(length)
    return (2 * np.arange(count) + 1) * length // (2 * count)
