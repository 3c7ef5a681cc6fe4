"""Executors of every kind, whose workers find the tests' helpers."""

from __future__ import annotations

import multiprocessing
import os
import re
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psutil
import pytest

# Its processes are forks of one that has imported torch and run nothing.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["filterscope"])
_ITS_OWN = re.compile("resource_tracker|forkserver")


def two_processes():
    return ProcessPoolExecutor(2, CONTEXT)


def find_helpers(monkeypatch, folder):
    """For engines that are started anew, and that keep their files in a folder."""
    path = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))


@contextmanager
def threads(folder):
    with ThreadPoolExecutor(3) as executor:
        yield executor


@contextmanager
def loky(folder):
    from loky import ProcessPoolExecutor as Processes

    with Processes(2) as executor:
        yield executor


@contextmanager
def dask(folder):
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "dashboard_address": None, "local_directory": str(folder)}
    with LocalCluster(2, **options) as cluster, Client(cluster) as client:
        yield client.get_executor()


@contextmanager
def ipyparallel(folder):
    from ipyparallel import Cluster

    with Cluster(n=2, profile_dir=str(folder / "profile")) as client:
        yield client.load_balanced_view().executor


ENGINES = [threads, *(pytest.param(engine, marks=pytest.mark.tools) for engine in (loky, dask, ipyparallel))]
"""Each gives an executor while it is open, from a folder for its files."""


def processes_of_this_one():
    """Those that this process has started, but for multiprocessing's own, which serve until it ends."""
    children = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE and not _ITS_OWN.search(" ".join(child.cmdline())):
                children.append(child.pid)
    return set(children)


class Fails(Executor):
    """Runs a shard at once, but only after some attempts that end as where a worker was lost."""

    def __init__(self, times):
        self.times, self.submitted = times, 0

    def submit(self, function, *args):
        future, self.submitted = Future(), self.submitted + 1
        if self.submitted <= self.times:
            future.set_exception(ConnectionError("the worker was lost"))
        else:
            future.set_result(function(*args))
        return future


class Backwards(Executor):
    """Runs what was submitted last first, a few at a time, and counts how many were under way at most.

    Args:
        most: How many are let wait before they are run.
    """

    def __init__(self, most):
        self.most, self.waiting, self.under_way = most, [], 0

    def submit(self, function, *args):
        future = Future()
        self.waiting.append((future, function, args))
        self.under_way = max(self.under_way, len(self.waiting))
        if len(self.waiting) == self.most:
            self.run()
        return future

    def run(self):
        for future, function, args in reversed(self.waiting):
            future.set_result(function(*args))
        self.waiting.clear()
