"""Which images of a data set are looked at, in which order, and how they come together in batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import nn

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource, first_readable
from filterscope.errors import SampleError
from filterscope.inputs import Inputs
from filterscope.nets.calling import Forward
from filterscope.nets.outputs import KnownClasses
from filterscope.nets.rng import RandomStream
from filterscope.nets.runner import NetRunner, Pace

_TRIED = 20  # images, until two differ


class Samples(Protocol):
    """A data set whose samples are read one at a time, and leave the user's random numbers as they were."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by number; empty where there are none."""

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read from its start."""

    def __len__(self) -> int:
        """How many images there are; of a stream, how many are known."""

    def read(self, index: int) -> Sample:
        """A sample; `SampleError` if it cannot be read."""

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""


class IsolatedSamples:
    """A data set that nobody else reads; random numbers that it draws are of its own.

    Args:
        source: The data set.
    """

    def __init__(self, source: SampleSource) -> None:
        self._source, self._random = source, RandomStream()
        self.classes: tuple[str, ...] = tuple(source.classes)
        self.is_stream: bool = source.is_stream

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> Sample:
        """A sample.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._random.isolated():
            return self._source.read(index)

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""
        return self._source.has(index)


def runner_for(net: nn.Module, samples: Samples, forward: Forward | None = None, pace: Pace | None = None) -> NetRunner:
    """What runs a net, its layers found with the first image that can be read; their weights are those of now.

    Raises:
        TypeError: If `net` is no net.
        NetError: If it refuses the image, or has no convolution that the pass reaches.
        SampleError: If none of the first images can be read.
    """
    runner = NetRunner(net, forward, pace)
    first = first_readable(samples.read, len(samples))
    runner.known = KnownClasses(len(samples.classes), first.label_is_no_class)
    runner.find_layers(first.net_input)
    return runner


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Images of one shape, and where they stand in the order.

    Attributes:
        images: float32 `(C, H, W)` each, or the inputs of a sample that has several.
        labels: Their labels as `Sample.label` gives them.
        end: How far in the order this batch goes, samples that cannot be read included.
        unreadable: How many of these cannot be.
        cause: Why the first of these cannot be.
    """

    images: list[np.ndarray | Inputs]
    labels: list[str | int | None]
    end: int
    unreadable: int
    cause: str = ""


def order_of(samples: Samples, images: int) -> np.ndarray:
    """The order in which the images of a data set are looked at, the same every time.

    Shuffled, because many data sets are sorted by class, and a first part must stand for the whole. A stream is
    read from its start, as far as so many images need.
    """
    if samples.is_stream:
        samples.has(images - 1)
        return np.arange(len(samples))
    return np.random.default_rng(len(samples)).permutation(len(samples))


def find_out_batches(runner: NetRunner, samples: Samples, indices: np.ndarray) -> None:
    """Has the runner know whether several images may go in one pass, as far as the first of these images tell."""
    runner.takes_batches(_readable(samples, indices[:_TRIED]))


def one_at_a_time_note(runner: NetRunner) -> str:
    """A sentence that says why only one image at a time went through a net, and what that costs; "" where several."""
    if not runner.one_at_a_time:
        return ""
    reason = runner.one_at_a_time[0].upper() + runner.one_at_a_time[1:]
    return f"{reason}; so each image went through it in a pass of its own, which takes longer than batches do."


def _readable(samples: Samples, indices: np.ndarray) -> Iterator[np.ndarray]:
    for index in indices:
        with suppress(SampleError):
            yield samples.read(int(index)).image


def batches(samples: Samples, order: np.ndarray, start: int, stop: int, at_once: int) -> Iterator[ImageBatch]:
    """Reads the images `order[start:stop]` in batches of one shape."""
    images: list[np.ndarray | Inputs] = []
    shape: tuple[int, ...] = ()
    labels: list[str | int | None] = []
    position = start
    unreadable, cause = 0, ""
    while position < stop or images:
        upcoming = None
        while position < stop and len(images) < at_once:
            try:
                sample = samples.read(int(order[position]))
            except SampleError as error:
                unreadable, cause = unreadable + 1, cause or error.cause
            else:
                if images and sample.image.shape != shape:
                    upcoming = sample
                    break
                images.append(sample.net_input)
                shape = sample.image.shape
                labels.append(sample.label)
            position += 1
        yield ImageBatch(images, labels, position, unreadable, cause)
        images, labels, unreadable, cause = [], [], 0, ""
        if upcoming is not None:  # it is the first of the next batch
            images, labels, shape = [upcoming.net_input], [upcoming.label], upcoming.image.shape
            position += 1
