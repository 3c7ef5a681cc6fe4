"""How work beside a person reads and computes: in small steps, and giving way before each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from filterscope.data.sample import Sample
from filterscope.errors import SampleError
from filterscope.host.timing import DIAGNOSIS_PASS_SECONDS
from filterscope.nets.pace import Pace
from filterscope.nets.step_size import StepSize
from filterscope.outputs.score import Objective

_FIRST_AT_ONCE = 8
_READ_AT_ONCE = 64  # of a stream
_MOST_AT_ONCE = 256


class Reads(Protocol):
    """What gives samples to several threads; an engine's `Samples` do."""

    @property
    def source(self) -> Any:
        """The data set."""

    def read(self, image: int) -> Sample:
        """A sample."""

    def has(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known."""


class PacedSamples:
    """The data set of an explorer, read one sample at a time while others read it too.

    Args:
        reader: Reads the samples.
        check: Called before each sample; what it raises ends the reading.
    """

    def __init__(self, reader: Reads, check: Callable[[], None] = lambda: None) -> None:
        self._reader, self._check = reader, check
        self.classes: tuple[str, ...] = tuple(reader.source.classes)
        self.is_stream: bool = reader.source.is_stream
        self.objective: Objective = reader.source.objective

    def __len__(self) -> int:
        """How many images there are; of a stream, how many are known."""
        return len(self._reader.source)

    def read(self, index: int) -> Sample:
        """A sample.

        Raises:
            SampleError: If it cannot be read.
        """
        self._check()
        return self._reader.read(index)

    def read_several(self, indices: Sequence[int]) -> list[Sample | SampleError]:
        """Samples, with a look before each at whether to go on; for one that cannot be read, its error."""
        samples: list[Sample | SampleError] = []
        for index in indices:
            try:
                samples.append(self.read(index))
            except SampleError as error:
                samples.append(error)
        return samples

    def has(self, index: int) -> bool:
        """Whether there is an image of that index; a stream is read on in small parts."""
        while len(self) <= index:
            self._check()
            if not self._reader.has(min(index, len(self) + _READ_AT_ONCE)):
                return False
        return True


class PacedPasses(Pace):
    """Short passes, and a look before each at whether to go on.

    Args:
        check: Called before each pass; what it raises ends the work.
        seconds: How much processor time a forward pass should take.
    """

    def __init__(self, check: Callable[[], None] = lambda: None, seconds: float = DIAGNOSIS_PASS_SECONDS) -> None:
        self._check = check
        self._size = StepSize(seconds, 2 * seconds, _FIRST_AT_ONCE, _MOST_AT_ONCE)

    def before_pass(self) -> None:
        """Gives way."""
        self._check()

    def images_at_once(self, fitting: int) -> int:
        """How many images go in one pass, so that it is short, as far as that is known by now."""
        return min(fitting, self._size.images)

    def after_pass(self, images: int, seconds: float) -> None:
        """A pass over so many images took so long: more or fewer next time."""
        self._size.took(images, seconds)
