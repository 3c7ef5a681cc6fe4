"""What a worker is sent: a net and a data set, or functions that make them, and afterwards only indices of images."""

from __future__ import annotations

import os
import pickle
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.adapters.opening import open_net
from filterscope.data.sample import Sample
from filterscope.errors import NetError, SampleError, describe_exception
from filterscope.nets.calling import Forward
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.rng import RandomStream
from filterscope.nets.runner import NetRunner
from filterscope.scans.identity import ScanIdentity, identify_data, identify_layer
from filterscope.scans.sampling import IsolatedSamples, Samples, find_out_batches, runner_for

_KEPT = 2  # setups whose net and data set a process keeps, of those that it is a worker of


@dataclass(frozen=True, eq=False)
class DataOptions:
    """How a data set is read and a net is called: the options of `scan` of these names."""

    classes: Any = None
    transform: Any = None
    mean: Any = None
    std: Any = None
    layout: str | None = None
    forward: Forward | None = None
    score: Any = None

    def open(self, net: Any, data: Any) -> tuple[nn.Module, IsolatedSamples, Forward | None]:
        """The net inside of what the user gave, the samples of a data set, and how the net is called."""
        options = {each.name: getattr(self, each.name) for each in fields(self)}
        opened = open_net(net, data, **options, isolated=RandomStream().isolated)
        return opened.net, IsolatedSamples(opened.source), opened.forward


@dataclass(frozen=True, eq=False)
class ShardFailure:
    """What a worker returns where the net or the data set raised: to try again would raise again."""

    error: Exception


Work = Callable[[NetRunner, Samples, np.ndarray], Any]
"""What is done with a net, a data set and the indices of a shard's images; can be pickled, as what it returns can."""


@dataclass(frozen=True, eq=False)
class WorkerSetup:
    """What a worker opens once, for all its shards.

    Attributes:
        identity: The net, its chosen layers and the data set; a worker's own must be these.
        first: The images that tell whether several may go in one pass: the same on every worker.
        net: The net, or None where `net_factory` makes it.
        data: The data set, or None where `data_factory` makes it.
        options: How it is read.
        net_factory: Makes the net.
        data_factory: Makes the data set.
        asked: The function that people called, for sentences.
        home: The process that made the setup.
        token: Names it.
    """

    identity: ScanIdentity
    first: Sequence[int]
    net: nn.Module | None
    data: Any
    options: DataOptions
    net_factory: Callable[[], nn.Module] | None = None
    data_factory: Callable[[], Any] | None = None
    asked: str = "scan"
    home: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def opened(self) -> tuple[NetRunner, Samples]:
        """Each thread has a runner of its own; all threads of a process read one data set, in turn.

        Raises:
            NetError: If the net is another one than that of `identity`.
            ValueError: If the data set is another one.
        """
        kept: OrderedDict[str, tuple[NetRunner, Samples]] = _of_thread.__dict__.setdefault("opened", OrderedDict())
        if self.token not in kept:
            kept[self.token] = self._open()
            while len(kept) > _KEPT:
                kept.popitem(last=False)
        return kept[self.token]

    def _open(self) -> tuple[NetRunner, Samples]:
        with _opening:
            if self.token not in _shared:
                net: Any = self.net if self.net_factory is None else self.net_factory()
                data = self.data if self.data_factory is None else self.data_factory()
                opened, isolated, forward = self.options.open(net, data)
                _shared[self.token] = opened, SharedSamples(isolated), forward
                while len(_shared) > _KEPT:
                    _shared.popitem(last=False)
            net, samples, forward = _shared[self.token]
        runner = runner_for(net, samples, forward)
        find_out_batches(runner, samples, np.asarray(self.first))
        self._check(runner, samples)
        return runner, samples

    def _check(self, runner: NetRunner, samples: Samples) -> None:
        """Raises if this worker's net or data set is another one."""
        layers = [identify_layer(layer) for layer in runner.layers]
        if any(layer not in layers for layer in self.identity.layers) or fingerprint(runner.net) != self.identity.net:
            raise NetError(
                f"net_factory makes a net of other layers or weights than the one that {self.asked}() was given; let "
                "it load the same weights, as net.load_state_dict(torch.load(path))"
            )
        if self.data_factory is not None and not identify_data(samples).fits(self.identity.data):
            raise ValueError(
                "data_factory makes a data set of other images, labels or class names than the one that "
                f"{self.asked}() was given; let it make the same"
            )


@dataclass(frozen=True, eq=False)
class ShardTask:
    """Does something with shards wherever it is sent.

    Attributes:
        setup: What a worker opens.
        work: What it does with a shard.
    """

    setup: WorkerSetup
    work: Work

    def __call__(self, images: np.ndarray) -> Any:
        """What the work gives for these images, or a `ShardFailure`."""
        try:
            with _one_thread(os.getpid() != self.setup.home), torch.inference_mode(False):
                return self.work(*self.setup.opened(), images)
        except Exception as error:
            return ShardFailure(_portable(error))


class SharedSamples:
    """A data set that several threads read in turn: few can be read by two at once."""

    def __init__(self, samples: Samples) -> None:
        self._samples, self._lock = samples, threading.Lock()
        self.classes = samples.classes
        self.is_stream = samples.is_stream
        self.objective = samples.objective

    def __len__(self) -> int:
        return len(self._samples)

    def read(self, index: int) -> Sample:
        """A sample.

        Raises:
            SampleError: If it cannot be read.
        """
        with self._lock:
            return self._samples.read(index)

    def read_several(self, indices: Sequence[int]) -> Sequence[Sample | SampleError]:
        """Samples; for one that cannot be read, its error."""
        with self._lock:
            return self._samples.read_several(indices)

    def has(self, index: int) -> bool:
        """Whether there is an image of that index."""
        with self._lock:
            return self._samples.has(index)


_opening = threading.Lock()
_shared: OrderedDict[str, tuple[nn.Module, SharedSamples, Forward | None]] = OrderedDict()
_of_thread = threading.local()


def forget(setup: WorkerSetup) -> None:
    """Lets go of net and data set in this process; threads of its executor may keep theirs while they live."""
    with _opening:
        _shared.pop(setup.token, None)


@contextmanager
def _one_thread(alone: bool) -> Iterator[None]:
    """Computes in one thread, where this is one of several worker processes."""
    threads = torch.get_num_threads()
    if not alone or threads == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _portable(error: Exception) -> Exception:
    """An error that can be sent to another process: itself, or one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # somebody's class
        return NetError(str(error)) if isinstance(error, ValueError) else RuntimeError(describe_exception(error))
    return error
