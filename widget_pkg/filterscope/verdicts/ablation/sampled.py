"""Filters ablated on few images: each image's own rise is kept, to be set beside what linearised logits say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from filterscope.verdicts.ablation.control import ControlledRise, Pool, controlled_rises
from filterscope.verdicts.ablation.linearised import LinearisedLogits
from filterscope.verdicts.ablation.rises import LayerAblation, Rise


@dataclass(frozen=True, eq=False)
class AblatedRows:
    """By how much the loss rose for each of some images without each filter.

    Attributes:
        indices: The images' indices in the data set, int64 `(N,)`.
        rises: float64 `(N, F)`; NaN where there is no finite loss.
    """

    indices: np.ndarray
    rises: np.ndarray


@dataclass
class SampledAblation:
    """The rises of the loss in one layer, each filter's map replaced by its mean, on few images.

    Attributes:
        means: The value that replaces each filter's map `(F,)`.
        end: How far in the order of the images it goes.
        rows: What was measured, in parts.
        merged: For pairs that may be duplicates: the rise when one's map is computed from the other's.
        rises: The mean rise without each filter, as far as is known by now.
    """

    means: np.ndarray
    end: int = 0
    rows: list[AblatedRows] = field(default_factory=list)
    merged: dict[tuple[int, int], Rise] = field(default_factory=dict)
    rises: list[ControlledRise] = field(default_factory=list)

    def __deepcopy__(self, memo: object) -> SampledAblation:
        merged = {pair: Rise(rise.images, rise.total, rise.squared) for pair, rise in self.merged.items()}
        return SampledAblation(self.means, self.end, list(self.rows), merged, list(self.rises))

    @property
    def by_class(self) -> dict[int, np.ndarray]:
        """Of so few images nothing is said by class."""
        return {}

    def of_class(self, number: int, index: int) -> Rise:
        """The rise without a filter over the images of one class: unknown."""
        return Rise()

    @property
    def images(self) -> int:
        """How many images were ablated on, all of whose losses are finite."""
        return len(self._finite()[0])

    def merge(self, other: LayerAblation) -> None:
        """Takes in what one map for two costs on other images."""
        for pair, rise in other.merged.items():
            self.merged.setdefault(pair, Rise()).merge(rise)

    def conclude(self, linearised: LinearisedLogits, pool: Pool | None, live: np.ndarray) -> None:
        """Finds the mean rises by what linearised logits say of these images and of others.

        Args:
            linearised: Of the layer.
            pool: The first order over all images; None where there are no gradients.
            live: bool `(F,)`. Where a map is constant nothing changes, and a first order is rounding.
        """
        indices, rises = self._finite()
        known = set(linearised.indices.tolist())
        rows = np.array([int(index) in known for index in indices], bool)
        moments = linearised.moments
        if moments is None or pool is None or not rows.any():
            plain = [Rise() for _ in self.means]
            for rise, column in zip(plain, rises.T, strict=True):
                rise.add(column)
            self.rises = [ControlledRise(rise.images, rise.mean, rise.error, rise.freedom) for rise in plain]
            return
        near, first_order = linearised.rises_of(indices[rows])
        controlled = controlled_rises(rises[rows], near, first_order, moments, pool)
        nothing = ControlledRise(int(rows.sum()), 0.0, 0.0, max(rows.sum() - 1.0, 1.0))
        self.rises = [rise if alive else nothing for rise, alive in zip(controlled, live, strict=True)]

    def _finite(self) -> tuple[np.ndarray, np.ndarray]:
        if not self.rows:
            return np.zeros(0, np.int64), np.zeros((0, len(self.means)))
        indices = np.concatenate([part.indices for part in self.rows])
        rises = np.concatenate([part.rises for part in self.rows])
        finite = np.isfinite(rises).all(1)
        return indices[finite], rises[finite]


def single_order(rises: Sequence[Rise | ControlledRise]) -> np.ndarray:
    """Filters by the rise without each alone, the highest first."""
    return np.argsort([-rise.mean for rise in rises], kind="stable")
