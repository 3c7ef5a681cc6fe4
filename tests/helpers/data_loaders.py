"""Loaders and batches, and what the explorer makes of them: rows of the table of data sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    SequentialSampler,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

from data_rows import FLOATS, NUMBERS, PICTURES, Given, Kind, Vision, pairs

PLAIN = TensorDataset(FLOATS, torch.tensor(NUMBERS))


class Around:
    """A loader around another one, as people write them to change or to move its batches."""

    def __init__(self, loader: Any) -> None:
        self.loader = loader

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Any]:
        for images, numbers in self.loader:
            yield images * 2 - 1, numbers


class Halves(DataLoader):
    """A loader that changes its batches in `__iter__`."""

    def __iter__(self) -> Iterator[Any]:
        for images, numbers in super().__iter__():
            yield images / 2, numbers


class Batches(IterableDataset):
    """A stream of batches."""

    def __iter__(self) -> Iterator[Any]:
        return iter(DataLoader(PLAIN, batch_size=2))


def stacked(samples: list[Any]) -> dict[str, Any]:
    """A `collate_fn` that makes the images for the net."""
    images, numbers = default_collate(samples)
    return {"pixel_values": images * 0.5, "labels": numbers}


BATCHED = "The data set gives batches, whose images are shown one at a time."

LOADERS = [
    Kind(
        "`DataLoader` with a sampler without chance: a list, a range, your own",
        "the samples that it gives, in its order; keys that are no indices too",
        lambda at: Given(
            DataLoader(Vision(transform=None), sampler=[3, 1], collate_fn=lambda samples: samples),
            FLOATS[1],
            at=1,
            count=2,
            label="cat",
        ),
    ),
    Kind(
        "`DataLoader` with a sampler that draws a part: `SubsetRandomSampler`, `WeightedRandomSampler`, your own",
        "the samples that it may draw, once each, in the data set's order",
        lambda at: Given(DataLoader(PLAIN, sampler=SubsetRandomSampler([4, 2])), FLOATS[4], at=1, count=2, label=0),
    ),
    Kind(
        "`DataLoader` with weights of zero",
        "what has none is never drawn",
        lambda at: Given(
            DataLoader(PLAIN, sampler=WeightedRandomSampler([1.0, 0, 2.0, 0, 0], 9)), FLOATS[2], at=1, count=2, label=2
        ),
    ),
    Kind(
        "`DataLoader` with a `batch_sampler`, or with `drop_last`",
        "the samples in its batches",
        lambda at: Given(
            DataLoader(PLAIN, batch_sampler=BatchSampler(SequentialSampler(PLAIN), 2, True)),
            FLOATS[3],
            at=3,
            count=4,
            label=1,
        ),
    ),
    Kind(
        "`DataLoader` with a `collate_fn`",
        "what it makes of each sample alone, and it is said",
        lambda at: Given(
            DataLoader(PLAIN, 2, collate_fn=stacked),
            FLOATS[2] * 0.5,
            at=2,
            label=2,
            note="",
        ),
    ),
    Kind(
        "a loader of your own or of another library, whatever has `iter` and `len` and gives batches",
        "the images of its batches, as a stream",
        lambda at: Given(
            Around(DataLoader(PLAIN, 2)),
            FLOATS[3] * 2 - 1,
            at=3,
            label=1,
            display=(FLOATS[3] - FLOATS[3].min()) / (FLOATS[3].max() - FLOATS[3].min()),
        ),
    ),
    Kind(
        "a `DataLoader` with an `__iter__` of its own that changes the images",
        "the images of its batches, as a stream",
        lambda at: Given(Halves(PLAIN, 2), FLOATS[3] / 2, at=3, label=1),
    ),
    Kind(
        "an `IterableDataset` of batches, or a `DataLoader` of one with `batch_size=None`",
        "the images of its batches",
        lambda at: Given(DataLoader(Batches(), batch_size=None), FLOATS[3], at=3, label=1),
    ),
    Kind(
        "`DataLoader` with `batch_size=None` of a data set that is read by lists of indices",
        "the images of its batches",
        lambda at: Given(
            DataLoader(PLAIN, batch_size=None, sampler=BatchSampler(SequentialSampler(PLAIN), 2, False)),
            FLOATS[3],
            at=3,
            label=1,
        ),
    ),
    Kind(
        "a list of batches, such as `list(loader)`, or one batch",
        "their images; batches are told by a label for each image",
        lambda at: Given(list(DataLoader(PLAIN, 2)), FLOATS[4], at=4, label=0),
    ),
    Kind(
        "batches that stack nothing: lists of samples, a list of images with one of labels",
        "their images",
        lambda at: Given(
            [pairs(PICTURES)[:3], pairs(PICTURES)[3:]],
            FLOATS[4],
            at=4,
            label=0,
        ),
    ),
]
