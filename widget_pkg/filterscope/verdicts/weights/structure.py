"""Structured, noise-like or can't tell: what a filter's weights alone say.

A trained layer's filters share a second moment: some channels and some spatial patterns carry more than others. A
filter that never learned points in a direction that knows nothing of it. Two Monte-Carlo tests follow, each an error
rate and no tuned number: against directions drawn at random, and against directions drawn from that second moment.
Beside the first stand two that ask the filter alone: whether neighbouring weights are alike, and whether its channels
share one pattern. They see what a filter learned that is unlike all others of its layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.chance import per_100, share_as_extreme
from filterscope.verdicts.matrices import eigenvalues, product
from filterscope.verdicts.weights.neighbours import neighbours_alike
from filterscope.verdicts.weights.separable import shared_patterns
from filterscope.verdicts.weights.shared_moments import SharedMoments, inverse_form

STRUCTURED, NOISE_LIKE, CANT_TELL = "structured", "noise-like", "can't tell"
P_STRUCTURED, P_NOISE = 0.01, 0.05
# Of a 1×1 kernel, which the input is asked about as well: of trained ones .22 are below it, of those that never left
# their start .002. None of them is called noise: a trained one may well share nothing with its layer.
P_STRUCTURED_1X1 = 0.005
P_PLAIN = 0.05  # where fewer random filters look as structured, it isn't called noise either
FEWEST_NUMBERS = 25  # a filter
FEWEST_FILTERS = 5  # a layer

_DRAWS = 2_000, 20_000  # fewest and most random filters; as many as these numbers allow
_NUMBERS = 12_000_000
_BLOCK = 4_000_000  # random numbers held at once


@dataclass(frozen=True)
class Structure:
    """What the weights of one filter say.

    Attributes:
        verdict: `"structured"`, `"noise-like"` or `"can't tell"`.
        p_structured: How often a random direction looks as structured; NaN where it was not tested.
        p_noise: How often a direction drawn from the layer's second moment fits it as badly; NaN likewise.
        noise_score: Log-likelihood of a random direction minus that of one with the layer's second moment, for each
            number of the filter: the higher, the more like noise. NaN likewise.
        reason: Why it cannot be told, one sentence without full stop, or "".
    """

    verdict: str
    p_structured: float = np.nan
    p_noise: float = np.nan
    noise_score: float = np.nan
    reason: str = ""


def judge_structure(kernels: np.ndarray, groups: int = 1, seed: int = 0) -> list[Structure]:
    """Judges each filter of a layer by its weights.

    Args:
        kernels: The layer's weights `(F, C_in/groups, *k)`.
        groups: The layer's groups: with more than one, a channel's place means something else in each.
        seed: Of the random directions.

    Returns:
        One result a filter.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(20, 10, 3, 3))
        >>> sum(filter.verdict == "structured" for filter in judge_structure(noise))
        0
    """
    count, channels, *size = kernels.shape
    flat = kernels.reshape(count, -1).astype(np.float64)
    numbers = flat.shape[1]
    usable = np.all(np.isfinite(flat), axis=1)
    norms = np.where(usable, np.linalg.norm(np.where(usable[:, None], flat, 0), axis=1), 0)
    reasons = [_unusable(bool(finite), float(norm)) for finite, norm in zip(usable, norms, strict=True)]
    live = np.flatnonzero([not reason for reason in reasons])
    too_little = _too_little(numbers, groups > 1 and numbers == channels, len(live))
    if too_little:
        return [Structure(CANT_TELL, reason=reason or too_little) for reason in reasons]
    units = (flat[live] / norms[live, None]).reshape(len(live), channels, -1)
    p_structured, p_noise, score = _test(units, groups, tuple(size), np.random.default_rng(seed))
    results = [Structure(CANT_TELL, reason=reason) for reason in reasons]
    for row, index in enumerate(live):
        found = float(p_structured[row]), float(p_noise[row]), float(score[row])
        results[index] = _verdict(*found) if numbers > channels else _verdict_1x1(*found)
    return results


def _verdict(p_structured: float, p_noise: float, score: float) -> Structure:
    if p_structured < P_STRUCTURED:
        return Structure(STRUCTURED, p_structured, p_noise, score)
    if p_noise < P_NOISE and p_structured >= P_PLAIN:
        return Structure(NOISE_LIKE, p_structured, p_noise, score)
    reason = (
        f"{per_100(p_structured)} in 100 random filters look as structured, and {per_100(p_noise)} in 100 that have "
        "what this layer's filters share fit it as badly"
    )
    return Structure(CANT_TELL, p_structured, p_noise, score, reason)


def _verdict_1x1(p_structured: float, p_noise: float, score: float) -> Structure:
    if p_structured < P_STRUCTURED_1X1:
        return Structure(STRUCTURED, p_structured, p_noise, score)
    reason = f"{per_100(p_structured)} in 100 random filters look as structured"
    return Structure(CANT_TELL, p_structured, p_noise, score, reason)


def _unusable(finite: bool, norm: float) -> str:
    if not finite:
        return "some of its weights are NaN or infinite"
    return "" if norm > 0 else "all its weights are zero"


def _too_little(numbers: int, apart: bool, live: int) -> str:
    if apart:
        return "1×1 kernels in groups share neither channels nor a shape that chance could be told from"
    if numbers < FEWEST_NUMBERS:
        return f"{numbers} weights a filter are too few to tell a pattern from chance; {FEWEST_NUMBERS} are needed"
    if live < FEWEST_FILTERS:
        return f"the layer has {live} filters with weights to compare with; {FEWEST_FILTERS} are needed"
    return ""


def _test(
    units: np.ndarray, groups: int, size: tuple[int, ...], random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both p-values and the noise score of unit filters `(F, C, S)`."""
    count = len(units)
    moments = SharedMoments(units, groups)
    spread = np.empty((len(moments.folds), units[0].size), np.float32)  # eigenvalues of each fold's second moment
    fit = np.empty(count)  # xᵀ M⁻¹ x: small where the filter lies in what the others share
    of_fold = np.empty(count, int)
    for number, fold in enumerate(moments.folds):
        channels, places = moments.without(fold)
        spread[number] = np.outer(eigenvalues(channels), eigenvalues(places)).ravel()
        fit[fold] = inverse_form(units[fold], channels, places)
        of_fold[fold] = number
    random_fit, own_fit = _null_fits(spread, random)
    p_structured = share_as_extreme(random_fit[:, of_fold], fit, high=False)
    p_noise = share_as_extreme(own_fit[:, of_fold], fit, high=True)
    score = 0.5 * np.log(spread.astype(np.float64)).mean(1)[of_fold] + 0.5 * np.log(fit)
    return _any_of(p_structured, *_own_tests(units, size)), p_noise, score


