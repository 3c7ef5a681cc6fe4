"""Did training pull on a filter? What its direction in its own input says, beside random filters over the same input.

Training turns filters towards what varies in their input. A filter that it never turned points there no more than a
random one does. That says nothing of what was learned: labels drawn at random and learned by heart pull as well.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.activations.inputs import InputMoments
from filterscope.verdicts.chance import per_100, share_as_extreme
from filterscope.verdicts.matrices import eigh, product

PULLED, CANT_TELL = "pulled", "can't tell"
# Of filters that never left their start .004 to .009 are below it, of trained 1×1 ones .24 (training_report.md). At .01
# these were .006 to .012 and .29: where the layers before were trained, frozen filters are not quite random ones.
P_PULLED = 0.005
FEWEST_NUMBERS = 16  # a filter; with 9 (depthwise 3×3) 1 in 100 trained filters is told

_SHRUNK = 0.1  # of the mean variance, added to each: what hardly varies would else outweigh all else
_DRAWS = 2_000, 20_000  # fewest and most random filters; as many as these numbers allow
_NUMBERS = 6_000_000
_BLOCK = 4_000_000  # random numbers held at once


@dataclass(frozen=True)
class Training:
    """What the input says of one filter.

    Attributes:
        verdict: `"pulled"` or `"can't tell"`.
        p: How often a random filter looks as much along what varies in the input; NaN where it was not tested.
        reason: Why it cannot be told, one sentence without full stop, or "".
    """

    verdict: str
    p: float = np.nan
    reason: str = ""


def judge_training(kernels: np.ndarray, groups: int, moments: InputMoments, seed: int = 0) -> list[Training]:
    """Compares each filter's direction with random ones over the same input.

    The input's second moment is taken as channels ⊗ places, with eigenvalues λ, mean 1. A filter's score is the mean of
    log(λ + 0.1) over the eigenvectors, weighted by the filter's energy along each. High scores are unlike chance.

    Args:
        kernels: The layer's weights `(F, C_in/groups, *k)`.
        groups: The layer's groups.
        moments: Of the layer's input.
        seed: Of the random filters.

    Returns:
        One result a filter.
    """
    count, channels, *_ = kernels.shape
    filters = kernels.reshape(count, channels, -1).astype(np.float64)
    usable = np.all(np.isfinite(filters), axis=(1, 2)) & np.any(filters, axis=(1, 2))
    numbers = filters[0].size
    reason = ""
    if numbers < FEWEST_NUMBERS:
        reason = f"{numbers} weights a filter are too few to tell a direction from chance; {FEWEST_NUMBERS} are needed"
    elif not moments.windows:
        reason = "none of its inputs could be read"
    if reason:
        return [Training(CANT_TELL, reason=reason)] * count
    levels, energies, varies = _along_the_input(np.where(usable[:, None, None], filters, 0), groups, moments)
    of_group = np.arange(count) // (count // groups)
    scores = np.einsum("fn,fn->f", energies, levels[of_group]) / np.maximum(energies.sum(1), 1e-300)
    p = share_as_extreme(_null(levels, np.random.default_rng(seed))[:, of_group], scores, high=True)
    return [_verdict(float(p[index]), bool(usable[index]), bool(varies[of_group[index]])) for index in range(count)]


def _verdict(p: float, usable: bool, varies: bool) -> Training:
    if not usable:
        return Training(CANT_TELL, reason="its weights are zero or not finite")
    if not varies:
        return Training(CANT_TELL, reason="its input does not vary on these images")
    if p <= P_PULLED:
        return Training(PULLED, p)
    looks = f"{per_100(p)} in 100 random filters look as much along what varies in the same input"
    return Training(CANT_TELL, p, looks)


def _along_the_input(
    filters: np.ndarray, groups: int, moments: InputMoments
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each group the levels log(λ + 0.1), `(G, C · S)`; of each filter its energy along these; which inputs vary."""
    count, channels, cells = filters.shape
    c_values, c_vectors = eigh(moments.over_channels)
    s_values, s_vectors = eigh(moments.over_places)
    values = np.maximum(c_values, 0)[:, :, None] * np.maximum(s_values, 0)[:, None]
    mean = values.mean((1, 2), keepdims=True)
    levels = np.log(np.divide(values, mean, out=np.zeros_like(values), where=mean > 0) + _SHRUNK)
    by_group = filters.reshape(groups, count // groups, channels, cells)
    turned = product(c_vectors.transpose(0, 2, 1)[:, None], by_group, s_vectors[:, None])
    return levels.reshape(groups, -1), (turned**2).reshape(count, -1), mean[:, 0, 0] > 0


def _null(levels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Scores of random filters, `(draws, G)`: they depend on the levels alone, so one set of numbers serves all."""
    groups, numbers = levels.shape
    weights = np.concatenate([levels, np.ones((1, numbers))]).astype(np.float32).T
    draws = int(np.clip(_NUMBERS // numbers, *_DRAWS))
    at_once = max(1, _BLOCK // numbers)
    scores = []
    for start in range(0, draws, at_once):
        drawn = random.standard_normal((min(at_once, draws - start), numbers), np.float32)
        np.square(drawn, out=drawn)
        sums = product(drawn, weights)
        scores.append(sums[:, :groups] / sums[:, groups:])
    return np.concatenate(scores)
