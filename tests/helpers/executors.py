"""Executors of every kind, whose workers find the tests' helpers."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

# Its processes are forks of one that has imported torch and run nothing.
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["filterscope"])


def two_processes():
    return ProcessPoolExecutor(2, CONTEXT)


def find_helpers(monkeypatch):
    """For engines that are started anew."""
    path = [os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


def in_loky():
    return pytest.importorskip("loky").get_reusable_executor(2)


class OfCluster(Executor):
    """Dask's executor, with the cluster that ends with it."""

    def __init__(self):
        distributed = pytest.importorskip("distributed")
        self._cluster = distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None)
        self._client = distributed.Client(self._cluster)
        self.submit = self._client.get_executor().submit

    def shutdown(self, *args, **options):
        self._client.close()
        self._cluster.close()


class OfEngines(Executor):
    """ipyparallel's executor, with the engines that end with it."""

    def __init__(self):
        ipyparallel = pytest.importorskip("ipyparallel")
        self._cluster = ipyparallel.Cluster(n=2)
        client = self._cluster.start_and_connect_sync()
        self.submit = client.load_balanced_view().executor.submit

    def shutdown(self, *args, **options):
        self._cluster.stop_cluster_sync()


ENGINES = {"threads": lambda: ThreadPoolExecutor(3), "loky": in_loky, "Dask": OfCluster, "ipyparallel": OfEngines}


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
