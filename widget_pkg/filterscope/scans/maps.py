"""From a batch's maps of a layer to the numbers that a scan keeps: each map's maximum and its place, mean, and sums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from filterscope.nets.runner import float32_shared

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


def misfit(maps: torch.Tensor, images: int, filters: int) -> str:
    """Why a layer's output is not one map a filter for each image, a phrase; "" where it is."""
    shape = tuple(maps.shape)
    if len(shape) >= 2 and shape[0] == images and shape[1] == filters:
        return ""
    # Not how many images there were: that depends on which others were read.
    return f"the layer gave {shape[1:]} of {shape[0] / images:g} items an image: not one map a filter"


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
