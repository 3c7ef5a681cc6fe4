"""Our own random numbers: reading a sample or running the net leaves the user's generators as they were.

A data set may crop at random and a net may draw in its forward pass, while a training loop in another thread draws from
the same process-wide generators. Saving their state before and restoring it after would rewind that loop's numbers. So
torch's draws are served by a generator of our own, operation by operation. The state of Python's and NumPy's generators
is exchanged only for a data set or a net that was seen to draw from them.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from filterscope.host.cells import CellWatch, cells_are_known
from filterscope.host.collection import without_collection
from filterscope.host.sigint import defer_sigint

# Only one thread at a time may have a generator's state exchanged, else one would put back the other's.
_PYTHON, _NUMPY = threading.RLock(), threading.RLock()


class RandomStream:
    """A stream of random numbers that starts in the state of the user's generators and then goes on by itself.

    Args:
        repeats: Whether every use begins with the same numbers as the first, as a net's passes do: so the map of an
            image is the same whenever it is computed. Else each use goes on where the one before ended, as a data set's
            samples do.
    """

    def __init__(self, repeats: bool = False) -> None:
        self._repeats = repeats
        self._torch: dict[torch.device, torch.Generator] = {}
        self._beginnings: dict[torch.device, torch.Tensor] = {}
        self._cells = CellWatch()
        self._globals = (
            _Global(random.getstate, random.setstate, _PYTHON, repeats),
            _Global(lambda: np.random.get_state(legacy=False), np.random.set_state, _NUMPY, repeats),
        )

    @contextmanager
    def isolated_torch(self) -> Iterator[None]:
        """Serves every number that this thread draws from torch in the body; the global generators do not move.

        What other threads draw meanwhile is not affected. `torch.manual_seed` in the body seeds this stream, and the
        global state becomes what it was at the start. But if a cell runs in another thread meanwhile, the cell is taken
        to have called it, as training does at its start; in a script, which has no cells, any other thread that ran
        and was not at work for us.

        Ctrl-C is held back, so that the mode that serves the numbers is entered and left as one: what takes long in the
        body belongs into `let_sigint_through`.
        """
        with defer_sigint():
            moment = self._cells.moment()
            for device, state in self._beginnings.items():
                self._torch[device].set_state(state)
            others = None if cells_are_known() else _processor_time()

            def seeded_here() -> bool:
                if others is None:
                    return not self._cells.elsewhere_since(moment)
                return not _others_ran(others)

            stream = _TorchStream(self._torch, seeded_here)
            try:
                with stream:
                    yield
            finally:
                if self._repeats:
                    self._beginnings.update(stream.beginnings)
                stream.put_back()

    @contextmanager
    def isolated(self, wait: bool = True) -> Iterator[None]:
        """Isolates Python's `random` and `numpy.random` as well.

        These two generators belong to the process and not to a thread, so it cannot be seen who draws from them. One
        that moved in the body while no other thread ran was moved by the body: it is put back, and has our own state in
        each later body. Where other threads ran, it stays as it is until that can be told. The cases that are not
        covered: a body that draws only while other threads run moves the user's generator, and what another thread
        draws during a body that has our own state comes from there.

        Args:
            wait: Whether to wait until no other thread's body has its own state; else this one goes without. Whoever
                reads somebody's data must not wait for another reader, which may take long.
        """
        with defer_sigint(), ExitStack() as stack:
            for generator in self._globals:
                stack.enter_context(generator.exchanged(wait))
            with self.isolated_torch():
                yield

    def look_again(self) -> None:
        """Makes the next use of a stream that repeats find out anew whether its body draws."""
        for generator in self._globals:
            generator.settled = False


class _Global:
    """Python's or NumPy's process-wide generator, and our own state for it.

    Args:
        read: Returns the generator's state.
        write: Sets the generator's state.
        lock: Held while the generator has a state of our own.
        repeats: Whether every body begins in the same state; then the body is taken to draw always or never, so that
            one look is enough: to look costs 0.1 ms, a twentieth of a small net's pass.

    Attributes:
        settled: Whether it is known that the body does not draw.
    """

    def __init__(
        self, read: Callable[[], Any], write: Callable[[Any], None], lock: threading.RLock, repeats: bool
    ) -> None:
        self._read, self._write = read, write
        self._lock, self._repeats = lock, repeats
        self._own: Any = None  # a state, from when the body was first seen to draw
        self.settled = False

    @contextmanager
    def exchanged(self, wait: bool) -> Iterator[None]:
        """Gives the generator our own state during the body, once the body was seen to draw from it.

        Args:
            wait: Whether to wait until no other thread's body has its own state; else this one goes without.
        """
        if self._own is None:
            with nullcontext() if self.settled else self._looking():
                yield
            return
        if not self._lock.acquire(blocking=wait):
            yield
            return
        try:
            outer = self._read()
            self._write(self._own)
            try:
                yield
            finally:
                if not self._repeats:
                    self._own = self._read()
                self._write(outer)
        finally:
            self._lock.release()

    @contextmanager
    def _looking(self) -> Iterator[None]:
        others = _processor_time()
        outer = self._read()
        try:
            yield
        finally:
            now = self._read()
            moved = _differ(now, outer)
            self.settled = self._repeats and not moved
            if moved and _processor_time(others) == others:
                self._own = outer if self._repeats else now
                self._write(outer)


def _processor_time(threads: dict[int, Any] | None = None) -> dict[int, Any]:
    """How far each other thread of Python has come: it ran between two moments if and only if that differs.

    Args:
        threads: Those that are looked at, by their identity; by default all that there are. One that has ended is
            missing in the result.
    """
    here = threading.get_ident()
    frames = without_collection(sys._current_frames)
    chosen = frames.keys() - {here} if threads is None else frames.keys() & threads.keys()
    return {thread: _progress(thread, frames[thread]) for thread in chosen}


def _others_ran(since: dict[int, Any]) -> bool:
    """Whether another thread ran since that moment which has no code of ours below it: such a one waits for us."""
    frames = without_collection(sys._current_frames)
    now = _processor_time()
    ran = [thread for thread in now.keys() | since.keys() if now.get(thread) != since.get(thread)]
    return not all(_at_work_for_us(frames.get(thread)) for thread in ran)


def _at_work_for_us(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith("filterscope."):
            return True
        frame = frame.f_back
    return False


def _progress(thread: int, frame: Any) -> Any:
    try:
        return time.clock_gettime_ns(time.pthread_getcpuclockid(thread))
    except (AttributeError, OSError):  # not on this system: the place where its code stands
        return id(frame), frame.f_lasti


def _differ(state: Any, other_state: Any) -> bool:
    return not _same_numpy(state, other_state) if isinstance(state, dict) else bool(state != other_state)


def _same_numpy(state: dict[str, Any], other_state: dict[str, Any]) -> bool:
    inner, outer = state["state"], other_state["state"]
    return bool(inner["pos"] == outer["pos"] and np.array_equal(inner["key"], outer["key"]))


class _TorchStream(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees each ATen operation of this thread, and gives those that draw a generator of the stream.

    Args:
        generators: The stream's generator for each device; filled as devices are used.
        seeded_here: Returns whether a seeding of the global generator since the start was done by the body.
    """

    def __init__(self, generators: dict[torch.device, torch.Generator], seeded_here: Callable[[], bool]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._generators = generators
        self.beginnings: dict[torch.device, torch.Tensor] = {}  # of those that were made in the body
        self._seeded_here = seeded_here
        self._seed, self._state = torch.initial_seed(), without_collection(torch.get_rng_state)

    def put_back(self) -> bool:
        """Undoes a seeding of the global generator in the body, and returns whether there was one.

        A seeding with the seed that it had before is recognised by the state, which is then the one right after it.
        """
        if torch.initial_seed() == self._seed:
            now = without_collection(torch.get_rng_state)
            if torch.equal(now, self._state) or not torch.equal(now, _fresh_state(self._seed)):
                return False
        if not self._seeded_here():
            return False
        torch.set_rng_state(self._state)
        return True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: otherwise the first operation imports `torch._dynamo`, which adds 1.1 s to a user's first cell."""
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
            self.beginnings[device] = _global_state(device)
            self._generators[device].set_state(self.beginnings[device])
        seed = torch.initial_seed()
        if self.put_back():  # seeded in the body, by the data set or the net
            for generator in self._generators.values():
                generator.manual_seed(seed)
        return self._generators[device]

    def _swapped(self, func: Any, args: Any, kwargs: Any, generator: torch.Generator) -> Any:
        """Runs one of the few operations that take no generator, with the global state exchanged meanwhile."""
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
    """The overload of an operation that takes a generator, `rand.generator` say, or the operation itself; else None."""
    overload: Callable[..., Any] | None = None
    if any(argument.name == "generator" for argument in func._schema.arguments):
        overload = func
    else:
        name = "generator" if func._overloadname == "default" else f"{func._overloadname}_generator"
        packet = func.overloadpacket
        overload = getattr(packet, name) if name in packet.overloads() else None
    return overload


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    return next((value.device for value in args if isinstance(value, torch.Tensor)), torch.device("cpu"))


def _backend(device: torch.device) -> Any:
    return sys.modules[f"torch.{device.type}"]


def _global_state(device: torch.device) -> torch.Tensor:
    if device.type == "cpu":
        return without_collection(torch.get_rng_state)
    backend = _backend(device)
    state: torch.Tensor = without_collection(
        backend.get_rng_state if device.type == "mps" else lambda: backend.get_rng_state(device)
    )
    return state


def _set_global_state(device: torch.device, state: torch.Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    elif device.type == "mps":
        _backend(device).set_rng_state(state)
    else:
        _backend(device).set_rng_state(state, device)
