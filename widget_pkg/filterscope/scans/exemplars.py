"""Which images stand for a filter: the greatest and the least, typical ones, and those of each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from filterscope.receptive_field.fields import Box
from filterscope.scans.crops import Crop, Cropper
from filterscope.scans.near_duplicates import Likeness
from filterscope.scans.piece import Label
from filterscope.scans.state import Column

NOT_AT_HAND = (
    "this scan was loaded without its net and data set, of whose images it tells; load it with them: "
    "load_scan(path, net, data)"
)


@dataclass(frozen=True, eq=False)
class Exemplar:
    """One image that stands for a filter.

    Attributes:
        image: The image's index in the data set.
        value: The score that it is ordered by.
        position: Where in the filter's map its maximum lies, an index for each axis.
        label: Its class: a name, a number where there are no names, None where there is no class.
        predicted: The number of the class that the net tells; −1 where it tells none.
        copies: For how many images it stands: 1, unless near-duplicates were folded into it.

    Example:
        >>> from filterscope import demo, scan
        >>> best = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False).top("conv2", 3)[0]
        >>> best.position == (best.row, best.column), best.box.bottom - best.box.top
        (True, 8)
    """

    image: int
    value: float
    position: tuple[int, ...]
    label: Label
    predicted: int
    copies: int
    _exemplars: Exemplars = field(repr=False)

    @property
    def row(self) -> int | None:
        """The row of the position; None in the map of a signal, which has none."""
        return self.position[-2] if len(self.position) > 1 else None

    @property
    def column(self) -> int:
        """The column of the position."""
        return self.position[-1]

    @property
    def box(self) -> Box:
        """The pixels of the image that the position sees.

        Raises:
            ValueError: If the scan was loaded without its net and data set.
            SampleError: If the image cannot be read any more.
        """
        return self.crop().box

    def crop(self) -> Crop:
        """What the maximum sees of the image, cut out exactly; errors as for `box`."""
        exemplars = self._exemplars
        return exemplars.cropper.crop(exemplars.layer, exemplars.filter, self.image, self.position)


@dataclass(frozen=True, eq=False)
class Exemplars(Sequence[Exemplar]):
    """Images that stand for a filter, in order: a sequence of `Exemplar`, and arrays of what all of them have.

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
        >>> len(top), top.positions.shape, top.values[0] >= top[1].value
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
    _cropper: Cropper | None = field(repr=False)

    @classmethod
    def at(
        cls, source: FilterScores, cropper: Cropper | None, rows: np.ndarray, values: np.ndarray | None = None
    ) -> Exemplars:
        """The exemplars in some rows of a filter's scores.

        Args:
            source: The filter's scores.
            cropper: Cuts out what a position sees; None where net and data set are not at hand.
            rows: int64 `(k,)`.
            values: float32 `(k,)`, what they are ordered by; None for their maxima.
        """
        column, classes = source.column, source.classes
        sizes, places = column.size[rows], column.position[rows]
        positions = np.zeros(sizes.shape, np.int64)
        for axis in reversed(range(sizes.shape[1])):
            places, positions[:, axis] = np.divmod(places, sizes[:, axis])
        return cls(
            source.layer,
            source.filter,
            column.images[rows],
            column.maximum[rows] if values is None else values,
            positions,
            tuple(classes[number] if number >= 0 else None for number in column.labels[rows]),
            column.predicted[rows],
            np.ones(len(rows), np.int64),
            cropper,
        )

    def __len__(self) -> int:
        """How many images these are."""
        return len(self.images)

    @overload
    def __getitem__(self, place: int) -> Exemplar: ...

    @overload
    def __getitem__(self, place: slice) -> Exemplars: ...

    def __getitem__(self, place: int | slice) -> Exemplar | Exemplars:
        """The exemplar at a place, or those of a slice.

        Raises:
            IndexError: If there are fewer.
        """
        if isinstance(place, slice):
            chosen = range(len(self))[place]
            return self._only(list(chosen), self.copies[place])
        at = range(len(self))[place]
        return Exemplar(
            int(self.images[at]),
            float(self.values[at]),
            tuple(self.positions[at].tolist()),
            self.labels[at],
            int(self.predicted[at]),
            int(self.copies[at]),
            self,
        )

    @property
    def cropper(self) -> Cropper:
        """What cuts out what they see.

        Raises:
            ValueError: If the scan was loaded without its net and data set.
        """
        if self._cropper is None:
            raise ValueError(NOT_AT_HAND)
        return self._cropper

    def crops(self) -> tuple[Crop, ...]:
        """What each exemplar's maximum sees of its image, cut out exactly.

        Raises:
            ValueError: If the scan was loaded without its net and data set.
            SampleError: If an image cannot be read any more.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> [crop.pixels.shape for crop in found.top("conv1", 0, k=2).crops()]
            [(3, 3), (3, 3)]
        """
        return tuple(exemplar.crop() for exemplar in self)

    def fold(self) -> Exemplars:
        """The exemplars without near-duplicates: each is folded into the first that it is nearly the same as.

        Two images are nearly the same if one may be a copy of the other in another brightness, size or compression: if
        of the 64 bits of their perceptual hashes at most 6 differ, and the frequencies of their thumbnails correlate
        by 0.975 or more.

        Returns:
            Those that are left, so ask `top` for more than are needed; `copies` says for how many images each stands.

        Raises:
            ValueError: If the scan was loaded without its net and data set.
            SampleError: If an image cannot be read any more.

        Example:
            >>> from filterscope import demo, scan
            >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
            >>> int(found.top("conv1", 0, k=20).fold().copies.sum())
            20
        """
        cropper = self.cropper
        kept: dict[int, Likeness] = {}  # by place
        copies: dict[int, int] = {}
        for place, image in enumerate(self.images.tolist()):
            likeness = Likeness.of(cropper.picture(image))
            same = next((other for other, known in kept.items() if known.is_nearly(likeness)), place)
            kept.setdefault(same, likeness)
            copies[same] = copies.get(same, 0) + int(self.copies[place])
        return self._only(list(kept), np.array(list(copies.values()), np.int64))

    def _only(self, places: Sequence[int], copies: np.ndarray) -> Exemplars:
        """Those at some places alone, each standing for so many images."""
        at = np.asarray(places, np.int64)
        return replace(
            self,
            images=self.images[at],
            values=self.values[at],
            positions=self.positions[at],
            labels=tuple(self.labels[place] for place in places),
            predicted=self.predicted[at],
            copies=copies,
        )


