"""Runs shards on any `concurrent.futures.Executor`: threads, processes, loky's, Dask's, ipyparallel's, MPI's."""

from __future__ import annotations

import pickle
import re
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from typing import Any

import numpy as np

from filterscope.errors import describe_exception, kind_of
from filterscope.host.timing import EXECUTOR_LOOK_SECONDS
from filterscope.scans.task import ShardFailure, ShardTask

_TRIES = 3  # of a shard whose worker ends before it is done
_UNDER_WAY = 16  # shards, where each carries the net or the data set: more would fill the memory
_ABOUT_PICKLE = re.compile("pickl|seriali", re.IGNORECASE)


def check_executor(executor: Any) -> None:
    """Checks that something is an executor.

    Raises:
        TypeError: If it is none.
    """
    if isinstance(executor, type):
        raise TypeError(f"executor is the class {executor.__name__}; give an executor: {executor.__name__}()")
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(
            f"executor is {kind_of(executor)}; give a concurrent.futures.Executor, as ProcessPoolExecutor(), "
            "dask.distributed.Client().get_executor() or ipyparallel's view.executor; or None"
        )


class ShardPool:
    """Runs shards on an executor.

    Args:
        executor: The executor. It stays open; where its processes have ended, others like them take their place.
        task: What is done with a shard.
        check: Called several times a second; what it raises ends the work.
    """

    def __init__(self, executor: Executor, task: ShardTask, check: Callable[[], None]) -> None:
        self._executor, self._task, self._check = executor, task, check
        self._pool: Any = executor
        self._breaks = 0  # of pools since the last shard that was done
        self._tries: Counter[int] = Counter()  # by the number of a shard

    def run(self, shards: Iterable[np.ndarray], in_order: bool = False) -> Iterator[Any]:
        """What each shard gave.

        Args:
            shards: Indices of images.
            in_order: Whether the shards' results come in the order of the shards; else as they are done.

        Raises:
            Exception: What the net or the data set raised.
            ValueError: If the executor takes no work, or what it is sent cannot be pickled.
            RuntimeError: If workers ended over a shard three times.
        """
        queue = deque(enumerate(shards))
        pending: dict[Future[Any], tuple[int, np.ndarray, Any]] = {}  # a shard's number, it, and the pool that does it
        done: dict[int, Any] = {}
        following = 0  # number of the result that comes next, where they come in order
        try:
            while queue or pending:
                # What is done and waits for its turn takes memory, too.
                while queue and (not pending or len(pending) + len(done) < self._most_under_way(in_order)):
                    number, shard = queue.popleft()
                    future = self._submit(shard)
                    pending[future] = number, shard, self._pool
                finished = wait(pending, EXECUTOR_LOOK_SECONDS, FIRST_COMPLETED).done
                self._check()
                for future in finished:
                    number, shard, pool = pending.pop(future)
                    result = self._result(future, number, shard, pool)
                    if result is None:
                        queue.appendleft((number, shard))
                        continue
                    done[number] = result
                    while (number := following if in_order else number) in done:
                        following += 1
                        yield done.pop(number)
        finally:
            for future in pending:
                future.cancel()
            self._close_own()

    def _most_under_way(self, in_order: bool) -> int:
        if self._task.setup.net is None and self._task.setup.data is None and not in_order:
            return 2**31
        return max(_UNDER_WAY, 2 * getattr(self._executor, "_max_workers", 0))

    def _submit(self, shard: np.ndarray) -> Future[Any]:
        while True:
            try:
                future: Future[Any] = self._pool.submit(self._task, shard)
                return future
            except BrokenExecutor as error:
                self._renew(error, shard)
            except Exception as error:
                self._raise_if_pickling(error)
                raise ValueError(
                    f"the executor takes no work ({describe_exception(error)}); give one that is open, as in "
                    f"with ProcessPoolExecutor() as executor: {self._asked}(net, data, executor=executor)"
                ) from error

    def _result(self, future: Future[Any], number: int, shard: np.ndarray, pool: Any) -> Any:
        """What a shard gave; None if it is to be tried again."""
        try:
            result = future.result()
        except BrokenExecutor as error:  # so is every other shard of that pool
            if pool is self._pool:
                self._renew(error, shard)
            return None
        except Exception as error:
            self._raise_if_pickling(error)
            self._tries[number] += 1
            if self._tries[number] >= _TRIES:
                raise RuntimeError(self._ended(error, shard)) from error
            return None
        if isinstance(result, ShardFailure):
            raise result.error
        self._breaks = 0
        return result

    def _renew(self, error: Exception, shard: np.ndarray) -> None:
        """Takes another pool like the one whose processes have ended."""
        self._breaks += 1
        if self._breaks >= _TRIES:
            raise RuntimeError(self._ended(error, shard)) from error
        broken: Any = self._pool
        if isinstance(self._pool, ProcessPoolExecutor):
            self._close_own()
            self._pool = ProcessPoolExecutor(
                broken._max_workers,
                mp_context=broken._mp_context,
                initializer=broken._initializer,
                initargs=broken._initargs,
            )
        elif hasattr(type(broken), "get_reusable_executor"):  # loky's, which makes another where the one is broken
            self._pool = type(broken).get_reusable_executor(broken._max_workers)[0]

    def _close_own(self) -> None:
        if self._pool is not self._executor and isinstance(self._pool, ProcessPoolExecutor):
            self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def _asked(self) -> str:
        return self._task.setup.asked

    def _ended(self, error: Exception, shard: np.ndarray) -> str:
        images = f"images {shard[0]} … {shard[-1]}"
        if not (np.diff(shard) > 0).all():
            images = f"{len(shard)} images, the first of them {shard[0]}"
        sentences = [
            f"the workers of {type(self._executor).__name__} ended {_TRIES} times over {images} "
            f"({describe_exception(error)})",
            "They may lack memory, or not find a class or function that a notebook or script defines: put it into a "
            "module, or give net_factory= and data_factory=, functions of a module",
        ]
        if self._asked == "scan":
            sentences.append("What was scanned before is in the file of resume=, if there was one")
        return ". ".join(sentences)

    def _raise_if_pickling(self, error: Exception) -> None:
        """Says what cannot be sent to a worker, where that is what went wrong."""
        texts = [f"{type(cause).__name__} {cause}" for cause in (error, error.__cause__) if cause is not None]
        if not any(map(_ABOUT_PICKLE.search, texts)):
            return
        workers = f"the workers of {type(self._executor).__name__}"
        for name, value, advice in self._sent():
            try:
                pickle.dumps(value)
            except Exception as refusal:
                raise ValueError(
                    f"{name} cannot be sent to {workers} ({describe_exception(refusal)}); {advice}. Threads need no "
                    "sending: executor=ThreadPoolExecutor()"
                ) from error
        raise ValueError(
            f"the work of {self._asked}() cannot be sent to {workers} ({describe_exception(error)}); give net_factory= "
            "and data_factory=, functions of a module that make net and data there"
        ) from error

    def _sent(self) -> Iterator[tuple[str, Any, str]]:
        """What is sent to a worker, by name, with what to do where it cannot be."""
        setup, options = self._task.setup, self._task.setup.options
        for name, value in (("net", setup.net), ("data", setup.data)):
            line = f"{self._asked}(net, data, executor=executor, {name}_factory=make_{name})"
            yield name, value, f"give {name}_factory=, a function of a module that makes it there: {line}"
        function = "define it as a function of a module, neither as a lambda nor inside of another function"
        for name in ("net_factory", "data_factory"):
            yield name, getattr(setup, name), function
        for name in ("forward", "transform", "classes"):
            yield name, getattr(options, name), function
