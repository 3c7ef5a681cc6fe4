"""Filters that say the same as another of their layer, and pairs whose weights are each other's negative."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.activations.statistics import LayerStatistics
from filterscope.verdicts.matrices import product

COSINE, CORRELATION = 0.99, 0.95
CORRELATION_ALONE = 0.99  # where weights say nothing: few of them, filters that see different channels, another bias
SAME_BIAS = 0.1  # in units of the weights' norm
# Behind a norm, which has a shift of its own: the share of positions above 0 by which two may differ. Noise of 10 % in
# the weights makes that much; the norm takes that noise's mean out again.
FIRES_APART = 0.06
FEWEST_NUMBERS = 9  # two random filters of 4 numbers have such a cosine in 6 of 10,000 pairs, of 9 in 2 of 10⁸


@dataclass(frozen=True)
class Pair:
    """Two filters of a layer that are candidates for one.

    Attributes:
        filter: The later one.
        partner: The earlier one, of which it may be a duplicate.
        cosine: Of their weights.
        correlation: Of their activations over images and positions.
        scale: Least squares: the filter's activation is about `scale · partner + offset`.
        offset: Likewise.
    """

    filter: int
    partner: int
    cosine: float
    correlation: float
    scale: float
    offset: float

    @property
    def lost(self) -> float:
        """Share of the filter's variance that its partner does not explain."""
        return 1 - self.correlation**2


def find_duplicates(
    kernels: np.ndarray,
    bias: np.ndarray | None,
    seen: LayerStatistics,
    live: np.ndarray,
    groups: int = 1,
    normed: bool = False,
) -> list[Pair]:
    """The candidates, for each filter its best earlier partner.

    Equal weights with another bias, or another shift of the norm behind them, cut another part off: the two count as
    the same only where that hardly shows.

    Args:
        kernels: The layer's weights `(F, C_in/groups, *k)`.
        bias: `(F,)` or None.
        seen: What the filters did.
        live: bool `(F,)`; a filter that is dead or constant is no duplicate.
        groups: The layer's groups: equal weights in two of them see different channels.
        normed: Whether a norm stands between convolution and activation.
    """
    cosine = weight_cosines(kernels)
    correlation = seen.correlation
    same_group = _same_group(len(kernels), groups)
    alike = _same_shift(kernels, bias, seen, normed) & (not _weights_say_nothing(kernels))
    by_weights = same_group & (cosine > COSINE) & (correlation > np.where(alike, CORRELATION, CORRELATION_ALONE))
    across = ~same_group & (correlation > CORRELATION_ALONE)
    candidates = (by_weights | across) & live & live[:, None]
    candidates &= np.tri(len(kernels), k=-1, dtype=bool)  # the partner comes earlier
    spread = np.sqrt(np.maximum(np.diag(seen.moment), 0))
    pairs = []
    for index in np.flatnonzero(candidates.any(1)):
        partner = int(np.where(candidates[index], correlation[index], -2).argmax())
        scale = float(correlation[index, partner] * spread[index] / spread[partner])
        pairs.append(
            Pair(
                int(index),
                partner,
                float(cosine[index, partner]),
                float(correlation[index, partner]),
                scale,
                float(seen.mean[index] - scale * seen.mean[partner]),
            )
        )
    return pairs


def find_mirrors(kernels: np.ndarray, live: np.ndarray, groups: int = 1) -> dict[int, int]:
    """Filters whose weights are another's turned negative: each with its partner, the nearest to that."""
    if _weights_say_nothing(kernels):
        return {}
    cosine = np.where(_same_group(len(kernels), groups) & live & live[:, None], weight_cosines(kernels), 0)
    return {int(index): int(cosine[index].argmin()) for index in np.flatnonzero(cosine.min(1) < -COSINE)}


def weight_cosines(kernels: np.ndarray) -> np.ndarray:
    """Cosines of all pairs of filters `(F, F)`; 0 where one is zero or not finite."""
    flat = np.nan_to_num(kernels.reshape(len(kernels), -1).astype(np.float64), posinf=0, neginf=0)
    norms = np.linalg.norm(flat, axis=1, keepdims=True)
    units = np.divide(flat, norms, out=np.zeros_like(flat), where=norms > 0)
    return product(units, units.T)


def _same_shift(kernels: np.ndarray, bias: np.ndarray | None, seen: LayerStatistics, normed: bool) -> np.ndarray:
    """Which pairs have the same bias for the size of their weights, or behind a norm fire as often, bool `(F, F)`."""
    if normed:
        fired = seen.fired / max(seen.positions, 1)
        alike: np.ndarray = np.abs(fired - fired[:, None]) <= FIRES_APART
        return alike
    if bias is None:
        return np.ones((len(kernels), len(kernels)), bool)
    norms = np.linalg.norm(kernels.reshape(len(kernels), -1).astype(np.float64), axis=1)
    relative = np.divide(bias, norms, out=np.full(len(norms), np.inf), where=norms > 0)
    with np.errstate(invalid="ignore"):
        alike = np.abs(relative - relative[:, None]) <= SAME_BIAS
    return alike


def _weights_say_nothing(kernels: np.ndarray) -> bool:
    return int(np.prod(kernels.shape[1:])) < FEWEST_NUMBERS


def _same_group(filters: int, groups: int) -> np.ndarray:
    group = np.arange(filters) // max(1, filters // groups)
    same: np.ndarray = group[:, None] == group
    return same
