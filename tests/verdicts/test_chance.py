"""What chance gives, against SciPy."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from filterscope.verdicts.chance import adjusted, share_as_extreme, t_above, t_exceeded


@pytest.mark.parametrize("freedom", [1, 29, 99, 999, 4999])
def test_students_t_is_scipys(freedom):
    for t in np.linspace(-6, 6, 49):
        assert t_above(t, freedom) == pytest.approx(stats.t.sf(t, freedom), rel=1e-12)
    for p in (0.025, 0.005, 0.5, 0.975):
        assert t_exceeded(p, freedom) == pytest.approx(stats.t.isf(p, freedom), rel=1e-9, abs=1e-12)


def test_infinite_t_is_certain():
    assert [t_above(np.inf, 99), t_above(-np.inf, 99)] == [0, 1]


def test_looking_at_filters_waits_for_no_scipy():
    """`scipy.special` takes 0.1 s to import, `scipy.stats` 0.6 s."""
    code = "import sys, filterscope; print([name for name in sys.modules if name.startswith('scipy')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("seed", range(5))
def test_adjusted_p_values_are_scipys(seed):
    p = np.random.default_rng(seed).uniform(size=20) ** 2
    np.testing.assert_allclose(adjusted(p), stats.false_discovery_control(p))


def test_tests_that_were_not_made_do_not_count():
    p = np.array([0.01, np.nan, 0.04, np.nan])
    found = adjusted(p)
    np.testing.assert_allclose(found[[0, 2]], stats.false_discovery_control(p[[0, 2]]))
    assert np.isnan(found[[1, 3]]).all()
    assert np.isnan(adjusted(np.full(3, np.nan))).all()


def test_monte_carlo_p_values_are_uniform_and_ties_count_against():
    random = np.random.default_rng(0)
    null, values = random.normal(size=4000), random.normal(size=4000)
    p = share_as_extreme(null, values, high=True)
    assert stats.kstest(p, "uniform").pvalue > 1e-3
    assert p.min() > 0
    assert share_as_extreme(np.ones(99), np.array([1 + 1e-9, 1 - 1e-9]), high=True).tolist() == [1, 1]
    assert share_as_extreme(np.ones(99), np.array([1 + 1e-9, 1 - 1e-9]), high=False).tolist() == [1, 1]
