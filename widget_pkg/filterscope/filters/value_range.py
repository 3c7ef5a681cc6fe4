"""From a map's values to the range that a picture's colours stand for, and to codes; next: `frames.frame`.

Signed values get a range symmetric about zero, so that zero is the middle of a diverging palette; non-negative values
get one that starts at zero. A layer's pictures share one range by default: if each had its own, noise would look like
signal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NAN_CODE, MINUS_INFINITY_CODE, PLUS_INFINITY_CODE = 0, 1, 255
FIRST_CODE, LAST_CODE = 2, 254


@dataclass(frozen=True)
class ValueRange:
    """The range of values that a palette stands for.

    Attributes:
        low: Value of the palette's first colour.
        high: Value of its last colour.
        signed: Whether the range is symmetric about zero.
        minimum: The least finite value; None where there is none.
        maximum: The greatest finite value; None where there is none.
        nan: Number of values that are NaN.
        infinite: Number of infinite values.
        constant: Whether all values are finite and equal.
    """

    low: float
    high: float
    signed: bool
    minimum: float | None
    maximum: float | None
    nan: int
    infinite: int
    constant: bool


def value_range(values: np.ndarray) -> ValueRange:
    """The range of an array of any shape.

    Example:
        >>> value_range(np.float32([-1, 0.5])).high
        1.0
    """
    if values.size:
        # Both are NaN where any value is: this reads the values twice and copies nothing.
        minimum, maximum = float(values.min()), float(values.max())
        if math.isfinite(minimum) and math.isfinite(maximum):
            return _range(minimum, maximum, 0, 0, minimum == maximum)
    finite = values[np.isfinite(values)]
    nan = int(np.isnan(values).sum())
    infinite = int(values.size - finite.size - nan)
    if not finite.size:
        return ValueRange(0.0, 0.0, False, None, None, nan, infinite, False)
    return _range(float(finite.min()), float(finite.max()), nan, infinite, False)


def join(ranges: Sequence[ValueRange]) -> ValueRange:
    """The range of several arrays together, from the range of each."""
    if len(ranges) == 1:
        return ranges[0]
    nan, infinite = sum(part.nan for part in ranges), sum(part.infinite for part in ranges)
    ends = [(part.minimum, part.maximum) for part in ranges if part.minimum is not None and part.maximum is not None]
    if not ends:
        return ValueRange(0.0, 0.0, False, None, None, nan, infinite, False)
    minimum, maximum = min(low for low, _ in ends), max(high for _, high in ends)
    return _range(minimum, maximum, nan, infinite, minimum == maximum and nan + infinite == 0)


def _range(minimum: float, maximum: float, nan: int, infinite: int, constant: bool) -> ValueRange:
    if minimum < 0:
        extreme = max(-minimum, maximum)
        return ValueRange(-extreme, extreme, True, minimum, maximum, nan, infinite, constant)
    return ValueRange(0.0, maximum, False, minimum, maximum, nan, infinite, constant)


def encode(values: np.ndarray, shown: ValueRange) -> np.ndarray:
    """Each value as a code of one byte: uint8 of the values' shape.

    0 is NaN, 1 and 255 are −∞ and +∞. A finite value `v` becomes `2 + floor(252·t + 1/2)` with
    `t = (v − low) / (high − low)`, clipped to [0, 1]. Zero of a signed range is exactly 128.

    Args:
        values: Float values of any shape.
        shown: The range.
    """
    return _encoded(values, shown, np.uint8)


def encode_finely(values: np.ndarray, shown: ValueRange) -> np.ndarray:
    """Each value as a code of two bytes: uint16 of the values' shape; see `encode`.

    There are 65,532 steps instead of 252; 65,535 is +∞, and zero of a signed range is exactly 32,768.

    Args:
        values: Float values of any shape.
        shown: The range.
    """
    return _encoded(values, shown, np.uint16)


def _encoded(values: np.ndarray, shown: ValueRange, dtype: type[np.uint8] | type[np.uint16]) -> np.ndarray:
    greatest = np.iinfo(dtype).max
    place = values.astype(np.float64)
    finite = np.isfinite(place)
    span = shown.high - shown.low
    with np.errstate(invalid="ignore", over="ignore"):
        place -= shown.low
        place = np.clip(place / span, 0.0, 1.0) if span else np.where(finite, 0.0, place)
        place *= greatest - FIRST_CODE - 1
        place += 0.5
        codes: np.ndarray = place.astype(dtype) + dtype(FIRST_CODE)  # astype cuts, which is floor here
    if not finite.all():
        codes[np.isnan(values)] = NAN_CODE
        codes[values == -np.inf] = MINUS_INFINITY_CODE
        codes[values == np.inf] = greatest
    return codes
