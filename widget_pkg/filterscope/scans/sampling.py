"""Which images of a data set are looked at, in which order, and how they come together in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from torch import nn

from filterscope.data.sample import Sample, SampleBlock
from filterscope.data.source import SampleSource, first_readable
from filterscope.errors import SampleError
from filterscope.host.sigint import let_sigint_through
from filterscope.inputs import Inputs
from filterscope.nets.calling import Forward
from filterscope.nets.outputs import KnownClasses
from filterscope.nets.pace import Pace
from filterscope.nets.rng import RandomStream
from filterscope.nets.runner import NetRunner
from filterscope.outputs.score import Objective

_TRIED = 20  # images, until two differ


class Samples(Protocol):
    """A data set whose samples are read one at a time, and leave the user's random numbers as they were."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names by number; empty where there are none."""

    @property
    def objective(self) -> Objective:
        """What the net is for, as far as it is said."""

    @property
    def is_stream(self) -> bool:
        """Whether it can only be read from its start."""

    def __len__(self) -> int:
        """How many images there are; of a stream, how many are known."""

    def read(self, index: int) -> Sample:
        """A sample; `SampleError` if it cannot be read."""

    def read_several(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Samples for the net, not to be drawn, in that order; for one that cannot be read, its error."""

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
        self.objective: Objective = source.objective

    def __len__(self) -> int:
        return len(self._source)

    def read(self, index: int) -> Sample:
        """A sample.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._random.isolated(), let_sigint_through():
            return self._source.read(index)

    def read_several(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Samples for the net, not to be drawn; for one that cannot be read, its error.

        To keep the user's random numbers apart takes three times as long as to read a small image, so all are read in
        one go.
        """
        with self._random.isolated(), let_sigint_through():
            return self._source.read_for_net(indices)

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""
        return self._source.has(index)


def runner_for(
    net: nn.Module, samples: Samples, forward: Forward | None = None, pace: Pace | None = None, first: int = 0
) -> NetRunner:
    """What runs a net, its layers found with one image; their weights are those of now.

    Args:
        net: The net.
        samples: The data set.
        forward: The user's own way of calling the net.
        pace: When passes begin and how large they are.
        first: The image; where it cannot be read, the first one that can.

    Raises:
        TypeError: If `net` is no net.
        NetError: If it refuses the image, or has no convolution that the pass reaches.
        SampleError: If none of the first images can be read.
    """
    runner = NetRunner(net, forward, pace)
    sample = first_readable(samples.read, len(samples), first)
    runner.known = KnownClasses(len(samples.classes), sample.label_is_no_class, samples.objective, sample.target)
    runner.find_layers(sample.net_input)
    return runner


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Images of one shape, and where they stand in the order.

    Attributes:
        images: float32 `(C, H, W)` each, or the inputs of a sample that has several; or all in one array.
        labels: Their labels as `Sample.label` gives them.
        end: How far in the order this batch goes, samples that cannot be read included.
        unreadable: How many of these cannot be.
        cause: Why the first of these cannot be.
        indices: The images' indices in the data set.
        targets: What an output of each may be held against, as the data set has it.
    """

    images: Sequence[np.ndarray | Inputs] | np.ndarray
    labels: list[str | int | None]
    end: int
    unreadable: int
    cause: str = ""
    indices: list[int] = field(default_factory=list)
    targets: Sequence[Any] = ()

    def only(self, places: Sequence[int]) -> ImageBatch:
        """The batch with the images at these places alone."""
        images, labels = [self.images[place] for place in places], [self.labels[place] for place in places]
        indices = [self.indices[place] for place in places] if self.indices else []
        targets = [self.targets[place] for place in places] if self.targets else []
        return replace(self, images=images, labels=labels, indices=indices, targets=targets)


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
    labels: list[str | int | None] = []
    indices: list[int] = []
    targets: list[Any] = []
    shape: tuple[int, ...] = ()
    unreadable, cause = 0, ""
    ahead: deque[Sample | SampleError] = deque()  # read, and in no batch yet
    position = start
    while position < stop:
        if not ahead:
            end = min(stop, position + at_once - len(images))
            several = samples.read_several(order[position:end].tolist())
            if isinstance(several, SampleBlock) and not images:
                yield ImageBatch(
                    several.images, several.labels, end, unreadable, cause, several.indices, several.targets
                )
                position, unreadable, cause = end, 0, ""
                continue
            ahead.extend(several)
        sample = ahead[0]
        if isinstance(sample, SampleError):
            unreadable, cause = unreadable + 1, cause or sample.cause
        elif not images or (len(images) < at_once and sample.image.shape == shape):
            images.append(sample.net_input)
            labels.append(sample.label)
            indices.append(int(order[position]))
            targets.append(sample.target)
            shape = sample.image.shape
        else:  # it is the first of the next batch
            yield ImageBatch(images, labels, position, unreadable, cause, indices, targets)
            images, labels, indices, targets, unreadable, cause = [], [], [], [], 0, ""
            continue
        ahead.popleft()
        position += 1
        if len(images) == at_once or position == stop:
            yield ImageBatch(images, labels, position, unreadable, cause, indices, targets)
            images, labels, indices, targets, unreadable, cause = [], [], [], [], 0, ""
