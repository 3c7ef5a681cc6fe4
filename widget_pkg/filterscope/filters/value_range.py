"""Values to ranges: what a picture's darkest and brightest colours stand for, and what the colours cannot show.

Signed values get a range symmetric about zero, so that zero is the middle of a diverging palette; non-negative ones
start at zero. A layer's pictures share one range by default: each scaled alone, noise would look like signal.
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
    """What the two ends of a palette stand for.

    Attributes:
        low: Value of the palette's first colour.
        high: Value of its last colour.
        signed: Whether the range is symmetric about zero.
        minimum: Least finite value, None where there is none.
        maximum: Greatest finite value, None where there is none.
        nan: How many values are not a number.
        infinite: How many are infinite.
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
        # Both say NaN where there is one: two looks at the values, and no copy.
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
    """The range of several arrays together, from each one's own."""
    if len(ranges) == 1:
        return ranges[0]
    nan, infinite = sum(one.nan for one in ranges), sum(one.infinite for one in ranges)
    ends = [(one.minimum, one.maximum) for one in ranges if one.minimum is not None and one.maximum is not None]
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
    """Each value as one byte, uint8 of the same shape.

    0 is NaN, 1 and 255 are −∞ and +∞; finite values go to `2 + floor(252·t + 1/2)`, where `t` is their place between
    `low` and `high`, cut to [0, 1]. Zero of a signed range is exactly 128.
    """
    return _encoded(values, shown, np.uint8)


def encode_finely(values: np.ndarray, shown: ValueRange) -> np.ndarray:
    """Each value as two bytes, uint16 of the same shape.

    There are 65,532 steps instead of 252; 65,535 is +∞, and zero of a signed range is exactly 32,768.
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
        codes: np.ndarray = place.astype(dtype) + dtype(FIRST_CODE)  # cut, which is floor here
    if not finite.all():
        codes[np.isnan(values)] = NAN_CODE
        codes[values == -np.inf] = MINUS_INFINITY_CODE
        codes[values == np.inf] = greatest
    return codes
