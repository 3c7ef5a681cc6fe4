"""Which images of a data set are scanned, and in which shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from filterscope.errors import kind_of
from filterscope.indices import as_index
from filterscope.scans.sampling import Samples, order_of
from filterscope.scans.shard import SHARD_IMAGES

_LINE = "give how many, 1 or more; their indices, as range(0, 5000); or None for all"


def chosen_images(images: Any, samples: Samples) -> np.ndarray:
    """Indices of the chosen images of a data set that is no stream, int64, ascending.

    Args:
        images: None for all; how many, drawn from all of the data set in an order that is the same every time; or the
            indices, in any order.
        samples: The data set.

    Raises:
        TypeError: If `images` is none of these.
        ValueError: If there is no such image.
    """
    count = len(samples)
    if images is None:
        return np.arange(count)
    number = check_count(images)
    if number is not None:
        return np.sort(order_of(samples, number)[:number])
    if isinstance(images, slice):
        images = range(*images.indices(count))
    listed = list(images)
    indices = [index for index in map(as_index, listed) if index is not None and 0 <= index < count]
    if len(indices) < len(listed) or not listed:
        outside = [value for value in listed if as_index(value) not in range(count)]
        what = f"has {outside[0]!r} in it" if outside else "has no index in it"
        raise ValueError(f"images {what}; this data set has images 0 … {count - 1}")
    return np.unique(indices).astype(np.int64)


def check_count(images: Any) -> int | None:
    """The number of images, where `images` is one; None where it is indices.

    Raises:
        TypeError: If it is neither.
        ValueError: If it is below 1.
    """
    number = None if getattr(images, "shape", ()) else as_index(images)  # torch takes an array of one number for it
    if number is not None:
        if number < 1:
            raise ValueError(f"images is {images!r}; {_LINE}")
        return number
    if isinstance(images, str | bytes | bool) or not isinstance(images, slice | Iterable):
        raise TypeError(f"images is {kind_of(images)}; {_LINE}")
    return None


def shards_of(images: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """The chosen images in shards, without those that were seen before.

    Args:
        images: int64, ascending.
        seen: int64.
    """
    starts = range(SHARD_IMAGES, len(images), SHARD_IMAGES)
    shards = [np.setdiff1d(shard, seen, assume_unique=True) for shard in np.split(images, starts)]
    return [shard for shard in shards if len(shard)]


def count_of_stream(images: Any) -> int | None:
    """How many images of a stream are chosen; None for all.

    Raises:
        TypeError: If `images` is neither None, nor a number, nor indices.
        ValueError: If it is below 1, or indices.
    """
    most = None if images is None else check_count(images)
    if images is not None and most is None:
        raise ValueError(
            "images are indices, and this data set is a stream, which is read from its start; give how many"
        )
    return most


def shards_of_stream(most: int | None, samples: Samples, seen: np.ndarray) -> Iterator[np.ndarray]:
    """The images of a stream in shards, read on as they are asked for.

    Args:
        most: How many images; None for all.
        samples: The stream.
        seen: int64, images that were seen before.
    """
    start = 0
    while (most is None or start < most) and samples.has(start):
        stop = start + SHARD_IMAGES if most is None else min(start + SHARD_IMAGES, most)
        if not samples.has(stop - 1):
            stop = len(samples)
        shard = np.setdiff1d(np.arange(start, stop), seen, assume_unique=True)
        if len(shard):
            yield shard
        start = stop
