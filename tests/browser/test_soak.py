"""The quick form of the soak (`tests/benchmarks/soak.py` lasts half an hour): everything at once, a round of it."""

import pytest

from everything_at_once import Soak

pytestmark = pytest.mark.browser


def test_a_round_of_everything_at_once(lab):
    soak = Soak(lab, images=100, moves=30)
    soak.round()
    soak.end()
    assert soak.failures == []
