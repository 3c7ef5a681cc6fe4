"""Random numbers of our own, so that reading a sample or running the net leaves the user's generators as they were.

A data set may crop at random and a net may draw in its forward pass, while a training loop in another thread draws from
the same process-wide generator. Saving the state before and restoring it after would rewind that loop's numbers. So the
generator is swapped for the single operation that draws, and only where our own thread draws.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class RandomStream:
    """A stream of random numbers that starts where the user's generators stand and then goes its own way."""

    def __init__(self) -> None:
        self._torch: dict[torch.device, torch.Tensor] = {}
        self._python: Any = None
        self._numpy: Any = None

    @contextmanager
    def instead(self) -> Iterator[None]:
        """Serves every random number drawn inside from this stream; the global generators stay where they are.

        Torch is exact, whatever other threads draw meanwhile. Python's and NumPy's global generators cannot be watched
        a thread at a time: they are put back only if their state changed, so code that draws from none of them is never
        in the way of a thread that does.
        """
        outer_python, outer_numpy = random.getstate(), np.random.get_state()
        if self._python is not None:
            random.setstate(self._python)
        if self._numpy is not None:
            np.random.set_state(self._numpy)
        start_python, start_numpy = random.getstate(), np.random.get_state()
        try:
            with _TorchStream(self._torch):
                yield
        finally:
            if self._python is not None or random.getstate() != start_python:
                self._python = random.getstate()
                random.setstate(outer_python)
            if self._numpy is not None or not _same_numpy(np.random.get_state(), start_numpy):
                self._numpy = np.random.get_state()
                np.random.set_state(outer_numpy)


def _same_numpy(one: Any, other: Any) -> bool:
    return bool(one[2] == other[2] and one[3:] == other[3:] and np.array_equal(one[1], other[1]))


class _TorchStream(TorchDispatchMode):
    """Sees each ATen operation of this thread; runs those that draw with the stream's own generator state."""

    def __init__(self, states: dict[torch.device, torch.Tensor]) -> None:
        super().__init__()
        self._states = states

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        tags = getattr(func, "tags", ())
        if torch.Tag.nondeterministic_seeded not in tags or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        device = _device(args, kwargs)
        outer = _get_state(device)
        try:
            if device in self._states:
                _set_state(device, self._states[device])
            return func(*args, **kwargs)
        finally:
            self._states[device] = _get_state(device)
            _set_state(device, outer)


def _device(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.device:
    if kwargs.get("device") is not None:
        return torch.device(kwargs["device"])
    return next((value.device for value in args if isinstance(value, torch.Tensor)), torch.device("cpu"))


def _backend(device: torch.device) -> Any:
    return sys.modules[f"torch.{device.type}"]


def _get_state(device: torch.device) -> torch.Tensor:
    if device.type == "cpu":
        return torch.get_rng_state()
    return _backend(device).get_rng_state() if device.type == "mps" else _backend(device).get_rng_state(device)


def _set_state(device: torch.device, state: torch.Tensor) -> None:
    if device.type == "cpu":
        torch.set_rng_state(state)
    elif device.type == "mps":
        _backend(device).set_rng_state(state)
    else:
        _backend(device).set_rng_state(state, device)
