"""What chance alone gives: Student's t, the normal distribution and Benjamini and Hochberg's procedure, in NumPy.

SciPy is no dependency of the package; the approximations are held against it in the tests.
"""

from __future__ import annotations

import numpy as np
import torch


def normal_above(z: np.ndarray) -> np.ndarray:
    """P(Z > z) for a standard normal Z."""
    return 0.5 * torch.special.erfc(torch.as_tensor(np.asarray(z, np.float64)) / 2**0.5).numpy()


def t_above(t: np.ndarray, freedom: np.ndarray | float) -> np.ndarray:
    """P(T > t) for Student's t, by Wallace's transformation to a normal (1959).

    Args:
        t: Any values; infinite ones too.
        freedom: Degrees of freedom; from 29 on the result is within 2 % of the exact one down to 1e-6.
    """
    t = np.asarray(t, np.float64)
    with np.errstate(invalid="ignore"):
        z = np.sign(t) * _shrink(freedom) * np.sqrt(freedom * np.log1p(t * t / freedom))
    return normal_above(z)


def t_quantile(z: float, freedom: np.ndarray | float) -> np.ndarray:
    """The t that is exceeded as often as `z` is by a standard normal: 1.96 gives a 95 % interval's half-width."""
    freedom = np.asarray(freedom, np.float64)
    return np.sign(z) * np.sqrt(freedom * np.expm1((z / _shrink(freedom)) ** 2 / freedom))


def _shrink(freedom: np.ndarray | float) -> np.ndarray | float:
    return (8 * freedom + 1) / (8 * freedom + 3)


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
    return (1 + count) / (1 + len(null))


def per_100(p: float) -> str:
    """A share as so many in 100: `0.05`, `3.2`, `41`."""
    return f"{100 * p:.0f}" if p >= 0.1 else f"{100 * p:.1g}" if p < 0.001 else f"{100 * p:.2g}"
