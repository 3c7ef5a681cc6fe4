"""Answers that take time: the work is begun in the background, and a page asks again how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from filterscope.host.timing import CROPS_SECONDS, GIVE_WAY_SECONDS
from filterscope.verdicts.run.task import Task
from filterscope.wire import Body


class BackgroundAnswers:
    """The work behind some requests: of each the newest question alone.

    Args:
        name: Of the threads.
        someone_waits: Whether a person waits for a picture: then work rests, and no answer is waited for.
    """

    def __init__(self, name: str, someone_waits: Callable[[], bool]) -> None:
        self._name, self._someone_waits = name, someone_waits
        self._working: dict[str, tuple[Hashable, Task]] = {}
        self._known: dict[str, tuple[Hashable, Body]] = {}

    def answer(self, request: str, question: Hashable, work: Callable[[Task], Body]) -> Body:
        """What was found, or how far it is: then the page asks again.

        Args:
            request: The request's name.
            question: What the answer depends on; another one ends the work on the last.
            work: Finds the answer.

        Raises:
            Exception: What ended the work.
        """
        known = self._known.get(request)
        if known is not None and known[0] == question:
            return {"status": "done", **known[1]}
        working = self._working.get(request)
        if working is not None and (working[0] != question or working[1].error is not None):
            working[1].cancel()
            working = None
        if working is None:

            def run(task: Task) -> None:
                self._known[request] = question, work(task)

            give_way = lambda: GIVE_WAY_SECONDS if self._someone_waits() else 0.0  # noqa: E731
            working = self._working[request] = question, Task(self._name, run, give_way)
        task, until = working[1], time.monotonic() + CROPS_SECONDS
        while not task.done and time.monotonic() < until and not self._someone_waits():
            task.wait(GIVE_WAY_SECONDS)
        if task.error is not None:
            self._working.pop(request, None)
            raise task.error
        known = self._known.get(request)
        if known is not None and known[0] == question:
            self._working.pop(request, None)
            return {"status": "done", **known[1]}
        progress = task.progress
        return {"status": "running", "stage": progress.stage, "done": progress.done, "total": progress.total}

    def cancel(self, request: str) -> Body:
        """Ends the work on a request."""
        working = self._working.pop(request, None)
        if working is not None:
            working[1].cancel()
        return {"status": "cancelled"}

    def close(self) -> None:
        """Ends all work, and waits until it has ended."""
        for _, task in list(self._working.values()):
            task.close()
