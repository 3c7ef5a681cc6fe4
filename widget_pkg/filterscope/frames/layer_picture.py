"""A layer's maps as one picture a filter: in full precision, or as one byte a value at the size that is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal, TypedDict

import numpy as np

from filterscope.filters.block_means import block_means
from filterscope.filters.value_range import ValueRange, encode, join, value_range
from filterscope.session.selection import Scale

FULL_PRECISION_BYTES = 256 * 2**10
"""Up to so many bytes the maps go as they are, so that every filter's values are in the page."""
MOST_CODES = 2**20
"""Most that one picture of a whole layer may have, one byte each."""
SHOWN_CODES = 2**18
SHOWN_SIDE = 63
"""Beyond so many codes maps go at the size of the grid's tiles, which is never below so many pixels a side."""


class RangeBody(TypedDict):
    """A `ValueRange`."""

    low: float
    high: float
    signed: bool
    minimum: float | None
    maximum: float | None
    nan: int
    infinite: int
    constant: bool


class PictureBody(TypedDict):
    """One map or kernel a filter, for all filters of a layer; or one picture alone.

    `tensor` is float32, or uint8 codes of the means of `reduced × reduced` blocks; `ranges` are those of the values
    themselves, one for all or one a filter.
    """

    tensor: np.ndarray
    encoding: Literal["float32", "codes"]
    reduced: int
    ranges: list[RangeBody]


def range_body(values: ValueRange) -> RangeBody:
    """A range as the wire carries it."""
    return {
        "low": values.low,
        "high": values.high,
        "signed": values.signed,
        "minimum": values.minimum,
        "maximum": values.maximum,
        "nan": values.nan,
        "infinite": values.infinite,
        "constant": values.constant,
    }


def layer_picture(
    maps: Iterable[np.ndarray], filters: int, scale: Scale, over_time: ValueRange | None = None
) -> PictureBody:
    """The maps of all filters of a layer as one picture.

    Args:
        maps: Blocks of maps `(n, …, H, W)` that together are the layer's; one after the other, so that not all of them
            have to be in memory.
        filters: How many maps there are in all.
        scale: One range for the layer, or one a map; or one for the layer over all checkpoints.
        over_time: The range over all checkpoints, where it is known.
    """
    parts: list[np.ndarray] = []
    ranges: list[ValueRange] = []
    full, reduced = False, 1
    for block in maps:
        if not parts:
            full = block.nbytes <= FULL_PRECISION_BYTES and len(block) == filters
            reduced = 1 if full else _reduction(filters, block.shape[1:])
        ranges += [value_range(block)] if scale != "map" else map(value_range, block)
        parts.append(block_means(block, reduced) if reduced > 1 else block)
    if scale != "map":
        own = join(ranges)
        ranges = [own if over_time is None else _widened(own, over_time)]
    values = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return {
        "tensor": values if full else encode_all(values, ranges),
        "encoding": "float32" if full else "codes",
        "reduced": reduced,
        "ranges": [range_body(one_range) for one_range in ranges],
    }


def _widened(own: ValueRange, over_time: ValueRange) -> ValueRange:
    """The range over all checkpoints; what is counted is of this one alone."""
    both = join([own, over_time])
    return replace(both, nan=own.nan, infinite=own.infinite, constant=own.constant)


def kernel_picture(kernels: np.ndarray, scale: Scale, over_time: ValueRange | None = None) -> PictureBody:
    """All kernels `(F, n, kH, kW)` of each filter; where these are too many, their root mean square over n."""
    if kernels_are_summed(kernels):
        kernels = summed_kernels(kernels)
    return layer_picture([kernels], len(kernels), scale, over_time)


def summed_kernels(kernels: np.ndarray) -> np.ndarray:
    """The root mean square of kernels `(F, n, kH, kW)` over n, `(F, 1, kH, kW)`."""
    result: np.ndarray = np.sqrt(np.mean(np.square(kernels), axis=1, keepdims=True))
    return result


def kernels_are_summed(kernels: np.ndarray) -> bool:
    """Whether a layer's kernels are too many for its picture."""
    return kernels.size > MOST_CODES


def encode_all(maps: np.ndarray, ranges: Sequence[ValueRange]) -> np.ndarray:
    """Codes of maps `(n, …)` by one range, or by one each."""
    if len(ranges) == 1:
        return encode(maps, ranges[0])
    return np.stack([encode(values, its_range) for values, its_range in zip(maps, ranges, strict=True)])


def _reduction(filters: int, shape: tuple[int, ...]) -> int:
    """By how much maps of this shape shrink along their last two axes."""
    *planes, height, width = shape
    reduced = 1
    while True:
        rows, columns = -(-height // reduced), -(-width // reduced)
        codes = filters * int(np.prod(planes)) * rows * columns
        if codes <= SHOWN_CODES or (codes <= MOST_CODES and max(rows, columns) <= SHOWN_SIDE):
            return reduced
        reduced += 1
