"""What the net loses without a filter: its map replaced by its mean, image by image, in sums that merge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from filterscope.verdicts.duplicates import Pair
from filterscope.verdicts.rerun import Rerun


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
        means: The value that replaces each filter's map `(F,)`: its mean over the images seen before the first
            ablation, kept since, so that later images can be added.
        rises: Of each filter.
        class_images: Images of each class `(K,)`.
        class_rise: Sum of the rises by class `(K, F)`.
        class_right: By class, how many more images are right without the filter `(K, F)`.
        merged: For pairs that may be duplicates: the rise when one's map is computed from the other's.
        reason: Why there is nothing, one sentence without full stop, or "".
    """

    means: np.ndarray
    rises: list[Rise]
    class_images: np.ndarray
    class_rise: np.ndarray
    class_right: np.ndarray
    merged: dict[tuple[int, int], Rise] = field(default_factory=dict)
    reason: str = ""

    @classmethod
    def of(cls, means: np.ndarray, classes: int) -> LayerAblation:
        """Nothing ablated yet."""
        filters = len(means)
        table = np.zeros((classes, filters))
        return cls(means, [Rise() for _ in range(filters)], np.zeros(classes, np.int64), table.copy(), table.copy())

    def merge(self, other: LayerAblation) -> None:
        """Takes in what was found on other images, with the same means."""
        for own, others in zip(self.rises, other.rises, strict=True):
            own.merge(others)
        for pair, others in other.merged.items():
            self.merged.setdefault(pair, Rise()).merge(others)
        self.class_images += other.class_images
        self.class_rise += other.class_rise
        self.class_right += other.class_right

    def add(
        self,
        rerun: Rerun,
        intact: torch.Tensor,
        labels: np.ndarray,
        labelled: bool,
        live: np.ndarray,
        pairs: list[Pair],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        """Ablates each live filter of the layer for one batch, and merges each pair.

        Args:
            rerun: The batch, ready to be run again from the layer on.
            intact: Log-probabilities of the intact net `(N, K)`.
            labels: Class numbers `(N,)`, -1 for none; without labels those that the net predicts.
            labelled: Whether they are labels.
            live: bool `(F,)`. A map that is constant is its own mean: nothing to compute.
            pairs: Candidates for duplicates.
            cancelled: Asked before each filter; once it says yes, the sums are incomplete.
        """
        use = np.flatnonzero(labels >= 0)
        if not len(use):
            return
        chosen = torch.from_numpy(labels[use]).to(intact.device)
        rows = torch.from_numpy(use).to(intact.device)
        before = intact[rows]
        right = (before.argmax(1) == chosen).cpu().numpy()
        np.add.at(self.class_images, labels[use], 1)
        for index in range(len(self.rises)):
            if cancelled():
                return
            if not live[index]:
                self.rises[index].add(np.zeros(len(use)))
                continue
            value = float(self.means[index])

            def ablate(activation: torch.Tensor, index: int = index, value: float = value) -> None:
                activation[:, index] = value

            after = rerun(ablate)
            if after is None:
                continue
            rises = _rises(before, after[rows], chosen, labelled)
            self.rises[index].add(rises)
            finite = np.isfinite(rises)
            np.add.at(self.class_rise[:, index], labels[use][finite], rises[finite])
            change = (after[rows].argmax(1) == chosen).cpu().numpy().astype(int) - right
            np.add.at(self.class_right[:, index], labels[use], change)
        for pair in pairs:

            def merge(activation: torch.Tensor, pair: Pair = pair) -> None:
                activation[:, pair.filter] = pair.scale * activation[:, pair.partner] + pair.offset

            after = rerun(merge)
            if after is not None:
                held = self.merged.setdefault((pair.filter, pair.partner), Rise())
                held.add(_rises(before, after[rows], chosen, labelled))


def _rises(before: torch.Tensor, after: torch.Tensor, labels: torch.Tensor, labelled: bool) -> np.ndarray:
    """By how much each image's loss rose; without labels the divergence of the output from the intact one, in nats."""
    if labelled:
        column = labels[:, None]
        return (before.gather(1, column) - after.gather(1, column))[:, 0].double().cpu().numpy()
    return (before.exp() * (before - after)).sum(1).double().cpu().numpy()
