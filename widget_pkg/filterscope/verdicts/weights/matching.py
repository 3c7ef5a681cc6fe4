"""Which template a kernel matches, and how often chance matches as well."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from filterscope.verdicts.matrices import product
from filterscope.verdicts.weights.templates import Template, bank

P_NAME = 0.01
TIMES_LIKELIER = 3.0
_RANDOM_KERNELS = 20_000


@dataclass(frozen=True)
class Match:
    """The best template of one kernel.

    Attributes:
        template: Its family: `"smoothing"`, `"point"`, `"shifted point"`, `"edge"`, `"blob"`, `"bar"`, `"saddle"`,
            `"checkerboard"`, `"corner"` or `"stripes"`.
        match: Share of the kernel's energy that it explains, in [0, 1].
        p_family: Share of random kernels of that size that match this family as well.
        p_template: Share of random kernels that match any family as unexpectedly well: the rate at which a random
            kernel would get a name, were names given from here on.
        runner_up: The family that explains most of it beside this one.
        times_likelier: How many times likelier this family makes the kernel than that one, where what a template
            leaves over is white noise: (what the other leaves over / what this leaves over) ^ (numbers / 2).
        angle: Of the pattern's line in degrees, counter-clockwise from horizontal, in [0, 180); of a corner the
            direction into which it opens, in [0, 360); None where it has none.
        sign: +1 or −1: of a pair, along `facing`; of a single pattern, as it is or inverted.
        facing: Of an edge the direction of the bright side, in degrees counter-clockwise from the right.
        place: `(row, column)` from the centre, of a point.
        period: In pixels, of stripes.
    """

    template: str
    match: float
    p_family: float
    p_template: float
    runner_up: str
    times_likelier: float
    angle: float | None = None
    sign: int = 1
    facing: float = 0.0
    place: tuple[float, float] = (0.0, 0.0)
    period: float = 0.0

    @property
    def is_clear(self) -> bool:
        """Whether chance and the other families are both unlikely enough for a plain name."""
        return self.p_template < P_NAME and self.times_likelier >= TIMES_LIKELIER


def match_kernels(kernels: np.ndarray) -> list[Match | None]:
    """Compares kernels with every template of their size.

    Args:
        kernels: float `(N, kH, kW)`, kH and kW at least 3.

    Returns:
        For each kernel its match; None where it is zero or not finite.

    Example:
        >>> sobel = np.array([[[1, 2, 1], [0, 0, 0], [-1, -2, -1.0]]])
        >>> match_kernels(sobel)[0].template
        'edge'
    """
    rows, columns = kernels.shape[1:]
    flat = kernels.reshape(len(kernels), -1).astype(np.float64)
    norms = np.linalg.norm(flat, axis=1)
    usable = np.isfinite(norms) & (norms > 0)
    units = np.where(usable[:, None], flat, 1) / np.where(usable, norms, 1)[:, None]
    templates = bank(rows, columns)
    shares = template_shares(units, templates)
    families, columns_of = columns_by_family(templates)
    p_values, scores, winners = by_family(shares, columns_of, null_shares(rows, columns)[0])
    # The least expected family; where several are beyond what the null can tell, the one that explains most.
    best = np.lexsort((-scores, p_values), axis=1)[:, 0]
    null_least = null_shares(rows, columns)[1]
    matches: list[Match | None] = []
    for index, family in enumerate(best):
        if not usable[index]:
            matches.append(None)
            continue
        p_family = float(p_values[index, family])
        as_rare = np.searchsorted(null_least, p_family * (1 + 1e-9), side="right")
        p_template = (1 + int(as_rare)) / (1 + len(null_least))
        template = templates[int(winners[index, family])]
        others = np.delete(np.arange(len(families)), family)
        second = int(others[scores[index, others].argmax()])
        likelier = _times_likelier(scores[index, family], scores[index, second], flat.shape[1])
        share = float(scores[index, family])
        matches.append(_describe(units[index], template, share, p_family, p_template, (families[second], likelier)))
    return matches


def _times_likelier(share: float, other: float, numbers: int) -> float:
    """Ratio of the likelihoods of two families that explain these shares of a kernel of so many numbers."""
    left, left_by_other = max(1 - share, 1e-9), max(1 - other, 1e-9)  # rounding alone leaves that over
    return float(np.exp(np.clip(numbers / 2 * np.log(left_by_other / left), -50, 50)))


def template_shares(units: np.ndarray, templates: tuple[Template, ...]) -> np.ndarray:
    """Share of the energy of each unit kernel `(N, S)` in each template, `(N, T)`."""
    stacked = np.concatenate([template.basis for template in templates])
    squared = product(units, stacked.T) ** 2
    starts = np.cumsum([0] + [len(template.basis) for template in templates[:-1]])
    return np.add.reduceat(squared, starts, axis=1)


def columns_by_family(templates: tuple[Template, ...]) -> tuple[list[str], list[np.ndarray]]:
    """The families' names, and of each the indices of its templates."""
    names = list(dict.fromkeys(template.family for template in templates))
    return names, [np.flatnonzero([t.family == name for t in templates]) for name in names]


def by_family(
    shares: np.ndarray, columns: list[np.ndarray], null: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each kernel and family: p-value, share of the best member, and which member: each `(N, families)`."""
    winners = np.stack([family[shares[:, family].argmax(1)] for family in columns], 1)
    scores = np.take_along_axis(shares, winners, axis=1)
    above = [len(null) - np.searchsorted(null[:, k], scores[:, k] - 1e-9) for k in range(len(columns))]
    return (1 + np.stack(above, 1)) / (1 + len(null)), scores, winners


@lru_cache(maxsize=32)
def null_shares(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Random kernels of that size: each family's best shares, sorted, `(20000, families)`; and the least p-values."""
    random = np.random.default_rng([rows, columns])
    templates = bank(rows, columns)
    _, of_family = columns_by_family(templates)
    parts = []
    for _ in range(10):
        drawn = random.standard_normal((_RANDOM_KERNELS // 10, rows * columns))
        shares = template_shares(drawn / np.linalg.norm(drawn, axis=1, keepdims=True), templates)
        parts.append(np.stack([shares[:, family].max(1) for family in of_family], 1))
    scores = np.concatenate(parts)
    ordered = np.sort(scores, axis=0)
    above = [len(scores) - np.searchsorted(ordered[:, k], scores[:, k] - 1e-9) for k in range(scores.shape[1])]
    least = np.min(np.stack(above, 1), axis=1)  # each counts itself, as a new kernel's 1 + count does
    return ordered, np.sort(least / len(scores))


def _describe(
    unit: np.ndarray, template: Template, share: float, p_family: float, p_template: float, second: tuple[str, float]
) -> Match:
    along = (template.basis * unit).sum(1)
    angle, facing, sign = template.angle, 0.0, 1 if along[0] >= 0 else -1
    if template.family == "edge":  # along = what of it goes to the right, and upwards
        facing = float(np.degrees(np.arctan2(along[1], along[0]))) % 360
        angle, sign = (facing + 90) % 180, 1
    elif template.family == "saddle":  # xy and x² − y²: bright along the diagonal, and along the horizontal
        angle, sign = float(np.degrees(np.arctan2(along[0], along[1])) / 2) % 180, 1
    return Match(
        template=template.family,
        match=min(1.0, share),
        p_family=p_family,
        p_template=p_template,
        runner_up=second[0],
        times_likelier=second[1],
        angle=angle,
        sign=sign,
        facing=facing,
        place=template.place,
        period=template.period,
    )
