"""The evidence behind one filter's verdicts, to be drawn: what chance gives, and where the filter stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.rises import LayerAblation
from filterscope.verdicts.ablation.use import FEWEST_OF_CLASS, class_interval
from filterscope.verdicts.matrices import eigenvalues, product
from filterscope.verdicts.weights.matching import by_family, columns_by_family, null_shares, template_shares
from filterscope.verdicts.weights.separable import shared_patterns
from filterscope.verdicts.weights.shared_moments import SharedMoments, inverse_form
from filterscope.verdicts.weights.structure import FEWEST_FILTERS, FEWEST_NUMBERS
from filterscope.verdicts.weights.templates import bank

_BINS = 40
_DRAWS = 4000
_NUMBERS = 4_000_000  # random numbers at most


@dataclass(frozen=True, eq=False)
class Chance:
    """What chance gives, as a histogram, and where a filter stands.

    Attributes:
        low: Left end of the first bin.
        high: Right end of the last.
        random: Share of random filters in each bin, float32 `(B,)`.
        alike: Share of filters that have what the layer's filters share, `(B,)`; None where there is no such null.
        mark: The filter's own value.
    """

    low: float
    high: float
    random: np.ndarray
    alike: np.ndarray | None
    mark: float


@dataclass(frozen=True, eq=False)
class Looks:
    """The best template beside the pattern that it was compared with.

    Attributes:
        pattern: The filter's common spatial pattern, float32 `(kH, kW)`, of length 1.
        template: The part of it that the template explains, float32 `(kH, kW)`.
        chance: How well random kernels match a template of that family.
    """

    pattern: np.ndarray
    template: np.ndarray
    chance: Chance


def structure_chance(kernels: np.ndarray, groups: int, index: int) -> Chance | None:
    """The noise score of random filters, and of filters that have what the layer's share; None where it isn't tested.

    Args:
        kernels: The layer's weights `(F, C_in/groups, *k)`.
        groups: The layer's groups.
        index: Of the filter.
    """
    return structure_chances(kernels, groups, [index])[0]


def structure_chances(kernels: np.ndarray, groups: int, indices: Sequence[int]) -> list[Chance | None]:
    """Does `structure_chance` for several filters; those that are judged by the same others share one null."""
    count, channels, *size = kernels.shape
    flat = kernels.reshape(count, -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1)
    usable = np.flatnonzero(np.isfinite(norms) & (norms > 0))
    numbers = flat.shape[1]
    apart = groups > 1 and np.prod(size) == 1
    if len(usable) < FEWEST_FILTERS or numbers < FEWEST_NUMBERS or apart:
        return [None] * len(indices)
    units = (flat[usable] / norms[usable, None]).reshape(len(usable), channels, -1)
    moments = SharedMoments(units, groups)
    chances: dict[int, Chance] = {}
    for fold in moments.folds:
        rows = [row for row in fold if usable[row] in indices]
        if rows:
            over_channels, over_places = moments.without(fold)
            null = _null_of(np.outer(eigenvalues(over_channels), eigenvalues(over_places)).ravel())
            fits = inverse_form(units[rows], over_channels, over_places)
            chances.update({int(usable[row]): null.chance(float(fit)) for row, fit in zip(rows, fits, strict=True)})
    return [chances.get(index) for index in indices]


@dataclass(frozen=True, eq=False)
class _StructureNull:
    """Noise scores of random filters, and of filters that have what the layer's share."""

    level: float
    random: np.ndarray
    alike: np.ndarray

    def chance(self, fit: float) -> Chance:
        return _histogram(self.random, self.alike, self.level + 0.5 * float(np.log(fit)))


def _null_of(spread: np.ndarray) -> _StructureNull:
    """The null of a second moment with these eigenvalues."""
    numbers, level = len(spread), 0.5 * float(np.log(spread).mean())
    drawn = np.random.default_rng(0).standard_normal((min(_DRAWS, max(200, _NUMBERS // numbers)), numbers)) ** 2
    total = drawn.sum(1)
    random = level + 0.5 * np.log(product(drawn, (1 / spread)[:, None])[:, 0] / total)
    alike = level + 0.5 * np.log(total / product(drawn, spread[:, None])[:, 0])
    return _StructureNull(level, random, alike)


def looks_like(kernels: np.ndarray) -> Looks | None:
    """The best template of one filter `(C_in/groups, kH, kW)`; None where there are no templates for such kernels."""
    channels, *size = kernels.shape
    if len(size) != 2 or min(size) < 3 or not np.isfinite(kernels).all() or not kernels.any():
        return None
    shared = shared_patterns(kernels.reshape(1, channels, -1).astype(np.float64))
    unit = shared.pattern / np.linalg.norm(shared.pattern, axis=1)
    templates = bank(*size)
    null = null_shares(*size)[0]
    _, of_family = columns_by_family(templates)
    p_values, scores, winners = by_family(template_shares(unit, templates), of_family, null)
    family = int(np.lexsort((-scores, p_values), axis=1)[0, 0])
    basis = templates[int(winners[0, family])].basis
    explained = (basis * (basis * unit).sum(1, keepdims=True)).sum(0)
    chance = _histogram(null[:, family], None, float(scores[0, family]), 0.0, 1.0)
    return Looks(unit[0].reshape(size).astype(np.float32), explained.reshape(size).astype(np.float32), chance)


def _histogram(
    random: np.ndarray, alike: np.ndarray | None, mark: float, low: float | None = None, high: float | None = None
) -> Chance:
    everything = np.concatenate([random, [mark], [] if alike is None else alike])
    low = float(everything.min()) if low is None else low
    high = float(everything.max()) if high is None else high
    high = high if high > low else low + 1

    def shares(values: np.ndarray) -> np.ndarray:
        return (np.histogram(values, _BINS, (low, high))[0] / len(values)).astype(np.float32)

    return Chance(low, high, shares(random), None if alike is None else shares(alike), mark)


@dataclass(frozen=True, eq=False)
class ClassRises:
    """By class, how much the loss rises without a filter, in nats.

    Attributes:
        value: Mean rises, float32 `(K,)`; NaN for a class that was not seen.
        low: Lower ends of their 95 % intervals, Student's, `(K,)`; NaN for a class of fewer images than `fewest`.
        high: Upper ends `(K,)`.
        fewest: Images that an interval takes.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fewest: int = FEWEST_OF_CLASS


def class_rises(ablation: LayerAblation | None, index: int, classes: int) -> ClassRises | None:
    """The rises of each class without one filter; None where nothing was ablated.

    Args:
        ablation: Of the filter's layer.
        index: Of the filter.
        classes: How many the net tells apart.
    """
    if ablation is None or not ablation.by_class:
        return None
    rises = [ablation.of_class(number, index) for number in range(classes)]
    ends = [class_interval(rise) for rise in rises]
    low, high = np.array(ends, np.float32).T
    return ClassRises(np.array([rise.mean for rise in rises], np.float32), low, high)
