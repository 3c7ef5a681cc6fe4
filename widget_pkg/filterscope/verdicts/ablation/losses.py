"""What the net knows: each image's loss, with its label or, where there is none, with the net's own output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from filterscope.nets.outputs import KnownClasses, are_probabilities, class_output
from filterscope.verdicts.chance import t_above

UNLABELLED = -1


def log_probabilities(output: object, images: int, known: KnownClasses) -> torch.Tensor | None:
    """Log-probabilities of the classes `(N, K)`, differentiable, or None where the output is not one score a class.

    What counts as such is decided in `filterscope.nets.outputs`.
    """
    scores = class_output(output, images, known)
    if scores is None:
        return None
    scores = scores.float()
    return scores.clamp_min(1e-12).log() if are_probabilities(scores.detach()) else torch.log_softmax(scores, 1)


def class_numbers(labels: Sequence[str | int | None], classes: Sequence[str], outputs: int) -> np.ndarray:
    """Each label as a number of the net's output, -1 where it is none.

    Args:
        labels: As `Sample.label` gives them: a name, a number, or None.
        classes: The data set's names; a name counts only where it stands for one class.
        outputs: How many classes the net tells apart.
    """
    numbers = {name: k for k, name in enumerate(classes) if list(classes).count(name) == 1}
    mapped = [numbers.get(label, UNLABELLED) if isinstance(label, str) else label for label in labels]
    return np.array([k if isinstance(k, int) and 0 <= k < outputs else UNLABELLED for k in mapped], np.int64)


@dataclass
class Knowledge:
    """Sums over images from which it follows how much the net knows; they merge.

    Attributes:
        count: Images of each class `(K,)`; with no labels, of each predicted class.
        loss: Sum of their losses `(K,)`.
        squared: Sum of their squares.
        left_out: Images whose loss is not finite.
        outputs: Without labels: sum of the net's output distributions `(K,)`; else None.
        entropy: Without labels: sum of the entropies of these.
    """

    count: np.ndarray
    loss: np.ndarray
    squared: np.ndarray
    left_out: int = 0
    outputs: np.ndarray | None = None
    entropy: float = 0.0

    @classmethod
    def of(cls, classes: int, labelled: bool) -> Knowledge:
        """Nothing seen yet."""
        zeros = np.zeros(classes)
        return cls(zeros.copy(), zeros.copy(), zeros.copy(), outputs=None if labelled else zeros.copy())

    def add(self, losses: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
        """Takes in images: losses `(N,)`, class numbers `(N,)`, the net's output `(N, K)`."""
        finite = np.isfinite(losses)
        self.left_out += int((~finite).sum())
        losses, labels, probabilities = losses[finite], labels[finite], probabilities[finite]
        np.add.at(self.count, labels, 1)
        np.add.at(self.loss, labels, losses)
        np.add.at(self.squared, labels, losses**2)
        if self.outputs is not None:
            self.outputs += probabilities.sum(0)
            self.entropy += float(-(probabilities * np.log(np.maximum(probabilities, 1e-30))).sum())

    def merge(self, other: Knowledge) -> None:
        """Takes in the sums over other images."""
        self.count += other.count
        self.loss += other.loss
        self.squared += other.squared
        self.left_out += other.left_out
        self.entropy += other.entropy
        if self.outputs is not None and other.outputs is not None:
            self.outputs += other.outputs

    @property
    def images(self) -> int:
        """How many images are in the sums."""
        return int(self.count.sum())

    @property
    def labelled(self) -> bool:
        """Whether there are labels."""
        return self.outputs is None

    @property
    def mean_loss(self) -> float:
        """Mean loss, in nats."""
        return float(self.loss.sum() / max(self.images, 1))

    def learned(self) -> tuple[float, float]:
        """How much the net knows, in nats an image, and the p-value of its knowing nothing.

        With labels: how far the loss lies below that of always giving the shares of the classes. Without: how much its
        output tells images apart, the entropy of the mean output minus the mean entropy; p is then NaN.
        """
        images = self.images
        if images < 2:
            return 0.0, 1.0
        if self.outputs is not None:
            mean = self.outputs / images
            return float(-(mean * np.log(np.maximum(mean, 1e-30))).sum() - self.entropy / images), np.nan
        seen = self.count > 0
        guess = -np.log(self.count[seen] / images)
        gain = float((self.count[seen] * guess).sum() - self.loss.sum()) / images
        squares = float((self.count[seen] * guess**2 - 2 * guess * self.loss[seen] + self.squared[seen]).sum())
        spread = max(squares / images - gain**2, 0.0) * images / (images - 1)
        if spread == 0:
            return gain, 0.0 if gain > 0 else 1.0
        return gain, t_above(gain / np.sqrt(spread / images), images - 1)

    def guessing(self) -> float:
        """Loss of always giving the shares of the classes; without labels, of giving all classes alike. In nats."""
        if self.outputs is not None:
            return float(np.log(len(self.count)))
        shares = self.count[self.count > 0] / max(self.images, 1)
        return float(-(shares * np.log(shares)).sum())
