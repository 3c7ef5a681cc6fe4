"""The rise of the loss without a filter from few ablations: linearised logits tell most of each image's rise.

Three sums stand behind one mean rise. D, measured by ablation, on few images. G, the rise on linearised logits, on the
images whose logits are kept. E, the first order, on all. With β and γ the regressions of D on G and of G on E,

    mean rise = mean of (D − β·G) over few + mean of β·(G − γ·E) over more + mean of β·γ·E over all,

which holds however wrong G and E are, since each of the few images has a β of its own, fitted on the others: with one β
fitted on all of them, what gradients miss made the mean too low by a fifth of its error. Where gradients are right, the
error is that of all images (control variates: Glynn, Szechtman 2002; on several levels: Giles 2015). The few are among
the more, and these among all: where all three are the same images, G and E cancel, and it is the mean of D.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.linearised import Moments

FEWEST_ABLATED = 12
"""Ablated images below which nothing is judged: the error of so few residuals is itself unknown."""
FEWEST_FOR_HARMFUL = 64
"""Ablated images below which nothing is called harmful.

Of filters whose true rise is 0, a fall seemed significant in 7 to 10 of 100 with 16 to 32 images, in 4 with 64."""
_PULL = 10  # images: with what weight the regression of D on G is pulled to 1


@dataclass(frozen=True)
class ControlledRise:
    """A mean rise of the loss without one filter, with what `Rise` has.

    Attributes:
        images: Images it was ablated on.
        mean: In nats.
        error: Its standard error.
        freedom: Degrees of freedom of that error.
    """

    images: int
    mean: float
    error: float
    freedom: float


@dataclass(frozen=True, eq=False)
class Pool:
    """The first order over all images, of each filter.

    Attributes:
        images: How many.
        mean: `(F,)`.
        variance: `(F,)`.
    """

    images: int
    mean: np.ndarray
    variance: np.ndarray


def controlled_rises(
    direct: np.ndarray, near: np.ndarray, first_order: np.ndarray, kept: Moments, pool: Pool
) -> list[ControlledRise]:
    """The mean rise without each filter.

    Args:
        direct: By how much the loss rose, ablated, float64 `(N, F)`.
        near: The rise on linearised logits for the same images.
        first_order: Its first order for the same images.
        kept: Sums of both over the images whose linearised logits are kept, these among them.
        pool: The first order over all images, those among them.

    Returns:
        One for each filter; its error is NaN below three images.
    """
    count, filters = direct.shape
    if count < 3:
        return [
            ControlledRise(count, float(mean), np.nan, np.nan)
            for mean in (direct.mean(0) if count else np.full(filters, np.nan))
        ]
    g_mean, e_mean, g_var, ge, e_var = _of_kept(kept)
    d0, g0, e0 = (values - values.mean(0) for values in (direct, near, first_order))
    pull = _PULL * g_var
    of_others = count / (count - 1)  # leaving an image out takes so much of its square from a sum of squares
    above, below = (values.sum(0) - of_others * values + pull for values in (d0 * g0, g0 * g0))
    betas = _ratio(above, np.maximum(below, 0))  # below 0 by rounding alone
    gamma = _ratio(ge, e_var) if pool.images > kept.images else np.zeros(filters)
    # Seen from an image, it stands for all of the few also where G and E are averaged: so its β knows nothing of them.
    g_means = g_mean + count / kept.images * g0
    e_means = e_mean + count / kept.images * e0 - (pool.mean + count / pool.images * e0)
    mean = (direct + betas * (g_means - near - gamma * e_means)).mean(0)
    residual = of_others * (d0 - betas * g0)  # of an image, as the others foretell it
    beta = betas.mean(0)
    middle = beta * (g0 - gamma * e0)
    few = (residual**2).sum(0) / (count - 1)
    more = beta**2 * (g_var - 2 * gamma * ge + gamma**2 * e_var)
    across = (residual * middle).sum(0) / (count - 1)
    far = (residual * (beta * gamma * e0)).sum(0) / (count - 1)
    variance_few = few / count
    variance_pool = (
        more / kept.images
        + (beta * gamma) ** 2 * pool.variance / pool.images
        + 2 * beta**2 * gamma * (ge - gamma * e_var) / pool.images
        + 2 * across / kept.images
        + 2 * far / pool.images
    )
    variance = np.maximum(variance_few + variance_pool, variance_few * count / max(kept.images, count))
    freedom = np.full(filters, count - 2.0)
    return [
        ControlledRise(count, float(mean[k]), float(np.sqrt(variance[k])), float(freedom[k])) for k in range(filters)
    ]


def _of_kept(kept: Moments) -> tuple[np.ndarray, ...]:
    """Means of G and E, variance of G, covariance, variance of E."""
    n = kept.images
    g, e, gg, ge, ee = kept.sums
    scale = max(n - 1, 1)
    return (
        g / n,
        e / n,
        np.maximum(gg - g * g / n, 0) / scale,
        (ge - g * e / n) / scale,
        np.maximum(ee - e * e / n, 0) / scale,
    )


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    return ratio
