"""From a batch's maps of a layer to the numbers that a scan keeps: each map's maximum and its place, mean, and sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch

from filterscope.nets.arrays import float32_shared
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.runner import NetRunner

_SUMMED = 16  # images: a float32 sum of many would round more
_NAN = np.float32(np.nan)  # one NaN for all: others have other bytes


Values = TypeVar("Values", np.ndarray, torch.Tensor)


@dataclass(frozen=True, eq=False)
class BatchScores(Generic[Values]):
    """What a batch of `N` images gave in a layer of `F` filters: arrays, or tensors that are still on a device.

    Attributes:
        maximum: float32 `(N, F)`, the greatest value of each map; NaN where the map has one.
        position: int64 `(N, F)`, the first place of that value in the map, row by row; of the first NaN where there is
            one.
        mean: float32 `(N, F)`.
        size: The maps' size.
        total: `(F, *size)`, float64, or float32 for a few images or where a device has no float64, the sum over those
            images whose map is finite.
        counted: int64 `(F,)`, how many these are.
    """

    maximum: Values
    position: Values
    mean: Values
    size: tuple[int, ...]
    total: Values
    counted: Values


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


def misfit(maps: torch.Tensor, images: int, filters: int) -> str:
    """Why a layer's output is not one map a filter for each image, a phrase; "" where it is."""
    shape = tuple(maps.shape)
    if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
        return ""
    # Not how many images there were: that depends on which others were read.
    return f"the layer gave {shape[1:]} of {shape[0] / images:g} items an image: not one map a filter"


def scores_of(maps: torch.Tensor) -> BatchScores[Any]:
    """The scores of a batch: arrays, or of maps on a device tensors, for which nobody waits.

    Args:
        maps: `(N, F, *size)`, on any device, with at least one position.
    """
    size = tuple(maps.shape[2:])
    values = maps.detach().reshape(*maps.shape[:2], -1)
    if not is_here(values):
        return _on_device(values.float(), size)
    with np.errstate(all="ignore"):  # infinite values, and NaN
        maximum, position, mean, total = _on_processor(np.ascontiguousarray(float32_shared(values)))
        total, counted = _of_finite(values, total)
    return BatchScores(with_one_nan(maximum), position, with_one_nan(mean), size, total.reshape(-1, *size), counted)


def is_here(tensor: torch.Tensor) -> bool:
    """Whether a tensor's values are in this machine's memory; else to look at them is to wait for a device."""
    return tensor.device.type == "cpu"


def fetch(values: Any) -> np.ndarray:
    """An array, or the values of a tensor on a device once they are computed."""
    array: np.ndarray = values.cpu().numpy() if isinstance(values, torch.Tensor) else values
    return array


def with_one_nan(scores: np.ndarray) -> np.ndarray:
    """Scores with the same bytes for every NaN."""
    return np.where(np.isnan(scores), _NAN, scores)


def _on_processor(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Maximum, its position and the mean of each map, and the sum over images.

    torch's argmax takes 2 to 4 ns a value on a processor, and does not say which of equal values it gives; NumPy's
    takes 0.2. A few images at a time, which stay in the processor's cache meanwhile, and are summed in float32: a sum
    in float64 takes three times as long.
    """
    shape, positions = values.shape[:2], values.shape[2]
    position, mean = np.empty(shape, np.int64), np.empty(shape, np.float32)
    total = np.zeros(values.shape[1:], np.float32 if len(values) <= _SUMMED else np.float64)
    for start in range(0, len(values), _SUMMED):
        images = slice(start, start + _SUMMED)
        part = values[images]
        part.argmax(-1, out=position[images])
        np.add.reduce(part, axis=-1, out=mean[images])
        total += np.add.reduce(part, axis=0)
    np.true_divide(mean, np.intp(positions), out=mean, casting="unsafe")  # as ndarray.mean does
    places = position + np.arange(0, values.size, positions).reshape(shape)
    return values.reshape(-1)[places], position, mean, total


def _on_device(values: torch.Tensor, size: tuple[int, ...]) -> BatchScores[torch.Tensor]:
    maximum = values.amax(-1)
    places = torch.arange(values.shape[-1], device=values.device)
    there = (values == maximum[..., None]) | values.isnan()
    position = torch.where(there, places, values.shape[-1]).amin(-1)
    finite = values.isfinite().all(-1)
    # MPS has no float64.
    dtype = torch.float32 if values.device.type == "mps" else torch.float64
    total = torch.where(finite[..., None], values, 0).sum(0, dtype=dtype)
    return BatchScores(maximum, position, values.mean(-1), size, total.reshape(-1, *size), finite.sum(0))


def _of_finite(values: torch.Tensor, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum over the images whose map is finite, and how many these are, for each filter."""
    counted = np.full(values.shape[1], len(values), np.int64)
    if np.isfinite(total).all():
        return total, counted
    array = float32_shared(values)
    finite = np.isfinite(array).all(-1)
    return np.where(finite[..., None], array, 0).sum(0, dtype=np.float64), finite.sum(0)
