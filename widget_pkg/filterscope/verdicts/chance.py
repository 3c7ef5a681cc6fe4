"""What chance alone gives: Student's t, Benjamini and Hochberg's procedure, Monte-Carlo p-values.

Student's t is SciPy's, imported where it is first needed: `scipy.special` takes 0.1 s, which nobody who only looks at
filters should wait for. `scipy.stats` would take 0.6 s, and its `t.sf` 70 µs a call where this takes 1: a layer has
three such numbers a filter, found again with each partial result.
"""

from __future__ import annotations

import numpy as np


def t_above(t: float, freedom: float) -> float:
    """P(T > t) for Student's t; `t` may be infinite."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -t))


def t_exceeded(p: float, freedom: float) -> float:
    """The t that is exceeded with probability `p`: 0.025 gives a 95 % interval's half-width in standard errors."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, p))


def adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values: those at most 0.05 hold a false discovery rate of 5 %.

    Args:
        p: float `(M,)`; NaN stands for a test that was not made, stays NaN and does not count.
    """
    result = np.full(len(p), np.nan)
    made = np.flatnonzero(~np.isnan(p))
    if not len(made):
        return result
    order = made[np.argsort(p[made], kind="stable")]
    scaled = p[order] * len(made) / np.arange(1, len(made) + 1)
    result[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1)
    return result


def share_as_extreme(null: np.ndarray, values: np.ndarray, high: bool) -> np.ndarray:
    """Monte-Carlo p-values: how much of a null is at least as high (low) as each value, never 0.

    Args:
        null: float `(M,)`, or `(M, K)` with one column a value.
        values: float `(K,)`.
        high: Whether high values are extreme, or low ones.

    Returns:
        float64 `(K,)`, (1 + count) / (1 + M). Values that differ by rounding alone count as equal.
    """
    # Where a score is a constant under the null, rounding alone would tell values apart.
    slack = 1e-5 * np.maximum(np.abs(values), 1e-12)
    columns = null if null.ndim == 2 else null[:, None]
    count = (columns >= values - slack).sum(0) if high else (columns <= values + slack).sum(0)
    p: np.ndarray = (1 + count) / (1 + len(null))
    return p


def per_100(p: float) -> str:
    """A share as so many in 100: `0.05`, `3.2`, `41`."""
    return f"{100 * p:.0f}" if p >= 0.1 else f"{100 * p:.1g}" if p < 0.001 else f"{100 * p:.2g}"
