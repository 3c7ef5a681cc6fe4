"""Which images of a data set are looked at, in which order, and how they come together in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from filterscope.data.source import SampleSource
from filterscope.errors import SampleError
from filterscope.nets.rng import RandomStream


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Images of one shape, and where they stand in the order.

    Attributes:
        images: float32 `(C, H, W)` each.
        labels: Their labels as `Sample.label` gives them.
        end: How far in the order this batch goes, samples that cannot be read included.
        unreadable: How many of these cannot be.
    """

    images: list[np.ndarray]
    labels: list[str | int | None]
    end: int
    unreadable: int


def order_of(source: SampleSource, images: int) -> np.ndarray:
    """The order in which the images of a data set are looked at, the same every time.

    Shuffled, because many data sets are sorted by class, and a first part must stand for the whole. A stream is
    read from its start, as far as so many images need.
    """
    if source.is_stream:
        source.has(images - 1)
        return np.arange(len(source))
    return np.random.default_rng(len(source)).permutation(len(source))


def batches(
    source: SampleSource, order: np.ndarray, start: int, stop: int, at_once: int, random: RandomStream
) -> Iterator[ImageBatch]:
    """Reads the images `order[start:stop]` in batches of one shape."""
    images: list[np.ndarray] = []
    labels: list[str | int | None] = []
    position = start
    unreadable = 0
    while position < stop or images:
        upcoming = None
        with random.instead_of_all():
            while position < stop and len(images) < at_once:
                try:
                    sample = source.read(int(order[position]))
                except SampleError:
                    unreadable += 1
                else:
                    if images and sample.image.shape != images[0].shape:
                        upcoming = sample
                        break
                    images.append(sample.image)
                    labels.append(sample.label)
                position += 1
        yield ImageBatch(images, labels, position, unreadable)
        images, labels, unreadable = [], [], 0
        if upcoming is not None:  # it is the first of the next batch
            images, labels = [upcoming.image], [upcoming.label]
            position += 1
