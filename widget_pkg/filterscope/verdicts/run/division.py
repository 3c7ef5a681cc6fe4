"""How the images of a diagnosis are divided into shards, and where these are worked on: here, or on an executor."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from filterscope.nets.interruption import StopPass
from filterscope.nets.runner import NetRunner
from filterscope.scans.executors import ShardPool
from filterscope.scans.sampling import Samples
from filterscope.scans.task import ShardTask, WorkerSetup
from filterscope.verdicts.batch_sums import BatchSums
from filterscope.verdicts.run.ablate import AblationSums, RowSums, SetSums

Sums = TypeVar("Sums", BatchSums, AblationSums, RowSums, SetSums)
SumsOut = TypeVar("SumsOut", BatchSums, AblationSums, RowSums, SetSums, covariant=True)

Range = tuple[int, int]
"""From where to where in the order of the images a shard goes."""

_SHARD_IMAGES = 256
_SHARD_BYTES = 32 * 2**20  # of the sums of a shard's batches


class Work(Protocol[SumsOut]):
    """What is done with images: gives sums for each batch, whose `end` counts from the first of these images."""

    def __call__(
        self, runner: NetRunner, samples: Samples, images: np.ndarray, cancelled: Callable[[], bool] = ...
    ) -> Iterator[SumsOut]:
        """The sums of each batch."""


def ranges(start: int, stop: int, runner: NetRunner, layers: Sequence[int]) -> Iterator[Range]:
    """The shards of the images from one place in their order to another: the same wherever they are worked on.

    Each is made of whole batches, and so small that the sums of its batches can be kept and sent.

    Args:
        start: The first place.
        stop: The place after the last.
        runner: Runs the net.
        layers: Indices of the layers that are looked at.
    """
    at_once = runner.images_at_once()
    sums = sum(8 * runner.layers[layer].out_channels ** 2 for layer in layers)
    step = at_once * max(1, min(_SHARD_IMAGES // at_once, _SHARD_BYTES // max(sums, 1)))
    for begin in range(start, stop, step):
        yield begin, min(begin + step, stop)


class Place(Protocol):
    """Where shards are worked on."""

    def run(
        self, work: Work[Sums], order: np.ndarray, shards: Sequence[Range], cancel: threading.Event
    ) -> Iterator[Sums]:
        """The sums of each batch, in the order of the images, their `end` in that order; fewer where it is cancelled.

        Args:
            work: What is done with a shard.
            order: Indices of all images, in the order in which they are looked at.
            shards: The shards.
            cancel: Ends the work.
        """


@dataclass(frozen=True, eq=False)
class Here:
    """Works on one shard after the other, with a net and a data set that are open."""

    runner: NetRunner
    samples: Samples

    def run(
        self, work: Work[Sums], order: np.ndarray, shards: Sequence[Range], cancel: threading.Event
    ) -> Iterator[Sums]:
        """The sums of each batch; see `Place`."""
        for start, stop in shards:
            for sums in work(self.runner, self.samples, order[start:stop], cancel.is_set):
                yield replace(sums, end=start + sums.end)


@dataclass(frozen=True, eq=False)
class Elsewhere:
    """Works on shards on an executor."""

    executor: Executor
    setup: WorkerSetup

    def run(
        self, work: Work[Sums], order: np.ndarray, shards: Sequence[Range], cancel: threading.Event
    ) -> Iterator[Sums]:
        """The sums of each batch; see `Place`.

        Raises:
            Exception: As `ShardPool.run`.
        """

        def check() -> None:
            if cancel.is_set():
                raise StopPass

        pool = ShardPool(self.executor, ShardTask(self.setup, _AllBatches(work)), check)
        images = [order[start:stop] for start, stop in shards]
        try:
            with closing(pool.run(images, in_order=True)) as results:  # type: ignore[type-var]
                for (start, _), of_shard in zip(shards, results, strict=True):
                    for sums in of_shard:
                        yield replace(sums, end=start + sums.end)
        except StopPass:
            return


@dataclass(frozen=True)
class _AllBatches:
    """The sums of all batches of a shard, in a list that can be sent."""

    work: Work[Any]

    def __call__(self, runner: NetRunner, samples: Samples, images: np.ndarray) -> list[Any]:
        return list(self.work(runner, samples, images))
