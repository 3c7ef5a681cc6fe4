"""Samples of a data set: read without the engine's lock, whoever asks, and the recent ones kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource
from filterscope.engine.cache import Cache
from filterscope.engine.lock import EngineLock
from filterscope.engine.readers import Readers
from filterscope.errors import SampleError
from filterscope.host.process import HomeProcess
from filterscope.host.sigint import let_sigint_through
from filterscope.nets.rng import RandomStream

SAMPLES_BYTES = 256 * 2**20
"""Most that recent samples may take; the newest is kept whatever it takes."""


class Samples(Cache[int, Sample]):
    """The samples looked at last; its methods may be called from any thread.

    All reading of the data set is done here, in the thread that asks, and without the lock.

    Args:
        source: The data set.
        lock: Held while samples are kept or dropped; set down while one is read.

    Attributes:
        trial: An image that is shown in place of the data set's of its index; None where all are the data set's.
    """

    def __init__(self, source: SampleSource, lock: EngineLock) -> None:
        super().__init__(SAMPLES_BYTES, lambda sample: 2 * sample.image.nbytes)  # and display
        self._open_source: SampleSource | None = source
        self._lock = lock
        self._home = HomeProcess()
        self._readers = Readers(lambda: source.seconds)
        self._random = RandomStream()
        self._cleared = 0
        self.trial: Sample | None = None

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is kept.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            if self.trial is not None and self.trial.index == image:
                return self.trial
            while image not in self:
                before = self._cleared
                sample = self._fresh(image, for_person=True)
                if self._cleared == before and image not in self:
                    self[image] = sample
            return self[image]

    def own(self, image: int) -> Sample:
        """The data set's own sample, also where another one is shown in its place."""
        with self._lock:
            trial, self.trial = self.trial, None
            try:
                return self.sample(image)
            finally:
                self.trial = trial

    def preload(self, image: int) -> None:
        """Reads a sample that `sample` will be asked for.

        Not where samples are so large that it would take the place of the one that is looked at.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            if image in self or 2 * self.nbytes > len(self) * SAMPLES_BYTES:
                return
            before = self._cleared
            sample = self._fresh(image, for_person=False)
            if self._cleared == before and image not in self:
                self[image] = sample

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            if image in self:
                return self[image]
            return self._fresh(image, for_person=False)

    def read_for_net(self, images: Sequence[int]) -> list[Sample | SampleError]:
        """Samples that are given to the net and not drawn, read in one go; for one that cannot be read, its error."""
        with self._lock:
            kept = {image: self[image] for image in images if image in self}
            missing = tuple(image for image in images if image not in kept)
            source, before = self.source, self._cleared

            def read() -> Sequence[Sample | SampleError]:
                with self._isolated(), let_sigint_through():
                    return source.read_for_net(missing)

            fresh: dict[int, Sample | SampleError] = {}
            if missing:
                with self._lock.set_down():
                    fresh = dict(zip(missing, self._readers.read((missing, before), read, False), strict=True))
        return [kept.get(image) or fresh[image] for image in images]

    def has(self, image: int, seconds: float | None = None) -> bool:
        """Whether there is an image of that index; a stream is read on to know, for so many seconds."""
        source = self.source
        if image < len(source) or not source.is_stream:
            return image < len(source)
        with self._lock.set_down(), self._isolated(), let_sigint_through():
            return source.has(image, seconds)

    def labels(self) -> list[str | int | None] | None:
        """The classes of all samples, where the data set holds them beside its images and some samples agree."""
        return self.source.labels(lambda image: self.read(image).label)

    def measure(self) -> None:
        """Asks the data set for its length; a stream is begun again."""
        source = self.source
        with self._lock.set_down(), self._isolated(), let_sigint_through():
            source.measure()

    def clear(self) -> None:
        """Drops all, and what is being read as well."""
        self._cleared += 1
        super().clear()

    def sleep(self, keep_newest: bool) -> None:
        """Drops all that can be read again; of a data set that draws at random the newest is kept, if asked."""
        newest = self.newest() if keep_newest else None
        kept = None if newest is None else self[newest]
        self.clear()
        if newest is not None and kept is not None:
            self[newest] = kept

    def close(self) -> None:
        """Drops all, and lets go of the data set."""
        self.clear()
        self._open_source = None

    @property
    def source(self) -> SampleSource:
        """The data set.

        Raises:
            RuntimeError: If the explorer is closed.
        """
        self._home.check()
        if self._open_source is None:
            raise RuntimeError("this explorer is closed; make a new one")
        return self._open_source

    def _fresh(self, image: int, for_person: bool) -> Sample:
        source = self.source

        def read() -> Sample:
            with self._isolated(), let_sigint_through():
                sample = source.read(image)
            while source.looks_again():
                # Each with a random stream's own beginning: some data sets seed it with the sample's index.
                with suppress(SampleError), self._isolated(), let_sigint_through():
                    source.read(image)
            return sample

        with self._lock.set_down():
            return self._readers.read((image, self._cleared), read, for_person)

    def _isolated(self) -> AbstractContextManager[None]:
        """Random numbers of our own; those of the process, and of no thread, for one thread at a time."""
        return self._random.isolated(wait=False)
