"""What the net loses without a filter: its map replaced by its mean, image by image, in sums that merge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from filterscope.verdicts.ablation.rerun import Rerun
from filterscope.verdicts.activations.duplicates import Pair


@dataclass
class Rise:
    """Sums of how much a loss rose, over images.

    Attributes:
        images: How many.
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
        """Takes in what was found on other images."""
        self.images += other.images
        self.total += other.total
        self.squared += other.squared

    @property
    def mean(self) -> float:
        """Mean rise; NaN of no image."""
        return self.total / self.images if self.images else np.nan

    @property
    def error(self) -> float:
        """Its standard error; NaN below two images."""
        if self.images < 2:
            return np.nan
        spread = max(self.squared - self.total**2 / self.images, 0.0) / (self.images - 1)
        return float(np.sqrt(spread / self.images))


@dataclass
class LayerAblation:
    """What was found for a layer.

    Attributes:
        means: The value that replaces each filter's map `(F,)`.
        rises: Of each filter.
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
        """Takes in what was found on other images, with the same means."""
        for own, others in zip(self.rises, other.rises, strict=True):
            own.merge(others)
        for pair, others in other.merged.items():
            self.merged.setdefault(pair, Rise()).merge(others)
        for number, sums in other.by_class.items():
            self.by_class[number] = self.by_class.get(number, 0) + sums

    def add(self, rerun: Rerun, known: Known, live: np.ndarray, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Ablates each live filter of the layer for one batch.

        Args:
            rerun: The batch, ready to be run again from the layer on.
            known: The intact net's output for it.
            live: bool `(F,)`. A map that is constant is its own mean: nothing to compute.
            cancelled: Asked before each filter; once it says yes, the sums are incomplete.
        """
        found = np.zeros((len(self.rises), len(known.labels)))
        for index in range(len(self.rises)):
            if cancelled():
                return
            if live[index]:
                value = float(self.means[index])

                def ablate(activation: torch.Tensor, index: int = index, value: float = value) -> None:
                    activation[:, index] = value

                found[index] = known.rises(rerun(ablate))
            self.rises[index].add(found[index])
        self._add_by_class(found, known.labels)

    def _add_by_class(self, rises: np.ndarray, labels: np.ndarray) -> None:
        """Takes in each filter's rises `(F, N)`, those that are finite."""
        finite = np.isfinite(rises)
        rises = np.where(finite, rises, 0.0)
        each = np.stack([finite, rises, rises**2])
        for number in np.unique(labels):
            sums = each[:, :, labels == number].sum(2)
            self.by_class[int(number)] = self.by_class.get(int(number), 0) + sums

    def add_merged(self, rerun: Rerun, known: Known, pairs: list[Pair]) -> None:
        """For each pair computes one's map from the other's, for one batch."""
        for pair in pairs:

            def one_for_both(activation: torch.Tensor, pair: Pair = pair) -> None:
                activation[:, pair.filter] = pair.scale * activation[:, pair.partner] + pair.offset

            self.merged.setdefault((pair.filter, pair.partner), Rise()).add(known.rises(rerun(one_for_both)))


class Known:
    """What the intact net said to a batch, without the images that have no label or no finite loss.

    Args:
        intact: Its log-probabilities `(N, K)`.
        labels: Class numbers `(N,)`, -1 for none; without labels those that the net predicts.
        labelled: Whether they are labels.

    Attributes:
        labels: Those of the images that count.
    """

    def __init__(self, intact: torch.Tensor, labels: np.ndarray, labelled: bool) -> None:
        losses = intact.gather(1, torch.from_numpy(np.maximum(labels, 0)).to(intact.device)[:, None])[:, 0]
        rows = np.flatnonzero((labels >= 0) & torch.isfinite(losses).cpu().numpy())
        self.labels = labels[rows]
        self._rows = torch.from_numpy(rows).to(intact.device)
        self._chosen = torch.from_numpy(self.labels).to(intact.device)
        self._intact, self._labelled = intact[self._rows], labelled

    def rises(self, after: torch.Tensor | None) -> np.ndarray:
        """By how much each image's loss rose; without labels the divergence of the output from the intact one.

        Args:
            after: Log-probabilities of the changed net `(N, K)`; None where it gave none.

        Returns:
            float64 `(M,)`, in nats; NaN where there is no finite loss.
        """
        if after is None:
            return np.full(len(self.labels), np.nan)
        before, after = self._intact, after[self._rows]
        if self._labelled:
            column = self._chosen[:, None]
            rises = (before.gather(1, column) - after.gather(1, column))[:, 0]
        else:
            rises = (before.exp() * (before - after)).sum(1)
        return rises.cpu().double().numpy()
