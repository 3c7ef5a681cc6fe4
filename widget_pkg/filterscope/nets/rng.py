"""Random numbers of our own, so that reading a sample or running the net leaves the user's generators as they were.

A data set may crop at random and a net may draw in its forward pass, while a training loop in another thread draws from
the same process-wide generators. Saving their state before and restoring it after would rewind that loop's numbers. So
torch's draws are served from a generator of our own, operation by operation, and Python's and NumPy's generators are
touched only around the reading of samples from a data set that was seen to draw from them.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.host.cells import CellWatch
from filterscope.host.timing import RANDOM_DRAW_SECONDS


class RandomStream:
    """A stream of random numbers that starts where the user's generators stand and then goes its own way."""

    def __init__(self) -> None:
        self._torch: dict[torch.device, torch.Generator] = {}
        self._cells = CellWatch()
        self._globals = (
            _Global(random.getstate, random.setstate, self._cells),
            _Global(lambda: np.random.get_state(legacy=False), np.random.set_state, self._cells),
        )

    @contextmanager
    def isolated_torch(self) -> Iterator[None]:
        """Serves every number that this thread draws from torch inside; the global generators stay where they are.

        Whatever other threads draw meanwhile is untouched. Seeding inside (`torch.manual_seed`) seeds this stream; the
        global state is then put back as it was at the start. While a cell runs in another thread it is the cell that
        seeded: training begins so.
        """
        moment = self._cells.moment()
        stream = _TorchStream(self._torch, lambda: not self._cells.elsewhere_since(moment))
        try:
            with stream:
                yield
        finally:
            stream.put_back()

    @contextmanager
    def isolated(self) -> Iterator[None]:
        """Isolates Python's `random` and `numpy.random` as well: for reading a sample of the user's data set.

        These two cannot be watched a thread at a time. One that moved inside is put back, unless it goes on moving
        without us, as it does while another thread draws from it. A data set that draws from one, read while another
        thread draws from the same, is the case in which that thread can get numbers twice.
        """
        with ExitStack() as stack:
            for generator in self._globals:
                stack.enter_context(generator.exchanged())
            with self.isolated_torch():
                yield


class _Global:
    """Python's or NumPy's process-wide generator, and a state of our own to exchange it for."""

    def __init__(self, read: Callable[[], Any], write: Callable[[Any], None], cells: CellWatch) -> None:
        self._read, self._write = read, write
        self._cells = cells
        self._own: Any = None  # once the data set was seen to draw

    @contextmanager
    def exchanged(self) -> Iterator[None]:
        outer, moment = self._read(), self._cells.moment()
        if self._own is not None:
            self._write(self._own)
        try:
            yield
        finally:
            moved = _differ(self._read(), outer) and not self._cells.elsewhere_since(moment)
            if self._own is not None or (moved and not self._moves_by_itself()):
                self._own = self._read()
                self._write(outer)

    def _moves_by_itself(self) -> bool:
        before = self._read()
        time.sleep(RANDOM_DRAW_SECONDS)
        return _differ(self._read(), before)


def _differ(one: Any, other: Any) -> bool:
    return not _same_numpy(one, other) if isinstance(one, dict) else bool(one != other)


def _same_numpy(one: dict[str, Any], other: dict[str, Any]) -> bool:
    inner, outer = one["state"], other["state"]
    return bool(inner["pos"] == outer["pos"] and np.array_equal(inner["key"], outer["key"]))


class _TorchStream(TorchDispatchMode):
    """Sees each ATen operation of this thread; those that draw get a generator of the stream's own."""

    def __init__(self, generators: dict[torch.device, torch.Generator], seeded_here: Callable[[], bool]) -> None:
        super().__init__()
        self._generators = generators
        self._seeded_here = seeded_here
        self._seed, self._state = torch.initial_seed(), torch.get_rng_state()

    def put_back(self) -> bool:
        """Undoes a seeding of the global generator, and says whether there was one.

        With the seed that was in force it is told by the state, which is then the one right after seeding.
        """
        if torch.initial_seed() == self._seed:
            now = torch.get_rng_state()
            if torch.equal(now, self._state) or not torch.equal(now, _fresh_state(self._seed)):
                return False
        if not self._seeded_here():
            return False
        torch.set_rng_state(self._state)
        return True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Else the first operation imports `torch._dynamo`, which takes 1.1 s of a person's first cell."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if torch.Tag.nondeterministic_seeded not in func.tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        generator = self._generator(_device(args, kwargs))
        with_generator = _taking_generator(func)
        if with_generator is not None:
            return with_generator(*args, **kwargs, generator=generator)
        return self._swapped(func, args, kwargs, generator)

    def _generator(self, device: torch.device) -> torch.Generator:
        if device not in self._generators:
            self._generators[device] = torch.Generator(device)
            self._generators[device].set_state(_global_state(device))
        seed = torch.initial_seed()
        if self.put_back():  # seeded inside, by the data set or the net
            for generator in self._generators.values():
                generator.manual_seed(seed)
        return self._generators[device]

    def _swapped(self, func: Any, args: Any, kwargs: Any, generator: torch.Generator) -> Any:
        """For the few operations that take no generator: the global state is exchanged for that moment."""
        outer = _global_state(generator.device)
        _set_global_state(generator.device, generator.get_state())
        try:
            return func(*args, **kwargs)
        finally:
            generator.set_state(_global_state(generator.device))
            _set_global_state(generator.device, outer)


def _fresh_state(seed: int) -> torch.Tensor:
    return torch.Generator().manual_seed(seed).get_state()


def _taking_generator(func: Any) -> Callable[..., Any] | None:
    """The overload of an operation that takes a generator: itself, `rand.generator`, `randint.low_generator`."""
    if any(argument.name == "generator" for argument in func._schema.arguments):
        return func
    packet, overload = func.overloadpacket, func._overloadname
    name = "generator" if overload == "default" else f"{overload}_generator"
    return getattr(packet, name) if name in packet.overloads() else None


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    return next((value.device for value in args if isinstance(value, torch.Tensor)), torch.device("cpu"))


def _backend(device: torch.device) -> Any:
    return sys.modules[f"torch.{device.type}"]


def _global_state(device: torch.device) -> torch.Tensor:
    if device.type == "cpu":
        return torch.get_rng_state()
    return _backend(device).get_rng_state() if device.type == "mps" else _backend(device).get_rng_state(device)


def _set_global_state(device: torch.device, state: torch.Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    elif device.type == "mps":
        _backend(device).set_rng_state(state)
    else:
        _backend(device).set_rng_state(state, device)
