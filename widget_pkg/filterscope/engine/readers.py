"""Who reads the data set: one thread at a time, unless a sample takes much longer than usual."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from filterscope.errors import SampleError
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.host.timing import INTERRUPT_LOOK_SECONDS, SLOW_READ_SECONDS

_TIMES_USUAL = 4  # as long as a sample usually takes: then it is slow
_MOST = 4  # threads that read at once


Result = TypeVar("Result")


class Reading:
    """A sample that is being read, or several at once, for all who wait for it."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.thread = threading.get_ident()
        self.sample: Any = None
        self.error: SampleError | None = None


class Readers:
    """Has samples read one at a time, each of them once, whoever asks.

    A data set need not bear two threads at once: one that moves to a place of a file and reads there would mix up its
    images. But one sample that hangs must not keep a person from all others. So a person's read begins beside another
    one that has taken a second, and four times as long as samples usually take.

    Args:
        usual: Gives about how many seconds a sample takes.
    """

    def __init__(self, usual: Callable[[], float]) -> None:
        self._usual = usual
        self._changed = threading.Condition(threading.Lock())
        self._active: dict[Hashable, Reading] = {}
        self._persons = 0  # reads for a person that wait: they go before others

    def read(self, key: Hashable, read: Callable[[], Result], for_person: bool) -> Result:
        """Reads a sample, or several at once, or waits for the thread that does so already.

        Args:
            key: Stands for what is read.
            read: Reads it.
            for_person: Whether a person waits for it.

        Raises:
            SampleError: If it cannot be read.
        """
        if any(reading.thread == threading.get_ident() for reading in list(self._active.values())):
            return read()  # a data set that asks for another of its samples waits for nobody
        with defer_sigint():  # Ctrl-C acts in the reading and between two looks, and leaves no reading that nobody ends
            while True:
                reading, mine = self._begin(key, for_person)
                if mine:
                    try:
                        with let_sigint_through():
                            sample = reading.sample = read()
                        return sample
                    except SampleError as error:
                        reading.error = error
                        raise
                    finally:
                        self._end(key)
                if reading.error is not None:
                    raise SampleError(reading.error.index, reading.error.cause) from reading.error.__cause__
                if reading.sample is not None:
                    known: Result = reading.sample
                    return known
                # The thread that read it was interrupted, so this one does.

    def _begin(self, key: Hashable, for_person: bool) -> tuple[Reading, bool]:
        """A reading that this thread has to do, or one that another thread did meanwhile."""
        awaited: Reading | None = None
        self._persons_wait(for_person)
        try:
            while True:
                with let_sigint_through():
                    time.sleep(0)  # Ctrl-C acts here, where nothing is held
                with self._changed:
                    reading = self._active.get(key)
                    if awaited is not None and reading is not awaited:
                        return awaited, False
                    awaited = reading
                    seconds = None if reading is not None else self._seconds_to_wait(for_person)
                    if seconds == 0:
                        reading = self._active[key] = Reading()
                        return reading, True
                    self._changed.wait(self._look_seconds(seconds))
        finally:
            self._persons_wait(-for_person)

    def _persons_wait(self, more: int) -> None:
        with self._changed:
            self._persons += more
            self._changed.notify_all()

    @staticmethod
    def _look_seconds(seconds: float | None) -> float | None:
        """For how long to wait at once: in the main thread, which may be interrupted, never for long."""
        if threading.current_thread() is not threading.main_thread():
            return seconds
        return INTERRUPT_LOOK_SECONDS if seconds is None else min(seconds, INTERRUPT_LOOK_SECONDS)

    def _end(self, key: Hashable) -> None:
        with self._changed:
            self._active.pop(key, None)
            self._changed.notify_all()

    def _seconds_to_wait(self, for_person: bool) -> float | None:
        """0 where this thread may begin; else for how long it waits, None until another ends."""
        if not self._active:
            return 0 if for_person or not self._persons else None
        if not for_person or len(self._active) >= _MOST:
            return None
        slow = max(SLOW_READ_SECONDS, _TIMES_USUAL * self._usual())
        return max(0.0, max(reading.began for reading in self._active.values()) + slow - time.monotonic())
