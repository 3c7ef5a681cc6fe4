"""What a scan has seen so far: a record that merges with another's, in any order and grouping, to the same bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from filterscope.scans.attributes import ATTRIBUTES
from filterscope.scans.exact_sum import ExactSum
from filterscope.scans.extremes import Extremes
from filterscope.scans.piece import NO_CLASS, Label, Piece, sorted_classes


@dataclass(frozen=True, eq=False)
class LayerSums:
    """What is kept of all images together in one layer of `F` filters.

    Attributes:
        greatest: The images with the greatest mean of each filter's map.
        least: Those with the least.
        sizes: The different sizes of the maps.
        maps: The sum of the maps, `(F, *size)`; None where they have several sizes.
        counted: int64 `(F,)`, of how many images: those whose map is finite.
    """

    greatest: Extremes
    least: Extremes
    sizes: frozenset[tuple[int, ...]]
    maps: ExactSum | None
    counted: np.ndarray

    def merge(self, other: LayerSums) -> LayerSums:
        """The sums of both."""
        sizes = self.sizes | other.sizes
        maps = self.maps.merge(other.maps) if len(sizes) == 1 and self.maps and other.maps else None
        counted = self.counted + other.counted
        counted.setflags(write=False)
        return LayerSums(self.greatest.merge(other.greatest), self.least.merge(other.least), sizes, maps, counted)


@dataclass(frozen=True, eq=False)
class Column:
    """One filter's scores of the images that reached its layer, in the order of their indices.

    Attributes:
        images: int64 `(n,)`, ascending.
        maximum: float32 `(n,)`; NaN where the map has one.
        position: int64 `(n,)`, row by row.
        size: int32 `(n, axes)`, the maps' sizes.
        labels: int32 `(n,)`, places in the state's classes; −1 for none.
        predicted: int32 `(n,)`, the number of the class that the net tells; −1 for none.
    """

    images: np.ndarray
    maximum: np.ndarray
    position: np.ndarray
    size: np.ndarray
    labels: np.ndarray
    predicted: np.ndarray


@dataclass(frozen=True, eq=False)
class ScanState:
    """What was seen of a data set.

    Attributes:
        pieces: Of each shard, in the order of their first images.
        sums: By layer index; of a layer that no image reached there are none.
        not_seen: Why a layer's maps could not be taken, a sentence without full stop, by layer index, and the index of
            the first image for which it is so.
    """

    pieces: tuple[Piece, ...] = ()
    sums: Mapping[int, LayerSums] = field(default_factory=dict)
    not_seen: Mapping[int, tuple[int, str]] = field(default_factory=dict)

    def merge(self, *others: ScanState) -> ScanState:
        """What was seen in all of them; commutative and associative to the byte.

        Raises:
            ValueError: If two of them saw the same image.
        """
        states = [self, *others]
        pieces = sorted((piece for state in states for piece in state.pieces if len(piece.asked)), key=_first_image)
        _check_disjoint(pieces)
        sums: dict[int, LayerSums] = {}
        not_seen: dict[int, tuple[int, str]] = {}
        for state in states:
            for layer, of_layer in state.sums.items():
                sums[layer] = sums[layer].merge(of_layer) if layer in sums else of_layer
            for layer, reason in state.not_seen.items():
                not_seen[layer] = min(reason, not_seen.get(layer, reason))
        return ScanState(tuple(pieces), dict(sorted(sums.items())), dict(sorted(not_seen.items())))

    # What is asked of it

    @cached_property
    def asked(self) -> np.ndarray:
        """Indices of all images that were looked at, int64, ascending."""
        return np.sort(np.concatenate([np.zeros(0, np.int64), *(piece.asked for piece in self.pieces)]))

    @cached_property
    def images(self) -> np.ndarray:
        """Indices of the images that have scores, int64, ascending."""
        return self._gathered([piece.images for piece in self.pieces], np.int64)

    @cached_property
    def classes(self) -> tuple[Label, ...]:
        """The classes of these images: numbers first, then names."""
        return sorted_classes([name for piece in self.pieces for name in piece.classes])

    @cached_property
    def labels(self) -> np.ndarray:
        """Of these images the places in `classes`, int32; −1 for none."""
        place = {name: number for number, name in enumerate(self.classes)}
        of_pieces = []
        for piece in self.pieces:
            places = np.array([*(place[name] for name in piece.classes), NO_CLASS], np.int32)
            of_pieces.append(places[piece.labels])  # −1 is the last of them
        return self._gathered(of_pieces, np.int32)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Of these images the number of the class that the net tells, int32; −1 for none."""
        return self._gathered([piece.predicted for piece in self.pieces], np.int32)

    @cached_property
    def attributes(self) -> np.ndarray:
        """Of these images the attributes, float32 `(n, attributes)`, see `attributes.ATTRIBUTES`."""
        return self._gathered([piece.attributes for piece in self.pieces], np.float32, (len(ATTRIBUTES),))

    def column(self, layer: int, filter_index: int) -> Column:
        """One filter's scores; of no image where none reached the layer."""
        with_scores = [piece.layers.get(layer) for piece in self.pieces]
        axes = max((scores.size.shape[1] for scores in with_scores if scores is not None), default=1)
        maximum, position, size = [], [], []
        for piece, scores in zip(self.pieces, with_scores, strict=True):
            count = len(piece.images)
            maximum.append(np.full(count, np.nan, np.float32) if scores is None else scores.maximum[:, filter_index])
            position.append(np.zeros(count, np.int64) if scores is None else scores.position[:, filter_index])
            size.append(np.zeros((count, axes), np.int32) if scores is None else scores.size)
        sizes = self._gathered(size, np.int32, (axes,))
        reached = (sizes > 0).all(1)
        return Column(
            self.images[reached],
            self._gathered(maximum, np.float32)[reached],
            self._gathered(position, np.int64)[reached],
            sizes[reached],
            self.labels[reached],
            self.predicted[reached],
        )

    @property
    def unreadable(self) -> tuple[int, str]:
        """How many images could not be read, and why the first of them could not be."""
        parts = [piece.unreadable for piece in self.pieces]
        return sum(len(part.images) for part in parts), next((part.cause for part in parts if part.cause), "")

    @property
    def refused(self) -> tuple[int, str]:
        """How many images the net refused, and why the first of them."""
        parts = [piece.refused for piece in self.pieces]
        return sum(len(part.images) for part in parts), next((part.cause for part in parts if part.cause), "")

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        total = sum(piece.nbytes for piece in self.pieces)
        for of_layer in self.sums.values():
            for ends in (of_layer.greatest, of_layer.least):
                total += ends.images.nbytes + ends.values.nbytes
            total += sum(limb.nbytes for limb in of_layer.maps.limbs.values()) if of_layer.maps else 0
        return total

    def _gathered(self, parts: list[np.ndarray], dtype: type, shape: tuple[int, ...] = ()) -> np.ndarray:
        """Rows of all pieces, in the order of the images."""
        rows: np.ndarray = np.concatenate([np.zeros((0, *shape), dtype), *parts]).astype(dtype, copy=False)
        return rows if self._order is None else rows[self._order]

    @cached_property
    def _order(self) -> np.ndarray | None:
        """The order of the pieces' rows by image; None where it is theirs, as when shards are ranges."""
        images = np.concatenate([np.zeros(0, np.int64), *(piece.images for piece in self.pieces)])
        return None if (np.diff(images) > 0).all() else np.argsort(images)


def _first_image(piece: Piece) -> int:
    return int(piece.asked[0])


def _check_disjoint(pieces: Sequence[Piece]) -> None:
    if all(before.asked[-1] < after.asked[0] for before, after in pairwise(pieces)):
        return
    images, times = np.unique(np.concatenate([piece.asked for piece in pieces]), return_counts=True)
    twice = images[times > 1]
    if len(twice):
        several = f"{len(twice)} images, the first of them {twice[0]}" if len(twice) > 1 else f"image {twice[0]}"
        raise ValueError(
            f"both scans have seen {several}; merge scans of different images, as "
            "scan(net, data, images=range(0, 5000)) and scan(net, data, images=range(5000, 10000))"
        )
