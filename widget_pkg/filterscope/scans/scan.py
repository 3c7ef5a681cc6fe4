"""`filterscope.scan`: what does each filter look for, over a whole data set?"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, closing
from dataclasses import dataclass, fields
from os import PathLike
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError, kind_of
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.nets.calling import Forward
from filterscope.nets.interruption import StopPass
from filterscope.nets.layer_choice import layer_indices
from filterscope.nets.runner import NetRunner
from filterscope.scans.ahead import ReadAhead
from filterscope.scans.archive import read_scan
from filterscope.scans.choice import check_count, chosen_images, count_of_stream, shards_of, shards_of_stream
from filterscope.scans.crops import Cropper
from filterscope.scans.executors import ShardPool, check_executor
from filterscope.scans.identity import PRE_ACTIVATION, ScanIdentity, identify
from filterscope.scans.progress import ProgressBar, no_progress
from filterscope.scans.result import Scan
from filterscope.scans.resume import ResumeFile
from filterscope.scans.sampling import IsolatedSamples, Samples, find_out_batches, one_at_a_time_note, runner_for
from filterscope.scans.shard import ShardScanner, ShardWork
from filterscope.scans.state import ScanState
from filterscope.scans.task import DataOptions, ShardTask, WorkerSetup, forget

_FIRST = 20  # images that tell whether several may go in one pass

OnProgress = Callable[[str, int, int], None]
"""Called before the first shard and after each: `"images"`, how many, and of how many (0 where that is not known)."""


def scan(
    net: nn.Module,
    data: Any,
    images: int | Iterable[int] | slice | None = None,
    layers: Iterable[int | str | nn.Module] | int | str | nn.Module | None = None,
    executor: Executor | None = None,
    workers: int = 0,
    resume: str | PathLike[str] | None = None,
    *,
    pre_activation: bool = False,
    classes: Any = None,
    transform: Callable[[Any], Any] | None = None,
    mean: Any = None,
    std: Any = None,
    layout: str | None = None,
    forward: Forward | None = None,
    net_factory: Callable[[], nn.Module] | None = None,
    data_factory: Callable[[], Any] | None = None,
    progress: bool | OnProgress = True,
    cancel: threading.Event | None = None,
) -> Scan:
    """Runs a net over a data set once, and keeps what every filter gave for every image.

    The result tells which images drive a filter most and least, which are typical, which of each class, how its maxima
    are distributed, and where in the image it fires. It is the same to the byte however the work is divided, on one
    kind of device. The net is left exactly as it came.

    Args:
        net: The network.
        data: What `Explorer` takes: a torch `Dataset`, a `DataLoader`, an array or tensor, a list of images or of
            `(image, label)`, a folder.
        images: None for all; how many, drawn from all of `data` in an order that is the same every time (of a stream
            the first ones); or indices, as `range(0, 5000)` on one machine and `range(5000, 10000)` on another.
        layers: Which layers, by index, name or module; None for all.
        executor: Where shards of 1,024 images are scanned: any `concurrent.futures.Executor`, as
            `ProcessPoolExecutor()`, Dask's `client.get_executor()` or ipyparallel's `view.executor`. None for here, one
            after the other.
        workers: How many processes read images ahead, for a data set on disk; not together with `executor`.
        resume: A file. What was scanned is written to it now and then, and what is in it is not scanned again.
        pre_activation: Whether the scores are those of the maps before normalisation and nonlinearity.
        classes: Class names, or a torchvision weights object; by default the data set's own.
        transform: Applied to each image as the data set gives it.
        mean: Mean of the Normalize that the images went through; undone in crops.
        std: Its standard deviation.
        layout: `"CHW"` or `"HWC"` where the order of an image's axes is not clear.
        forward: The user's own way of calling the net, a function of a net and an image.
        net_factory: A function of a module that makes the same net in each worker of `executor`; else `net` is sent
            with each shard.
        data_factory: The same for the data set.
        progress: Whether a bar is shown (with tqdm, where it is installed), or a function of what is done, how many
            images of it, and of how many.
        cancel: Set it from another thread to stop.

    Returns:
        The scan. Stopped early, by `cancel` or by Ctrl-C, it holds what was seen and says so.

    Raises:
        TypeError: If the net, the data or an option is of the wrong kind.
        ValueError: If an option does not fit, or the file of `resume` is of something else.
        NetError: If the net refuses the images or has no convolution.
        SampleError: If none of the first samples can be read.
        RuntimeError: If the workers of `executor` end over and over.
        OSError: If the file of `resume` cannot be read or written.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False)
        >>> found.top("conv2", 3, k=3).values.dtype
        dtype('float32')
    """
    if executor is not None:
        check_executor(executor)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 0:
        raise ValueError(f"workers is {workers!r}; give how many processes read images ahead, 0 or more")
    if workers and executor is not None:
        raise ValueError(
            "workers= reads ahead of a scan here, and an executor's workers read themselves; give one of both"
        )
    for name, factory in (("net_factory", net_factory), ("data_factory", data_factory)):
        if factory is not None and not callable(factory):
            raise TypeError(f"{name} is {kind_of(factory)}; give a function of a module that takes nothing, or None")
    if cancel is not None and not callable(getattr(cancel, "is_set", None)):
        raise TypeError(f"cancel is {kind_of(cancel)}; give a threading.Event, which another thread sets, or None")
    options = DataOptions(classes, transform, mean, std, layout, forward)
    # Tensors made in the caller's inference mode could not be written to.
    with torch.inference_mode(False):
        opened = _Opened.of(net, data, options, images, layers, pre_activation)
        if opened.samples.is_stream and (workers or executor is not None):
            raise ValueError(
                "data is a stream, which can only be read from its start, so its shards cannot be read apart; give "
                "executor=None and workers=0, or a data set with a length"
            )
        scanning = _Scanning(opened, ResumeFile(resume, opened.identity), progress, cancel)
        if executor is None:
            return scanning.here(workers)
        first = opened.first.tolist()
        net_sent, data_sent = None if net_factory else net, None if data_factory else data
        setup = WorkerSetup(opened.identity, first, net_sent, data_sent, options, net_factory, data_factory)
        try:
            return scanning.on(executor, setup)
        finally:
            forget(setup)


def load_scan(path: str | PathLike[str], net: nn.Module | None = None, data: Any = None, **options: Any) -> Scan:
    """Reads a scan that `Scan.save` wrote, or the file of `scan(resume=)`.

    Args:
        path: The file.
        net: The net that was scanned, for crops; None for no crops.
        data: The data set that was scanned, for crops.
        **options: How it is read: `classes`, `transform`, `mean`, `std`, `layout` and `forward`, as for `scan`.

    Raises:
        OSError: If there is no such file.
        TypeError: If only one of net and data is given, or there is no such option.
        ValueError: If it is no scan, or one of another net or data set.

    Example:
        >>> import os, tempfile
        >>> from filterscope import demo, load_scan, scan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "fashion.npz")
        ...     scan(demo.fashion_net(), demo.fashion_test_data(), images=100, progress=False).save(path)
        ...     load_scan(path)
        Scan(100 images, 30 filters of conv1, conv2)
    """
    known = [each.name for each in fields(DataOptions)]
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"load_scan has no option {', '.join(map(repr, unknown))}; it has {', '.join(known)}")
    identity, state = read_scan(path)
    if net is None and data is None:
        return Scan(identity, state)
    if net is None or data is None:
        raise TypeError("give both net and data, from which crops are cut, or none of them: load_scan(path, net, data)")
    layers = [layer.index for layer in identity.layers]
    opened = _Opened.of(net, data, DataOptions(**options), None, layers, identity.maps == PRE_ACTIVATION)
    difference = identity.difference(opened.identity)
    if difference:
        raise ValueError(f"what load_scan is given is {difference}; give the net and the data set that were scanned")
    return Scan(identity, state, opened.cropper)


@dataclass(frozen=True, eq=False)
class _Opened:
    """A net and a data set, ready to be scanned.

    Attributes:
        runner: Runs the net.
        samples: The data set.
        count: How many images of a stream are asked for; None for all.
        images: Indices of the chosen images, ascending; of a stream those that are known.
        identity: What is scanned.
    """

    runner: NetRunner
    samples: IsolatedSamples
    count: int | None
    images: np.ndarray
    identity: ScanIdentity

    @classmethod
    def of(cls, net: Any, data: Any, options: DataOptions, images: Any, layers: Any, pre_activation: bool) -> _Opened:
        if images is not None:
            check_count(images)
        (net, samples, forward), count = options.open(net, data), None
        if samples.is_stream:
            count = count_of_stream(images)
            samples.has(_FIRST - 1)
            chosen = np.arange(len(samples))
        else:
            chosen = chosen_images(images, samples)
        runner = runner_for(net, samples, forward)
        indices = sorted(layer_indices(runner.layers, layers))
        find_out_batches(runner, samples, chosen[:_FIRST])
        return cls(runner, samples, count, chosen, identify(runner, samples, indices, pre_activation))

    @property
    def first(self) -> np.ndarray:
        """The images that told whether several may go in one pass."""
        return self.images[:_FIRST]

    @property
    def cropper(self) -> Cropper:
        return Cropper(self.runner, self.samples, self.identity.maps == PRE_ACTIVATION)

    def shards(self, seen: np.ndarray) -> Iterable[np.ndarray]:
        if self.samples.is_stream:
            return shards_of_stream(self.count, self.samples, seen)
        return shards_of(self.images, seen)

    @property
    def total(self) -> int:
        """How many images are asked for; 0 where that is not known."""
        if not self.samples.is_stream:
            return len(self.images)
        return self.count or 0


class _Scanning:
    """One scan, shard by shard.

    Args:
        opened: Net and data set.
        file: Where it is written to.
        progress: As `scan` has it.
        cancel: Ends it.
    """

    def __init__(
        self, opened: _Opened, file: ResumeFile, progress: bool | OnProgress, cancel: threading.Event | None
    ) -> None:
        if not isinstance(progress, bool) and not callable(progress):
            raise TypeError(
                f"progress is {kind_of(progress)}; give True, False, or a function of a word and two numbers"
            )
        self._opened, self._file, self._state = opened, file, file.state
        self._layers = tuple(layer.index for layer in opened.identity.layers)
        self._pre_activation = opened.identity.maps == PRE_ACTIVATION
        self._bar = ProgressBar() if progress is True else None
        self._on_progress: OnProgress = self._bar or (progress if callable(progress) else no_progress)
        self._cancel = cancel or threading.Event()

    def here(self, workers: int) -> Scan:
        """Scans one shard after the other."""
        opened = self._opened
        shards = opened.shards(self._state.asked)
        samples: Samples = opened.samples
        with ExitStack() as stack:
            if workers:
                shards = list(shards)
                order = np.concatenate([np.zeros(0, np.int64), *shards])
                samples = stack.enter_context(closing(ReadAhead(samples, order, workers)))
            scanner = ShardScanner(opened.runner, samples, self._layers, self._pre_activation, self._check)
            return self._gather(scanner.scan(shard) for shard in shards)

    def on(self, executor: Executor, setup: WorkerSetup) -> Scan:
        """Scans shards on an executor."""
        task = ShardTask(setup, ShardWork(self._layers, self._pre_activation))
        return self._gather(ShardPool(executor, task, self._check).run(self._opened.shards(self._state.asked)))

    def _gather(self, states: Iterator[ScanState]) -> Scan:
        notes = [one_at_a_time_note(self._opened.runner)]
        try:
            self._tell()
            with closing(states), defer_sigint():  # type: ignore[type-var]
                for state in self._let_through(states):
                    self._state = self._state.merge(state)
                    self._file.note(self._state)
                    self._tell()
        except StopPass:
            notes.append(f"It was cancelled after {len(self._state.asked):,} images.")
        except KeyboardInterrupt:
            notes.append(f"It was stopped after {len(self._state.asked):,} images.")
            warnings.warn("stopped; the scan holds the images seen so far", stacklevel=4)
        finally:
            if self._bar is not None:
                self._bar.close()
            self._file.write(self._state)
        refused, cause = self._state.refused
        if refused and not len(self._state.images):
            raise NetError(f"the net refused all {refused} images: {cause}")
        return Scan(self._opened.identity, self._state, self._opened.cropper, tuple(filter(None, notes)))

    @staticmethod
    def _let_through(states: Iterator[ScanState]) -> Iterator[ScanState]:
        """The states; Ctrl-C acts while one is waited for, and not while it is taken in."""
        while True:
            with let_sigint_through():
                state = next(states, None)
            if state is None:
                return
            yield state

    def _tell(self) -> None:
        self._on_progress("images", len(self._state.asked), self._opened.total)

    def _check(self) -> None:
        if self._cancel.is_set():
            raise StopPass
