"""The images with the greatest, or the least, of a score for each filter: bounded, and merged in any order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

KEPT = 100
"""So many images are kept at each end."""


@dataclass(frozen=True, eq=False)
class Extremes:
    """For each filter the images at one end of a score, the furthest first; of equal ones the lower index first.

    Attributes:
        descending: Whether they are the greatest; else the least.
        images: int64 `(F, m)`, their indices; −1 where fewer images have a score that is a number.
        values: float32 `(F, m)`; NaN where `images` is −1.
    """

    descending: bool
    images: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, images: np.ndarray, scores: np.ndarray, descending: bool) -> Extremes:
        """The extremes of some images.

        Args:
            images: int64 `(n,)`, ascending.
            scores: float32 `(n, F)`; NaN is no score.
            descending: Whether the greatest are kept.
        """
        keys = _sortable(-scores.T if descending else scores.T, np.arange(len(scores)))
        if len(scores) > KEPT:
            keys = np.partition(keys, KEPT - 1, axis=1)[:, :KEPT]
        places = (np.sort(keys, axis=1) & np.uint64(2**32 - 1)).astype(np.int64)
        return cls._of(descending, images[places], np.take_along_axis(scores.T, places, 1))

    @classmethod
    def _of(cls, descending: bool, images: np.ndarray, values: np.ndarray) -> Extremes:
        missing = np.isnan(values)
        kept_images = np.where(missing, -1, images).astype(np.int64)
        kept_values = np.where(missing, np.float32(np.nan), values).astype(np.float32)
        for array in (kept_images, kept_values):
            array.setflags(write=False)
        return cls(descending, kept_images, kept_values)

    def merge(self, other: Extremes) -> Extremes:
        """The extremes of both; their images are different ones."""
        images = np.concatenate([self.images, other.images], 1)
        values = np.concatenate([self.values, other.values], 1)
        keys = (images, -values if self.descending else values, np.isnan(values))
        order = np.lexsort(keys, axis=1)[:, :KEPT]
        return self._of(self.descending, np.take_along_axis(images, order, 1), np.take_along_axis(values, order, 1))

    def of_filter(self, filter_index: int, count: int) -> np.ndarray:
        """The images of one filter, int64, at most so many."""
        images = self.images[filter_index, :count]
        return images[images >= 0]


def _sortable(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Integers in the order of float32 values, of equal ones in that of their places, and NaN last, uint64.

    A sort of the values that keeps the order of equal ones takes ten times as long.
    """
    bits = np.where(np.isnan(values), np.float32(np.nan), values + np.float32(0)).view(np.uint32)  # −0 is 0
    negative = bits >> np.uint32(31) == 1
    ordered = np.where(negative, ~bits, bits | np.uint32(2**31))
    keys: np.ndarray = ordered.astype(np.uint64) << np.uint64(32) | places.astype(np.uint64)
    return keys
