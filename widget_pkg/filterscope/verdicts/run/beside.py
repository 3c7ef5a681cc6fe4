"""The net and the data set as work beside the person sees them: it reads and computes in small steps, and gives way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import torch
from torch import nn

from filterscope.data.sample import Sample
from filterscope.host.timing import DIAGNOSIS_PASS_SECONDS
from filterscope.nets.calling import Forward
from filterscope.nets.rng import RandomStream
from filterscope.verdicts.run.subject import Subject

_READ_AT_ONCE = 64  # of a stream
_MOST_AT_ONCE = 256


class Reads(Protocol):
    """What gives samples to several threads; an `Engine` does."""

    source: Any

    def read(self, image: int) -> Sample:
        """A sample."""

    def has(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""


class SharedSource:
    """The data set of an explorer, read one sample at a time while others read it too.

    Args:
        engine: Reads the samples.
        check: Called before each sample; what it raises ends the reading.
    """

    def __init__(self, engine: Reads, check: Callable[[], None] = lambda: None) -> None:
        self._engine, self._check = engine, check
        self.classes: tuple[str, ...] = tuple(engine.source.classes)
        self.is_stream: bool = engine.source.is_stream

    def __len__(self) -> int:
        """How many images there are; of a stream, how many are known."""
        return len(self._engine.source)

    def read(self, index: int) -> Sample:
        """A sample.

        Raises:
            SampleError: If it cannot be read.
        """
        self._check()
        return self._engine.read(index)

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on in small parts."""
        while len(self) <= index:
            self._check()
            if not self._engine.has(min(index, len(self) + _READ_AT_ONCE)):
                return False
        return True


class _NetsOwn(RandomStream):
    """For the passes alone; the explorer itself takes care of what the data set draws."""

    @contextmanager
    def instead_of_all(self) -> Iterator[None]:
        """Nothing: samples come through the explorer."""
        yield


class SharedSubject(Subject):
    """A net to examine beside the person: passes are short, and before each it gives way.

    Args:
        net: A copy of the user's net that nobody else runs.
        source: A `SharedSource`.
        forward: The user's own way of calling the net.
        check: Called before each pass; what it raises ends the work.
    """

    def __init__(
        self, net: nn.Module, source: Any, forward: Forward | None, check: Callable[[], None] = lambda: None
    ) -> None:
        self._check = check
        self._at_once = 8
        super().__init__(net, source, forward)
        self.random = _NetsOwn()

    def images_at_once(self, megabytes: int = 256) -> int:
        """How many images go in one pass, so that it is short, as far as that is known by now."""
        return min(super().images_at_once(megabytes), self._at_once)

    def run(self, batch: torch.Tensor, wanted: Iterable[int], *others: Any, **options: Any) -> Any:
        """A pass, as `Subject.run`."""
        self._check()
        start = time.thread_time()  # of the processor: what else the machine does makes no pass smaller
        output = super().run(batch, wanted, *others, **options)
        self._pace(len(batch), time.thread_time() - start)
        return output

    def _pace(self, images: int, seconds: float) -> None:
        """A pass over so many images took so long: more or fewer next time."""
        if images == self._at_once and 2 * seconds < DIAGNOSIS_PASS_SECONDS:
            self._at_once = min(2 * self._at_once, _MOST_AT_ONCE)
        elif images == self._at_once and seconds > 2 * DIAGNOSIS_PASS_SECONDS:
            self._at_once = max(1, images // 2)

    def run_plain(self, batch: torch.Tensor, inside: Callable[[], Any] = nullcontext) -> Any:
        """A pass, as `Subject.run_plain`."""
        self._check()
        return super().run_plain(batch, inside)
