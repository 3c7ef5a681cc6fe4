"""Work in a thread of its own: how far it is, how fast it goes, and how it is stopped at any moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from filterscope.errors import foreign_code
from filterscope.host.process import HomeProcess
from filterscope.host.shutdown import close_at_exit
from filterscope.host.timing import CLOSE_SECONDS, IDLE_LOOK_SECONDS
from filterscope.nets.interruption import StopPass


@dataclass(frozen=True)
class TaskProgress:
    """How far a task is.

    Attributes:
        stage: What is done now: `"weights"` (layers), `"images"`, `"ablation"`, `"merging"` or `"together"` (images),
            `"filters"`; "" before the first.
        done: How many of it.
        total: Of how many; 0 where that is not known.
        per_second: How many a second since the stage began; 0 before the first.
        seconds_left: Of this stage, at that speed; None where that is not known.
        seconds_after: Of the stages after this one; None where that is not known.
    """

    stage: str = ""
    done: int = 0
    total: int = 0
    per_second: float = 0.0
    seconds_left: float | None = None
    seconds_after: float | None = None


class Task:
    """Runs a function in the background.

    Args:
        name: Of the thread.
        work: Given the task; calls `note` as it goes on and `check` before each step.
        seconds_until_idle: For how long the person still comes first; `check` waits as long, with a look now and then.
    """

    def __init__(
        self, name: str, work: Callable[[Task], None], seconds_until_idle: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._home = HomeProcess()
        self.cancelled = threading.Event()
        self.error: Exception | None = None
        self.progress = TaskProgress()
        self._work, self._seconds_until_idle = work, seconds_until_idle
        self._done = threading.Event()
        self._began = self._noted = time.monotonic()
        self._from = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        close_at_exit(self)
        self._thread.start()

    @property
    def done(self) -> bool:
        """Whether it has ended: finished, cancelled or failed."""
        return self._done.is_set()

    def begin(self, stage: str, done: int, total: int) -> None:
        """A stage begins, with so many done before."""
        self._began = time.monotonic()
        self._from = done
        self.progress = TaskProgress(stage, done, total)

    def note(
        self, stage: str, done: int, total: int, share: float | None = None, expected: float | None = None
    ) -> None:
        """So many are done.

        Args:
            stage: The stage.
            done: How many.
            total: Of how many.
            share: Of the stage's work, where one takes longer than another; None for `done / total`.
            expected: How many seconds all of it is expected to take; told until the first is done.
        """
        seconds = time.monotonic() - self._began
        rate = (done - self._from) / seconds if seconds > 0 and done > self._from else 0.0
        left = (total - done) / rate if rate else expected
        if rate and share is not None:
            left = seconds * (1 - share) / share if share > 0 else expected
        self.progress = TaskProgress(stage, done, total, rate, left)

    def check(self) -> None:
        """Gives way to the person, and ends the work where it was cancelled.

        Raises:
            StopPass: If it was.
        """
        while not self.cancelled.is_set() and (seconds := self._seconds_until_idle()) > 0:
            self.cancelled.wait(min(seconds, IDLE_LOOK_SECONDS))
        if self.cancelled.is_set():
            raise StopPass

    def cancel(self) -> None:
        """Ends it at its next step; returns at once."""
        self.cancelled.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it has ended, or for so many seconds, and says whether it has.

        Raises:
            RuntimeError: In a fork of the process that made it, where it does not run.
        """
        self._home.check()
        return self._done.wait(timeout)

    def close(self) -> None:
        """Ends it, and waits until it has."""
        if not self._home.is_this:
            return
        self.cancel()
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        try:
            with foreign_code():
                self._work(self)
        except StopPass:
            pass
        except Exception as error:
            self.error = error
        finally:
            self._done.set()