def _own_tests(units: np.ndarray, size: tuple[int, ...]) -> list[np.ndarray]:
    """p-values of tests that ask a filter alone, so that one that is unlike its neighbours can be structured too."""
    tests = []
    if max(size) >= 3:  # of two neighbours chance makes much
        tests.append(neighbours_alike(units, size))
    if min(units.shape[1:]) > 1:
        tests.append(shared_patterns(units).p)
    return tests


def _any_of(*tests: np.ndarray) -> np.ndarray:
    """Bonferroni's p-value of several tests."""
    p: np.ndarray = np.minimum(1, len(tests) * np.minimum.reduce(tests))
    return p


def _null_fits(spread: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How well random directions, and directions drawn from each second moment, fit it: two `(draws, folds)`.

    The fit of a direction depends on the eigenvalues alone, so one set of normal numbers serves all folds.
    """
    numbers, folds = spread.shape[1], len(spread)
    weights = np.concatenate([1 / spread, spread, np.ones((1, numbers), np.float32)])
    flat, own = [], []
    for count in _blocks(numbers):
        drawn = random.standard_normal((count, numbers), np.float32)
        np.square(drawn, out=drawn)
        sums = product(drawn, weights.T)
        total = sums[:, -1:]
        flat.append(sums[:, :folds] / total)
        own.append(total / sums[:, folds:-1])
    return np.concatenate(flat), np.concatenate(own)


def _blocks(numbers: int) -> list[int]:
    """How many random filters of so many numbers are drawn at a time, until there are enough."""
    draws = int(np.clip(_NUMBERS // numbers, *_DRAWS))
    at_once = max(1, _BLOCK // numbers)
    return [min(at_once, draws - start) for start in range(0, draws, at_once)]
