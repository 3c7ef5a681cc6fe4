"""By how much the loss rises when a filter is ablated, image by image, in sums that merge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch

from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.activations.duplicates import Pair


class RiseReference(Protocol):
    """What an ablated net is held against: `Reference`, or `ScoreReference`.

    Attributes:
        labels: Class numbers of the images that count, `(M,)`; −1 for no class.
        rows: Which images of the batch these are `(M,)`.
    """

    labels: np.ndarray
    rows: np.ndarray

    def rises(self, ablated: torch.Tensor | None) -> np.ndarray:
        """By how much each image's loss rose, float64 `(M,)`."""


@dataclass
class Rise:
    """Sums of how much a loss rose, over images.

    Attributes:
        images: How many images are in the sums.
        total: Sum of the rises.
        squared: Sum of their squares.
    """

    images: int = 0
    total: float = 0.0
    squared: float = 0.0

    def add(self, rises: np.ndarray) -> None:
        """Takes in the rises of some images `(N,)`; those that are not finite count as no image."""
        finite = rises[np.isfinite(rises)]
        self.images += len(finite)
        self.total += float(finite.sum())
        self.squared += float((finite**2).sum())

    def merge(self, other: Rise) -> None:
        """Takes in the sums over other images."""
        self.images += other.images
        self.total += other.total
        self.squared += other.squared

    @property
    def mean(self) -> float:
        """Mean rise; NaN of no image."""
        return self.total / self.images if self.images else np.nan

    @property
    def freedom(self) -> int:
        """Degrees of freedom of `error`."""
        return self.images - 1

    @property
    def error(self) -> float:
        """Standard error of the mean rise; NaN below two images."""
        if self.images < 2:
            return np.nan
        spread = max(self.squared - self.total**2 / self.images, 0.0) / (self.images - 1)
        return float(np.sqrt(spread / self.images))


@dataclass
class LayerAblation:
    """The rises of the loss in one layer, each filter's map replaced by its mean.

    Attributes:
        means: The value that replaces each filter's map `(F,)`.
        rises: The rise without each filter.
        by_class: For each class that was seen float64 `(3, F)`: what `Rise` holds, of each filter.
        merged: For pairs that may be duplicates: the rise when one's map is computed from the other's.
    """

    means: np.ndarray
    rises: list[Rise]
    by_class: dict[int, np.ndarray] = field(default_factory=dict)
    merged: dict[tuple[int, int], Rise] = field(default_factory=dict)

    @classmethod
    def of(cls, means: np.ndarray) -> LayerAblation:
        """Nothing ablated yet."""
        return cls(means, [Rise() for _ in means])

    def of_class(self, number: int, index: int) -> Rise:
        """The rise without a filter over the images of one class."""
        images, total, squared = self.by_class[number][:, index] if number in self.by_class else (0, 0.0, 0.0)
        return Rise(int(images), float(total), float(squared))

    def merge(self, other: LayerAblation) -> None:
        """Takes in the sums over other images, ablated with the same means."""
        for own, others in zip(self.rises, other.rises, strict=True):
            own.merge(others)
        for pair, others in other.merged.items():
            self.merged.setdefault(pair, Rise()).merge(others)
        for number, sums in other.by_class.items():
            self.by_class[number] = self.by_class.get(number, 0) + sums

    def add(
        self, rerun: Rerun, reference: RiseReference, live: np.ndarray, cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Ablates each live filter of the layer for one batch.

        Args:
            rerun: The batch, ready to be run again from the layer on.
            reference: The intact net's output for it.
            live: bool `(F,)`. A map that is constant is its own mean: nothing to compute.
            cancelled: Asked before each filter; once it says yes, the sums are incomplete.
        """
        rises = np.zeros((len(self.rises), len(reference.labels)))
        for index in range(len(self.rises)):
            if cancelled():
                return
            if live[index]:
                value = float(self.means[index])

                def ablate(activation: torch.Tensor, index: int = index, value: float = value) -> None:
                    activation[:, index] = value

                rises[index] = reference.rises(rerun(ablate))
            self.rises[index].add(rises[index])
        self._add_by_class(rises, reference.labels)

    def _add_by_class(self, rises: np.ndarray, labels: np.ndarray) -> None:
        """Takes in each filter's rises `(F, N)`, those that are finite."""
        finite = np.isfinite(rises)
        rises = np.where(finite, rises, 0.0)
        terms = np.stack([finite, rises, rises**2])
        for number in np.unique(labels[labels >= 0]):
            sums = terms[:, :, labels == number].sum(2)
            self.by_class[int(number)] = self.by_class.get(int(number), 0) + sums

    def add_merged(self, rerun: Rerun, reference: RiseReference, pairs: Sequence[Pair]) -> None:
        """For each pair computes one's map from the other's, for one batch."""
        for pair in pairs:

            def compute_from_partner(activation: torch.Tensor, pair: Pair = pair) -> None:
                activation[:, pair.filter] = pair.scale * activation[:, pair.partner] + pair.offset

            self.merged.setdefault((pair.filter, pair.partner), Rise()).add(
                reference.rises(rerun(compute_from_partner))
            )
