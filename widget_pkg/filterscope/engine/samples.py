"""Samples of a data set: read one at a time, whoever asks, and the recent ones kept."""

from __future__ import annotations

import threading
from contextlib import suppress

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource
from filterscope.engine.cache import Cache
from filterscope.errors import SampleError
from filterscope.nets.rng import RandomStream

SAMPLES_BYTES = 256 * 2**20
"""Most that recent samples may take; the newest is kept whatever it takes."""


class Samples(Cache[int, Sample]):
    """The samples looked at last; its methods may be called from any thread.

    Args:
        source: The data set.
        lock: Held while samples are kept or dropped. Nobody who reads a sample waits for it.
    """

    def __init__(self, source: SampleSource, lock: threading.RLock) -> None:
        super().__init__(SAMPLES_BYTES, lambda sample: 2 * sample.image.nbytes)  # and display
        self._source = source
        self._lock = lock
        self._reading = threading.RLock()  # a data set reads one sample at a time
        self._random = RandomStream()
        self._cleared = 0

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is kept; where it has to be read, the lock is held meanwhile.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            if image not in self:
                self[image] = self._fresh(image)
            return self[image]

    def preload(self, image: int) -> None:
        """Reads a sample that `sample` will be asked for, without the lock: a slow one keeps nobody waiting.

        Not where samples are so large that it would take the place of the one that is looked at.

        Raises:
            SampleError: If it cannot be read.
        """
        if 2 * self.nbytes > len(self) * SAMPLES_BYTES:
            return
        before = self._cleared
        sample = self.read(image)
        with self._lock:
            if self._cleared == before and image not in self:
                self[image] = sample

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many; it is read without the lock.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            if image in self:
                return self[image]
        return self._fresh(image)

    def has(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known, without the lock."""
        with self._reading:
            return self._source.has(image)

    def clear(self) -> None:
        """Drops all, and what is being read ahead as well."""
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
        del self._source

    def _fresh(self, image: int) -> Sample:
        with self._reading:
            with self._random.isolated():
                sample = self._source.read(image)
            while self._source.looks_again():
                # Each with a random stream's own beginning: some data sets seed it with the sample's index.
                with suppress(SampleError), self._random.isolated():
                    self._source.read(image)
            return sample
