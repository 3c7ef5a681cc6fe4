"""Ranges and codes against a plain loop in exact arithmetic."""

import math
from fractions import Fraction

import numpy as np
import pytest

from filterscope.filters.value_range import encode, value_range


def code_of(value, low, high):
    """One value's code, from the definition, in rational arithmetic."""
    if math.isnan(value):
        return 0
    if math.isinf(value):
        return 1 if value < 0 else 255
    if low == high:
        return 2
    place = (Fraction(float(value)) - Fraction(low)) / (Fraction(high) - Fraction(low))
    return 2 + math.floor(min(max(place, 0), 1) * 252 + Fraction(1, 2))


@pytest.mark.parametrize("low", [-3.0, 0.0, 2.5])
def test_codes_follow_the_definition(low):
    values = np.random.default_rng(0).normal(low, 2, 500).astype(np.float32)
    values[:3] = np.nan, np.inf, -np.inf
    shown = value_range(values)
    expected = [code_of(float(v), shown.low, shown.high) for v in values]
    assert np.abs(encode(values, shown).astype(int) - expected).max() == 0


def test_zero_of_a_signed_range_is_the_middle():
    values = np.float32([-0.3, 0, 0.1])
    shown = value_range(values)
    assert (shown.low, shown.high, shown.signed) == (-float(np.float32(0.3)), float(np.float32(0.3)), True)
    assert encode(values, shown).tolist() == [2, 128, 170]


def test_non_negative_values_start_at_zero():
    shown = value_range(np.float32([5, 6]))
    assert (shown.low, shown.high, shown.signed, shown.minimum, shown.maximum) == (0, 6, False, 5, 6)


def test_what_is_not_finite_is_counted_and_never_sets_the_range():
    shown = value_range(np.float32([np.nan, np.nan, np.inf, -np.inf, -np.inf, 2]))
    assert (shown.nan, shown.infinite, shown.low, shown.high, shown.constant) == (2, 3, 0, 2, False)
    nothing = value_range(np.float32([np.nan, np.inf]))
    assert (nothing.low, nothing.high, nothing.minimum, nothing.maximum) == (0, 0, None, None)


@pytest.mark.parametrize("value", [0.0, 3.0, -3.0])
def test_a_constant_map_is_said_to_be_constant(value):
    shown = value_range(np.full((4, 4), value, np.float32))
    assert shown.constant
    assert len(set(encode(np.full((4, 4), value, np.float32), shown).ravel())) == 1


def test_values_beyond_the_range_are_cut_to_its_ends():
    shown = value_range(np.float32([-1, 1]))
    assert encode(np.float32([-5, 5]), shown).tolist() == [2, 254]
