"""How far each filter of a layer went from where it started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

LEFT, SCALED, NEVER_LEFT, CANT_TELL, NOT_GIVEN = (
    "left its start",
    "only scaled",
    "never left its start",
    "can't tell",
    "not given",
)
_ROUNDING = 4.0  # times the coarser number's spacing: what saving in float16 and a factor common to all change


@dataclass(frozen=True)
class StartKernels:
    """The kernels that a net started from.

    Attributes:
        kernels: By layer `(F, C_in/groups, *k)`.
        spacing: By layer, how coarse the checkpoint's numbers are: its dtype's machine epsilon.
        missing: By layer, why there are none, one sentence without full stop.
    """

    kernels: Mapping[int, np.ndarray] = field(default_factory=dict)
    spacing: Mapping[int, float] = field(default_factory=dict)
    missing: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Start:
    """Where one filter is, seen from its start.

    Attributes:
        verdict: `"left its start"`, `"only scaled"` (as weight decay alone does), `"never left its start"`, `"can't
            tell"` or `"not given"`.
        distance: Euclidean distance from the start over the start's length; NaN where it is not known.
        share: The distance over the root mean square of the layer's filters' distances, all in weights: 1 is as far as
            the layer's filters went; NaN where it is not known, or none of them moved.
        reason: Why it cannot be told, one sentence without full stop, or "".
    """

    verdict: str
    distance: float = np.nan
    share: float = np.nan
    reason: str = ""


def judge_start(kernels: np.ndarray, start: np.ndarray, spacing: float = 0.0) -> list[Start]:
    """Compares each filter with its start, whatever its size.

    Args:
        kernels: The layer's weights now `(F, C_in/groups, *k)`.
        start: Those that it started from, of the same shape.
        spacing: How coarse these numbers are: the machine epsilon of the dtype that they were saved in.

    Returns:
        One result a filter.

    Example:
        >>> start = np.random.default_rng(0).normal(size=(3, 8, 1, 1))
        >>> now = start * np.array([1, 0.5, 1])[:, None, None, None] + np.array([0, 0, 1])[:, None, None, None]
        >>> [filter.verdict for filter in judge_start(now, start)]
        ['never left its start', 'only scaled', 'left its start']
    """
    now = kernels.reshape(len(kernels), -1).astype(np.float64)
    then = start.reshape(len(start), -1).astype(np.float64)
    finite = np.isfinite(np.concatenate([now, then], axis=1)).all(axis=1, keepdims=True)[:, 0]
    now, then = np.where(finite[:, None], now, 0), np.where(finite[:, None], then, 0)
    distance, length = np.linalg.norm(now - then, axis=1), np.linalg.norm(then, axis=1)
    typical = float(np.sqrt((distance[finite] ** 2).mean())) if finite.any() else 0.0
    slack = _ROUNDING * max(spacing, float(np.finfo(np.float32).eps))
    factor = (now * then).sum(1) / np.maximum(length**2, 1e-300)
    residue = np.linalg.norm(now - factor[:, None] * then, axis=1)
    results = []
    for index in range(len(now)):
        if not finite[index]:
            results.append(Start(CANT_TELL, reason="some of its weights are NaN or infinite"))
            continue
        if distance[index] <= slack * length[index]:
            verdict = NEVER_LEFT
        elif residue[index] <= slack * max(length[index], abs(factor[index]) * length[index]) and factor[index] > 0:
            verdict = SCALED
        else:
            verdict = LEFT
        results.append(
            Start(
                verdict,
                float(distance[index] / length[index]) if length[index] else np.nan,
                float(distance[index] / typical) if typical else np.nan,
            )
        )
    return results
