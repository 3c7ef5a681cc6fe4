"""What a filter may fire for: classes, pairs of classes and attributes, and how well its maxima tell them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from filterscope.scans.attributes import ATTRIBUTES
from filterscope.scans.identity import LayerIdentity
from filterscope.scans.piece import NO_CLASS, Label
from filterscope.scans.ranks import Groups, RankSums
from filterscope.scans.state import Column, ScanState

LEAST_IMAGES = 50
"""Fewer images tell nothing."""

LEAST_SHUFFLED = 20
"""Fewer shuffled filters of a layer do not tell what such filters reach."""

_FEW = 8
"""For 100 shuffled filters Gumbel's scale is 8 % larger than they say, for 32 it is 25 %. In untrained nets of 4 and 6
filters a layer 0.7 to 2.2 % of the filters got a name without it, and 0.2 to 1.0 % with it."""

_LEAST_OF_GROUP = 10  # images of a class, and of no class of a pair: the tests go by normal approximations
_MOST_PAIRED = 50  # classes: 1,225 pairs; of 1,000 classes there would be half a million
_LEAST_AUC = 1e-4  # so that a logit is finite


@dataclass(frozen=True)
class Candidate:
    """Something that a filter may fire for.

    Attributes:
        name: What it is called.
        groups: Its places among the groups: the first and the last, which are two for a pair.
        classes: Its classes; none for an attribute.
    """

    name: str
    groups: tuple[int, int]
    classes: tuple[Label, ...] = ()


@dataclass(frozen=True, eq=False)
class Candidates:
    """All that the filters of a scan may fire for; the scans of shuffled nets are asked for the same.

    Attributes:
        classes: The classes.
        attributes: Places in `ATTRIBUTES` of those that the images have.
        listed: Classes, pairs of classes, and the upper and the lower end of each attribute.
    """

    classes: tuple[Label, ...]
    attributes: tuple[int, ...]
    listed: tuple[Candidate, ...]

    @classmethod
    def of(cls, state: ScanState, classes: tuple[Label, ...]) -> Candidates:
        """Those of a scan whose classes are these, in this order."""
        count = len(classes)
        singles = [Candidate(str(label), (place, place), (label,)) for place, label in enumerate(classes)]
        pairs = [
            Candidate(f"{classes[first]} or {classes[second]}", (first, second), (classes[first], classes[second]))
            for first, second in (combinations(range(count), 2) if 2 < count <= _MOST_PAIRED else ())
        ]
        attributes = tuple(np.flatnonzero(~np.isnan(state.attributes).all(0)).tolist()) if len(state.images) else ()
        ends = [
            Candidate(end, (group, group))
            for place, attribute in enumerate(attributes)
            for group, end in enumerate((ATTRIBUTES[attribute].high, ATTRIBUTES[attribute].low), count + 2 * place)
        ]
        return cls(classes, attributes, (*singles, *pairs, *ends))

    def ends(self, attribute: int) -> tuple[int, int]:
        """Places in `listed` of the upper and the lower end of the attribute at a place in `attributes`."""
        first = len(self.listed) - 2 * len(self.attributes) + 2 * attribute
        return first, first + 1

    def groups(self, state: ScanState) -> Groups:
        """Which images of a scan are in which group."""
        place = {label: number for number, label in enumerate(self.classes)}
        order = np.array([*(place.get(label, NO_CLASS) for label in state.classes), NO_CLASS], np.int64)
        ends = [_ends(state.attributes[:, attribute]) for attribute in self.attributes]
        others = np.concatenate(ends, 1) if ends else np.zeros((len(state.images), 0), bool)
        return Groups(order[state.labels], len(self.classes), others)


def _ends(values: np.ndarray) -> np.ndarray:
    """Which images have more of an attribute than the median image, and which have not, bool `(n, 2)`."""
    known = ~np.isnan(values)
    above = known & (values > np.median(values[known])) if known.any() else known
    return np.stack([above, known & ~above], 1)


@dataclass(frozen=True, eq=False)
class LayerEvidence:
    """How well each of `F` filters tells each of `N` candidates.

    Attributes:
        auc: float64 `(F, N)`; NaN where a candidate has too few images, or too few have a maximum, or it never varies.
        p: float64 `(F, N)`, of Mann and Whitney's test.
    """

    auc: np.ndarray
    p: np.ndarray

    @classmethod
    def of(cls, state: ScanState, layer: LayerIdentity, candidates: Candidates) -> LayerEvidence:
        """The evidence of a scan."""
        groups = candidates.groups(state)
        first, last = np.array([candidate.groups for candidate in candidates.listed], np.int64).reshape(-1, 2).T
        auc, p = (np.full((layer.filters, len(candidates.listed)), np.nan) for _ in range(2))
        for number in range(layer.filters):
            column = state.column(layer.index, number)
            if not varies(column):
                continue
            of_column = groups.only(np.searchsorted(state.images, column.images))
            of_groups = RankSums.of(column.maximum, of_column)
            sums = of_groups.of_pairs(first, last)
            inside = np.minimum(of_groups.counts[first], of_groups.counts[last])
            enough = np.minimum(inside, sums.images - sums.counts) >= _LEAST_OF_GROUP
            auc[number], p[number] = (np.where(enough, values, np.nan) for values in (sums.auc(), sums.p()))
        return cls(auc, p)


def varies(column: Column) -> bool:
    """Whether enough images have a maximum, and not all the same."""
    known = column.maximum[~np.isnan(column.maximum)]
    return len(known) >= LEAST_IMAGES and bool(known.min() < known.max())


def p_shuffled(auc: np.ndarray, shuffled: Sequence[np.ndarray]) -> np.ndarray:
    """The chance that a filter whose weights are in random order tells any candidate as well as that.

    How well is said by the logit of the AUC, in deviations above the mean of the layer's shuffled filters, candidate by
    candidate. Of each shuffled filter the greatest counts, among the filters of the other nets: a greatest value of
    many has Gumbel's distribution.

    Args:
        auc: float64 `(F, N)`, of the filters.
        shuffled: The same of shuffled nets.

    Returns:
        float64 `(F, N)`; NaN where it cannot be told, as from fewer than 20 shuffled filters that vary.
    """
    nets = [_logit(of_net[~np.isnan(of_net).all(1)]) for of_net in shuffled]
    nets = [of_net for of_net in nets if len(of_net)]
    count = sum(map(len, nets))
    if len(nets) < 2 or count < LEAST_SHUFFLED:
        return np.full(auc.shape, np.nan)
    others = [np.concatenate(nets[:place] + nets[place + 1 :]) for place in range(len(nets))]
    null = np.concatenate([_greatest(_above(own, rest)) for own, rest in zip(nets, others, strict=True)])
    null = null[~np.isnan(null)]
    scale = null.std(ddof=1) * np.sqrt(6) / np.pi if len(null) > 1 else 0.0
    if not scale:
        return np.full(auc.shape, np.nan)
    location = null.mean() - np.euler_gamma * scale
    scale *= 1 + _FEW / len(null)
    p: np.ndarray = -np.expm1(-np.exp(-(_above(_logit(auc), np.concatenate(nets)) - location) / scale))
    return p


def _above(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """By how many deviations values `(F, N)` are above the mean of others `(M, N)`, column by column."""
    count = (~np.isnan(others)).sum(0)
    with np.errstate(all="ignore"):
        mean = np.nansum(others, 0) / count
        deviation = np.sqrt(np.nansum((others - mean) ** 2, 0) / (count - 1))
        above: np.ndarray = (values - mean) / np.where((count > 1) & (deviation > 0), deviation, np.nan)
    return above


def _greatest(values: np.ndarray) -> np.ndarray:
    """The greatest of each row; NaN where all are."""
    greatest: np.ndarray = np.where(np.isnan(values), -np.inf, values).max(1, initial=-np.inf)
    return np.where(np.isinf(greatest), np.nan, greatest)


def _logit(auc: np.ndarray) -> np.ndarray:
    inside = np.clip(auc, _LEAST_AUC, 1 - _LEAST_AUC)
    logit: np.ndarray = np.log(inside / (1 - inside))
    return logit


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values: with those at most α, the chance of any error at all is at most α.

    Args:
        p: float64 `(M,)`; NaN stands for a test that was not made, stays NaN and does not count.
    """
    made = int((~np.isnan(p)).sum())
    order = np.argsort(p)[:made]  # NaN comes last
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(made, 0, -1)), 1)
    return adjusted


def adjusted(p: np.ndarray, of_shuffled: np.ndarray) -> np.ndarray:
    """The p-values that names go by.

    A name says that a filter tells these images, and does so better than a shuffled filter tells any: of both p the
    greater counts, that of Mann and Whitney's test times the number of candidates. The least of each filter is adjusted
    by Holm's procedure over all filters, the filter's others by Bonferroni's.

    Args:
        p: float64 `(F, N)`, of Mann and Whitney's test, of all filters.
        of_shuffled: The same from `p_shuffled`.

    Returns:
        float64 `(F, N)`.
    """
    tried = (~np.isnan(p)).sum(1, keepdims=True)
    both = np.maximum(np.minimum(p * tried, 1), of_shuffled)
    least = np.where(np.isnan(both), np.inf, both).min(1, initial=np.inf)
    of_filters = holm(np.where(np.isinf(least), np.nan, least))[:, None]
    others = np.maximum(np.minimum(both * (~np.isnan(of_filters)).sum(), 1), of_filters)
    result: np.ndarray = np.where(both == least[:, None], of_filters, others)
    return result