@dataclass(frozen=True, eq=False)
class FilterScores:
    """The scores of one filter.

    Attributes:
        layer: The layer's index.
        filter: The filter.
        column: Its scores, image by image.
        classes: The classes that the column's labels are places in.
    """

    layer: int
    filter: int
    column: Column
    classes: tuple[Label, ...]


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
    return [spread(part, count) for part in np.array_split(ranked(column, descending=True), groups)]


def bin_rows(column: Column, edges: np.ndarray, number: int, of_class: int | None = None) -> np.ndarray:
    """Rows of the images in one bin of a histogram, the greatest maximum first.

    Args:
        column: One filter's scores.
        edges: float64 `(bins + 1,)`.
        number: Which bin; it has its lower edge, the last one both.
        of_class: Place of a class; None for the images of all classes, and those without.
    """
    rows = ranked(column, True, of_class)
    values = column.maximum[rows].astype(np.float64)
    below = values <= edges[-1] if number == len(edges) - 2 else values < edges[number + 1]
    inside: np.ndarray = rows[(values >= edges[number]) & below]
    return inside


def spread(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` of these rows at evenly spread places, the middles of as many equal parts; all where they are fewer."""
    if len(rows) <= count:
        return rows
    chosen: np.ndarray = rows[(2 * np.arange(count) + 1) * len(rows) // (2 * count)]
    return chosen
