"""Snapshots of a net while it trains, light and bounded; the run is not changed by a bit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import nn

from filterscope.timeline.checkpoints import Checkpoint, Checkpoints

RECORDED_BYTES = 256 * 2**20
"""Most that all recordings of an explorer may take; two are kept whatever they take."""
LEAST_IN_HALF = 2.0**-14
"""The smallest number that half precision holds with all of its digits."""


class Recorder:
    """Adds snapshots of a net to its checkpoints.

    Args:
        checkpoints: Which grow.
        limit: Bytes that all snapshots may take together.

    Attributes:
        stride: One is kept for so many calls; doubled whenever the limit is reached.
    """

    def __init__(self, checkpoints: Checkpoints, limit: int = RECORDED_BYTES) -> None:
        self._checkpoints, self._limit = checkpoints, limit
        self._numbers = itertools.count()
        self._recorded: dict[Checkpoint, tuple[int, int]] = {}  # the number of its call, and its bytes
        self.stride = 1

    @property
    def nbytes(self) -> int:
        """What all snapshots take."""
        return sum(size for _, size in self._recorded.values())

    def record(self, net: nn.Module, name: str | None = None, epoch: int | None = None) -> tuple[int, bool]:
        """Keeps a net as it is now.

        Args:
            net: The net; it may be in the middle of its training.
            name: What the snapshot is called.
            epoch: The epoch.

        Returns:
            The index of the newest checkpoint, and whether earlier ones were let go of, so that indices are others.
        """
        number = next(self._numbers)
        if self._recorded and number % self.stride:
            return len(self._checkpoints) - 1, False
        state = light_copy(net.state_dict())
        called = name or (f"snapshot {number}" if epoch is None else f"epoch {epoch}")
        note = "Recorded while the net trained, in half precision."
        checkpoint = Checkpoint(called, epoch, None, note, lambda: state)
        self._recorded[checkpoint] = number, sum(value.nbytes for value in state.values())
        index = self._checkpoints.add(checkpoint)
        thinned = False
        while self.nbytes > self._limit and len(self._recorded) > 2:
            self._thin()
            thinned, index = True, len(self._checkpoints) - 1
        return index, thinned

    def _thin(self) -> None:
        """Lets go of every second snapshot, of the newest never."""
        self.stride *= 2
        newest = next(reversed(self._recorded))
        gone = {
            checkpoint
            for checkpoint, (number, _) in self._recorded.items()
            if number % self.stride and checkpoint is not newest
        }
        if not gone:  # numbers that lie as they should: the oldest but the first
            gone = set(list(self._recorded)[1:2])
        self._recorded = {checkpoint: kept for checkpoint, kept in self._recorded.items() if checkpoint not in gone}
        self._checkpoints.keep(lambda checkpoint: checkpoint not in gone)


def light_copy(state: Mapping[str, object]) -> dict[str, torch.Tensor]:
    """The tensors of a state on the processor, copied, those of two axes or more in half precision.

    A tensor that half precision does not hold keeps its dtype: one with values above 65,504, or with a filter that has
    none above 6e-5, below which the error is no longer 2⁻¹¹ of it. So do the short tensors of normalisations, whose
    statistics may be of any size.
    """
    with torch.no_grad():
        return {name: _light(value.detach()) for name, value in state.items() if isinstance(value, torch.Tensor)}


def _light(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.ndim < 2 or tensor.dtype not in (torch.float32, torch.float64):
        return tensor.to("cpu", copy=True)
    half = tensor.to(torch.float16)
    too_large = half.isinf() & ~tensor.isinf()
    of_filters = tensor.flatten(1)
    largest = of_filters.abs().amax(1) if of_filters.numel() else of_filters.new_zeros(0)
    too_small = (largest > 0) & (largest < LEAST_IN_HALF)
    if bool(too_large.any()) or bool(too_small.any()):
        return tensor.to("cpu", copy=True)
    return half.to("cpu")
