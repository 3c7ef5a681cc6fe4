"""Requests of the pages: answered one at a time in a thread of their own, of each kind only the newest.

A page that is dragged asks faster than a large net answers, and after a long cell its questions of minutes come at
once. What a newer one of the same asker and name has overtaken is not worked on. The thread is there while there is
work, so that a message never waits behind the work on another; the host's own thread, which may be a kernel subshell's,
only hands messages over.

Whatever a request raises, the thread goes on with the next one. At most `MOST_WAITING` requests wait, whoever asks.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from filterscope import wire
from filterscope.host.reports import reported
from filterscope.host.shutdown import close_at_exit
from filterscope.host.timing import (
    CLOSE_SECONDS,
    INBOX_IDLE_SECONDS,
    LONE_ANSWER_SECONDS,
    LONE_REQUEST_SECONDS,
    SLOW_ANSWER_SECONDS,
)
from filterscope.widget.requests import Requests

MOST_WAITING = 48
"""Requests that wait at most: a view asks three at a time. What is one too many is skipped: of the least urgent ones
the oldest."""
_MOST_SLOW = 4  # answers that take long at a time; then what comes waits for one of them


class _Request(NamedTuple):
    content: dict[str, Any]
    # ipykernel finds the message that a reply belongs to, and with it the subshell, by its context variables.
    context: contextvars.Context
    answered: threading.Event


class Inbox:
    """Takes requests from any thread and has them answered.

    Args:
        requests: Says which goes first.
        work: Answers one request. Called in a thread of the inbox's own under ipykernel, elsewhere in the caller's.
        skip: Told of each request that a newer one has overtaken, or that was one too many.
    """

    def __init__(
        self, requests: Requests, work: Callable[[dict[str, Any]], None], skip: Callable[[dict[str, Any]], None]
    ) -> None:
        self._requests = requests
        self._work = work
        self._skip = skip
        self._waiting: dict[tuple[str, str], _Request] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._began: float | None = None  # when that thread took up the request that it answers now
        self._slow: list[threading.Thread] = []  # threads that others have taken the place of
        self._watch: threading.Thread | None = None
        self._closed = False
        self._closing = threading.Event()
        self._taken = 0.0
        close_at_exit(self)

    def take(self, content: dict[str, Any]) -> None:
        """Hands a request over; returns at once, but after a request that comes alone when it is answered.

        When this returns, the kernel says "idle". Jupyter's server sends that on at once, and holds back what comes
        next until the browser has acknowledged it, which takes 40 ms (Nagle's algorithm and delayed acknowledgements).
        So the answer should come before it: a jump's pictures then took 55 ms instead of 66 (medians of 40, one run
        after the other, on a busy machine). In a burst there is always another message that carries the
        acknowledgement, and to wait would hide the newest request.
        """
        # Other hosts, as marimo, let a message be sent only from the thread in which one came.
        if not _in_ipykernel():
            self._work(content)
            return
        request = _Request(content, contextvars.copy_context(), threading.Event())
        # Since the last one was done with: those that came meanwhile are a burst, and none of them waits.
        alone = time.monotonic() - self._taken > LONE_REQUEST_SECONDS
        with self._changed:
            if self._closed:
                return
            overtaken = self._waiting.pop(_kind(content), None)
            self._waiting[_kind(content)] = request
            if len(self._waiting) > MOST_WAITING:
                overtaken = self._waiting.pop(max(self._waiting, key=self._rank))  # of several the first, the oldest
            started = self._starts()
            if not started:
                self._waiting.pop(_kind(content), None)
            elif self._watch is None and (self._began is not None or len(self._waiting) > 1):
                self._watch_answers()
            self._changed.notify()
        if overtaken is not None:
            with reported():
                overtaken.context.run(self._skip, overtaken.content)
            overtaken.answered.set()
        if not started:
            self._work(content)
        elif alone:
            request.answered.wait(LONE_ANSWER_SECONDS)
        self._taken = time.monotonic()

    def someone_waits(self) -> bool:
        """Whether a request waits that a person waits for: longer work is left for later then."""
        with self._changed:
            return any(self._requests.waited_for(name) for _, name in self._waiting)

    def close(self, wait: float = CLOSE_SECONDS) -> None:
        """Forgets what waits, and waits for what is being answered, but no longer than so many seconds."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            threads = [*self._slow, *filter(None, [self._thread, self._watch])]
            self._changed.notify_all()
        self._closing.set()
        end = time.monotonic() + wait
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(timeout=max(0.0, end - time.monotonic()))

    def _watch_answers(self) -> None:
        watch = threading.Thread(target=self._replace_slow, name="filterscope requests watch", daemon=True)
        with suppress(RuntimeError):  # the system has no more threads
            watch.start()
            self._watch = watch

    def _replace_slow(self) -> None:
        """Has another thread answer what waits while an answer takes long, as where a sample is read for a minute."""
        while not self._closing.wait(SLOW_ANSWER_SECONDS / 4):
            with self._changed:
                if self._thread is None or self._closed or (self._began is None and not self._waiting):
                    self._watch = None
                    return
                # A thread that has only just begun has taken up nothing yet, while somebody waits.
                slow = self._began is not None and time.monotonic() - self._began > SLOW_ANSWER_SECONDS
                thread = self._thread
                if slow and self._waiting and len(self._slow) < _MOST_SLOW and self._begins():
                    self._slow.append(thread)

    def _starts(self) -> bool:
        """Begins the thread, where none is there that works, as after a fork; False where the system has no more."""
        return (self._thread is not None and self._thread.is_alive()) or self._begins()

    def _begins(self) -> bool:
        thread = threading.Thread(target=self._run, name="filterscope requests", daemon=True)
        try:
            thread.start()  # it waits for the lock that the caller holds
        except RuntimeError:
            return False
        self._thread, self._began = thread, None
        return True

    def _run(self) -> None:
        me = threading.current_thread()
        while True:
            with self._changed:
                if me in self._slow:  # another thread has its place
                    self._slow.remove(me)
                    return
                self._began = None
                if not self._waiting and not self._closed:
                    self._changed.wait(INBOX_IDLE_SECONDS)
                if not self._waiting or self._closed:
                    self._thread = None
                    return
                self._began = time.monotonic()
                request = self._waiting.pop(min(self._waiting, key=self._rank))
            try:
                with reported():
                    request.context.run(self._work, request.content)
            except BaseException:  # it ends that request; the thread is there for the next
                pass
            finally:
                request.answered.set()
            del request  # it holds the context of its message

    def _rank(self, kind: tuple[str, str]) -> int:
        return self._requests.rank(kind[1])


def _kind(content: dict[str, Any]) -> tuple[str, str]:
    return wire.asker(content), wire.request_name(content)


def _in_ipykernel() -> bool:
    kernel = sys.modules.get("ipykernel.kernelbase")
    return kernel is not None and kernel.Kernel.initialized()
