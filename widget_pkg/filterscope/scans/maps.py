"""From a batch's maps of a layer to the numbers that a scan keeps: each map's maximum and its place, mean, and sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.runner import NetRunner, float32_shared

_SUMMED = 16  # images: a float32 sum of many would round more
_NAN = np.float32(np.nan)  # one NaN for all: others have other bytes


@dataclass(frozen=True, eq=False)
class BatchScores:
    """What a batch of `N` images gave in a layer of `F` filters.

    Attributes:
        maximum: float32 `(N, F)`, the greatest value of each map; NaN where the map has one.
        position: int64 `(N, F)`, the first place of that value in the map, row by row; of the first NaN where there is
            one.
        mean: float32 `(N, F)`.
        size: The maps' size.
        total: `(F, *size)`, float64, or float32 for a few images, the sum over those images whose map is finite.
        counted: int64 `(F,)`, how many these are.
    """

    maximum: np.ndarray
    position: np.ndarray
    mean: np.ndarray
    size: tuple[int, ...]
    total: np.ndarray
    counted: np.ndarray


def run_layers(
    runner: NetRunner,
    batch: torch.Tensor,
    layers: Sequence[int],
    pre_activation: bool,
    take: Callable[[int, torch.Tensor], None],
) -> Any:
    """Runs a net on a batch and calls a function with the maps of some layers.

    Args:
        runner: The net.
        batch: Images, from `runner.batch`.
        layers: Indices of the layers.
        pre_activation: Whether it is given the maps before normalisation and nonlinearity.
        take: Called with a layer's index and its maps `(N, F, *size)`.

    Returns:
        The net's output.
    """

    def take_output(layer: int, call: ConvCall) -> None:
        if layer in layers and call.items:
            take(layer, call.output if call.output.ndim == call.rank + 2 else call.output[None])

    return runner.run(batch, on_conv=take_output) if pre_activation else runner.run(batch, layers, take)


def scores_of(maps: torch.Tensor) -> BatchScores:
    """The scores of a batch.

    Args:
        maps: `(N, F, *size)`, on any device, with at least one position.
    """
    size = tuple(maps.shape[2:])
    values = maps.detach().reshape(*maps.shape[:2], -1)
    with np.errstate(all="ignore"):  # infinite values, and NaN
        if values.device.type == "cpu":
            maximum, position, mean, total = _on_processor(np.ascontiguousarray(float32_shared(values)))
        else:
            maximum, position, mean, total = _on_device(values.float())
        total, counted = _of_finite(values, total)
    for scores in (maximum, mean):
        scores[np.isnan(scores)] = _NAN
    return BatchScores(maximum, position, mean, size, total.reshape(-1, *size), counted)


def _on_processor(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Maximum, its position and the mean of each map, and the sum over images.

    torch's argmax takes 2 to 4 ns a value on a processor, and does not say which of equal values it gives; NumPy's
    takes 0.2. The images are summed a few at a time in float32: a sum in float64 takes three times as long.
    """
    position, mean = values.argmax(-1), values.mean(-1)
    total = np.add.reduce(values[:_SUMMED], axis=0)
    if len(values) > _SUMMED:
        total = total.astype(np.float64)
    for start in range(_SUMMED, len(values), _SUMMED):
        total += np.add.reduce(values[start : start + _SUMMED], axis=0)
    maximum = np.take_along_axis(values, position[..., None], -1)[..., 0]
    return maximum, position, mean, total


def _on_device(values: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    maximum = values.amax(-1)
    places = torch.arange(values.shape[-1], device=values.device)
    there = (values == maximum[..., None]) | values.isnan()
    position = torch.where(there, places, values.shape[-1]).amin(-1)
    # MPS has no float64.
    total = values.sum(0, dtype=torch.float32 if values.device.type == "mps" else torch.float64)
    return (
        maximum.cpu().numpy(),
        position.cpu().numpy(),
        values.mean(-1).cpu().numpy(),
        total.cpu().numpy().astype(np.float64),
    )


def _of_finite(values: torch.Tensor, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum over the images whose map is finite, and how many these are, for each filter."""
    counted = np.full(values.shape[1], len(values), np.int64)
    if np.isfinite(total).all():
        return total, counted
    array = float32_shared(values)
    finite = np.isfinite(array).all(-1)
    return np.where(finite[..., None], array, 0).sum(0, dtype=np.float64), finite.sum(0)
