"""Which images of a data set are looked at, in which order, and how they come together in batches."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np
from torch import nn

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource, first_readable
from filterscope.errors import NetError, SampleError, describe_exception
from filterscope.host.sigint import let_sigint_through
from filterscope.inputs import Inputs
from filterscope.nets.calling import Forward
from filterscope.nets.outputs import KnownClasses
from filterscope.nets.rng import RandomStream
from filterscope.nets.runner import NetRunner, Pace

_TRIED = 20  # images, until two differ
Result = TypeVar("Result")

MOST_REFUSED = 20
"""A net that refuses so many images, and took none before, is taken to refuse all."""


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

    def read_several(self, indices: Sequence[int]) -> list[Sample | SampleError]:
        """Samples in the order of their indices; for one that cannot be read, its error."""

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
        with self._random.isolated(), let_sigint_through():
            return self._source.read(index)

    def read_several(self, indices: Sequence[int]) -> list[Sample | SampleError]:
        """Samples; for one that cannot be read, its error.

        To keep the user's random numbers apart takes three times as long as to read a small image, so all are read in
        one go.
        """
        samples: list[Sample | SampleError] = []
        with self._random.isolated(), let_sigint_through():
            for index in indices:
                try:
                    samples.append(self._source.read(int(index)))
                except SampleError as error:
                    samples.append(error)
        return samples

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
    runner.known = KnownClasses(len(samples.classes), sample.label_is_no_class)
    runner.find_layers(sample.net_input)
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
    labels: list[str | int | None] = []
    shape: tuple[int, ...] = ()
    unreadable, cause = 0, ""
    ahead: deque[Sample | SampleError] = deque()  # read, and in no batch yet
    position = start
    while position < stop:
        if not ahead:
            ahead.extend(samples.read_several(order[position : min(stop, position + at_once - len(images))].tolist()))
        sample = ahead[0]
        if isinstance(sample, SampleError):
            unreadable, cause = unreadable + 1, cause or sample.cause
        elif not images or (len(images) < at_once and sample.image.shape == shape):
            images.append(sample.net_input)
            labels.append(sample.label)
            shape = sample.image.shape
        else:  # it is the first of the next batch
            yield ImageBatch(images, labels, position, unreadable, cause)
            images, labels, unreadable, cause = [], [], 0, ""
            continue
        ahead.popleft()
        position += 1
        if len(images) == at_once or position == stop:
            yield ImageBatch(images, labels, position, unreadable, cause)
            images, labels, unreadable, cause = [], [], 0, ""


def run_accepted(
    batch: ImageBatch, run: Callable[[ImageBatch], Result]
) -> tuple[ImageBatch, Result | None, list[Exception]]:
    """Runs a net on those images of a batch that it does not refuse.

    Where it refuses the batch, each image is tried alone, and then those that it took together.

    Args:
        batch: The images.
        run: Runs the net on a batch and has no other effect.

    Returns:
        The images that the net took; what `run` gave for them, None where there are none; and what the net raised for
        each of the others.
    """
    nothing = replace(batch, images=[], labels=[])
    if not batch.images:
        return batch, None, []
    try:
        return batch, run(batch), []
    except Exception as error:
        if len(batch.images) == 1:
            return nothing, None, [error]
    accepted: list[int] = []
    refusals: list[Exception] = []
    for index, (image, label) in enumerate(zip(batch.images, batch.labels, strict=True)):
        if not accepted and len(refusals) == MOST_REFUSED:
            return nothing, None, refusals + [refusals[0]] * (len(batch.images) - index)
        try:
            run(replace(batch, images=[image], labels=[label]))
        except Exception as error:
            refusals.append(error)
        else:
            accepted.append(index)
    if not accepted:
        return nothing, None, refusals
    part = replace(
        batch, images=[batch.images[index] for index in accepted], labels=[batch.labels[index] for index in accepted]
    )
    try:
        return part, run(part), refusals
    except Exception as error:  # each alone, and not together
        return nothing, None, refusals + [error] * len(accepted)


class LeftOut:
    """Counts the images that a measurement leaves out.

    Args:
        runner: Runs the net.

    Attributes:
        images: How many images were taken.
    """

    def __init__(self, runner: NetRunner) -> None:
        self._runner = runner
        self.images = 0
        self._unreadable = self._refused = 0
        self._refusal: NetError | None = None
        self._cause = ""

    def run(self, batch: ImageBatch, run: Callable[[ImageBatch], Result]) -> tuple[ImageBatch, Result | None]:
        """What `run_accepted` gives, the rest counted.

        Raises:
            NetError: If the net refused the first images, all of `MOST_REFUSED`.
        """
        accepted, result, refusals = run_accepted(batch, run)
        self._unreadable += batch.unreadable
        self._refused += len(refusals)
        self.images += len(accepted.images)
        if refusals:
            self._cause = describe_exception(refusals[0])
            self._refusal = self._runner.refusal(self._runner.batch(batch.images[:1]), refusals[0])
            if self._refused >= MOST_REFUSED:
                self.check()
        return accepted, result

    def check(self) -> None:
        """Whether any image was taken.

        Raises:
            NetError: If the net refused all there were.
        """
        if not self.images and self._refusal is not None:
            raise self._refusal

    @property
    def notes(self) -> tuple[str, ...]:
        """What is left out, sentences."""
        unreadable = f"{self._unreadable} samples could not be read and are left out."
        refused = f"the net refused {self._refused} images, which are left out: {self._cause}."
        return tuple(filter(None, [unreadable if self._unreadable else "", refused if self._refused else ""]))
