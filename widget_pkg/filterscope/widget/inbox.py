"""Requests of the pages: answered one at a time in a thread of their own, of each kind only the newest.

A page that is dragged asks faster than a large net answers, and after a long cell its questions of minutes come at
once. What a newer one of the same asker and name has overtaken is not worked on. The thread is there while there is
work, so that a message never waits behind the work on another; the host's own thread, which may be a kernel subshell's,
only hands messages over.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from filterscope import wire
from filterscope.host.shutdown import close_at_exit
from filterscope.host.timing import CLOSE_SECONDS, INBOX_IDLE_SECONDS, LONE_ANSWER_SECONDS, LONE_REQUEST_SECONDS
from filterscope.widget.requests import Requests


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
        skip: Told of each request that a newer one has overtaken.
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
        self._closed = False
        self._came = 0.0
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
        now = time.monotonic()
        alone, self._came = now - self._came > LONE_REQUEST_SECONDS, now
        with self._changed:
            if self._closed:
                return
            overtaken = self._waiting.pop(_kind(content), None)
            self._waiting[_kind(content)] = request
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="filterscope requests", daemon=True)
                self._thread.start()
            self._changed.notify()
        if overtaken is not None:
            overtaken.context.run(self._skip, overtaken.content)
        if alone:
            request.answered.wait(LONE_ANSWER_SECONDS)

    def someone_waits(self) -> bool:
        """Whether a request waits that a person waits for: longer work is left for later then."""
        with self._changed:
            return any(self._requests.waited_for(name) for _, name in self._waiting)

    def close(self, wait: float = CLOSE_SECONDS) -> None:
        """Forgets what waits, and waits for what is being answered, but no longer than so many seconds."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            thread = self._thread
            self._changed.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=wait)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._closed:
                    self._changed.wait(INBOX_IDLE_SECONDS)
                if not self._waiting or self._closed:
                    self._thread = None
                    return
                kind = min(self._waiting, key=lambda kind: self._requests.rank(kind[1]))
                request = self._waiting.pop(kind)
            request.context.run(self._work, request.content)
            request.answered.set()
            del request  # it holds the context of its message


def _kind(content: dict[str, Any]) -> tuple[str, str]:
    return wire.asker(content), str(content.get("name"))


def _in_ipykernel() -> bool:
    kernel = sys.modules.get("ipykernel.kernelbase")
    return kernel is not None and kernel.Kernel.initialized()
