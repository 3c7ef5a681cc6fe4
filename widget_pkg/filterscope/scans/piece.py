"""What a scan keeps of each image of one shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

Label = str | int | None
"""A class: its name, a number where there is no name, or None."""

NO_CLASS = -1


@dataclass(frozen=True, eq=False)
class LayerScores:
    """The scores of `n` images in one layer of `F` filters.

    All maxima are kept: what is asked later (quantiles, classes, histograms) is then exact, and merging is no more than
    putting rows together. Their places take one or two bytes in maps of up to 65,536 positions: with the maxima 5 or 6
    bytes an image and filter, 128 or 154 MB for 50,000 images and 512 filters.

    Attributes:
        maximum: float32 `(n, F)`, the greatest value of each map; NaN where the map has one, or was not reached.
        position: uint8, uint16 or uint32 `(n, F)`, its place in the map, row by row.
        size: int32 `(n, axes)`, the map's size; 0 where the image did not reach the layer.
    """

    maximum: np.ndarray
    position: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, maximum: np.ndarray, position: np.ndarray, size: np.ndarray) -> LayerScores:
        """Scores that nothing can change, their positions in as few bytes as the largest map needs."""
        most = int(np.prod(size, axis=1, dtype=np.int64).max(initial=0))
        scores = cls(maximum, position.astype(np.min_scalar_type(max(most - 1, 0))), size)
        for array in (scores.maximum, scores.position, scores.size):
            array.setflags(write=False)
        return scores

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.maximum.nbytes + self.position.nbytes + self.size.nbytes


@dataclass(frozen=True, eq=False)
class OmittedImages:
    """Images of a shard that have no scores.

    Attributes:
        images: int64, their indices, ascending.
        cause: Why the first of them that was looked at has none, one sentence without full stop; "" where there are
            none.
    """

    images: np.ndarray
    cause: str

    @classmethod
    def of(cls, images: Sequence[int], cause: str) -> OmittedImages:
        """Images that nothing can change."""
        array = np.array(images, np.int64)
        array.setflags(write=False)
        return cls(array, cause if len(images) else "")


@dataclass(frozen=True, eq=False)
class Piece:
    """What was seen of one shard.

    Attributes:
        images: int64 `(n,)`, indices of the images that have scores, ascending.
        labels: int32 `(n,)`, places in `classes`; −1 for an image without a class.
        classes: The classes of these images, sorted.
        predicted: int32 `(n,)`, the number of the class that the net tells; −1 where it tells none.
        attributes: float32 `(n, attributes)`, see `attributes.ATTRIBUTES`.
        layers: The scores, by layer index.
        unreadable: Images that could not be read.
        refused: Images that the net refused.
    """

    images: np.ndarray
    labels: np.ndarray
    classes: tuple[Label, ...]
    predicted: np.ndarray
    attributes: np.ndarray
    layers: Mapping[int, LayerScores]
    unreadable: OmittedImages
    refused: OmittedImages

    @cached_property
    def asked(self) -> np.ndarray:
        """All images of the shard, int64, ascending."""
        return np.sort(np.concatenate([self.images, self.unreadable.images, self.refused.images]))

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        own = self.images.nbytes + self.labels.nbytes + self.predicted.nbytes + self.attributes.nbytes
        return own + sum(scores.nbytes for scores in self.layers.values())


def number_labels(labels: Sequence[Label]) -> tuple[np.ndarray, tuple[Label, ...]]:
    """Labels as places in the sorted classes, int32, −1 for none; and these classes."""
    classes = sorted_classes(labels)
    place = {name: number for number, name in enumerate(classes)}
    return np.array([NO_CLASS if label is None else place[label] for label in labels], np.int32), classes


def sorted_classes(labels: Sequence[Label]) -> tuple[Label, ...]:
    """The different classes among labels: numbers first, then names."""
    return tuple(sorted({label for label in labels if label is not None}, key=lambda label: (str(type(label)), label)))
