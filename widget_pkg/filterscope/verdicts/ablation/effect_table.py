"""What the net loses without some filters, as numbers with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from filterscope.verdicts.ablation.rises import Rise

_Z = 1.959964


@dataclass(frozen=True)
class Estimate:
    """A measured number with its 95 % interval.

    Attributes:
        value: The number.
        low: Lower end of the interval; NaN where there are too few images.
        high: Upper end.

    Example:
        >>> print(Estimate(0.0682, 0.0444, 0.0921))
        +0.0682 (+0.0444 … +0.0921)
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:+.3g} ({self.low:+.3g} … {self.high:+.3g})".replace("-", "−")


@dataclass(frozen=True)
class ClassEffect:
    """What the net loses of one class without the filters.

    Attributes:
        name: The class.
        images: How many of its images were looked at.
        accuracy_before: Share of these that the intact net gets right.
        accuracy_after: Share of these that the net without the filters gets right.
        accuracy_change: The difference, with its interval.
        loss_change: Rise of the mean loss, in nats; its interval, Student's, is NaN below 50 images.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> classes = explorer.without(3, layer="conv1", images=100).effect.classes
        >>> classes[0].name, sum(each.images for each in classes)
        ('T-shirt/top', 100)
    """

    name: str
    images: int
    accuracy_before: float
    accuracy_after: float
    accuracy_change: Estimate
    loss_change: Estimate


@dataclass(frozen=True)
class Effect:
    """What the net loses without the filters, over many images.

    Attributes:
        images: How many images were looked at.
        labelled: Whether there are labels. Without them, right means as the intact net says, and the loss is the
            divergence of the output from that of the intact net.
        accuracy_before: Share of images that the intact net gets right.
        accuracy_after: Share of images that the net without the filters gets right.
        accuracy_change: The difference; its interval is Bonett and Price's for paired proportions.
        loss_before: Mean loss of the intact net, in nats.
        loss_after: Mean loss without the filters, in nats.
        loss_change: The difference; its interval is Student's over images.
        classes: What is lost of each class that was seen.
        notes: What else there is to know, sentences: samples that cannot be read, images that the net refuses, that
            each image went through it alone.
        score: Where it goes by a score and not by the loss of classes: what is measured. Then the losses are minus the
            score, and an image is right from a score on that `notes` tell.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> effect = explorer.without(3, layer="conv1", images=100).effect
        >>> effect.images, effect.labelled, len(effect.classes)
        (100, True, 10)
    """

    images: int
    labelled: bool
    accuracy_before: float
    accuracy_after: float
    accuracy_change: Estimate
    loss_before: float
    loss_after: float
    loss_change: Estimate
    classes: tuple[ClassEffect, ...]
    notes: tuple[str, ...] = ()
    score: str = ""


@dataclass
class EffectTable:
    """Sums over the images of one class, or of all."""

    rise: Rise = field(default_factory=Rise)
    loss_before: float = 0.0
    right_before: int = 0
    gained: int = 0  # wrong before, right after
    lost: int = 0
    images: int = 0

    def add(self, before: np.ndarray, rises: np.ndarray, right: np.ndarray, right_after: np.ndarray) -> None:
        """Takes in images `(N,)`: losses, by how much they rise, and whether the nets are right."""
        self.images += len(before)
        self.rise.add(rises)
        self.loss_before += float(before.sum())
        self.right_before += int(right.sum())
        self.gained += int((right_after & ~right).sum())
        self.lost += int((right & ~right_after).sum())

    @property
    def accuracy_before(self) -> float:
        """Share of images that the intact net gets right."""
        return self.right_before / self.images

    @property
    def accuracy_after(self) -> float:
        """Share of images that the net without the filters gets right."""
        return (self.right_before + self.gained - self.lost) / self.images

    @property
    def accuracy_change(self) -> Estimate:
        """The difference, with its interval."""
        return paired_change(self.gained, self.lost, self.images)


def paired_change(gained: int, lost: int, images: int) -> Estimate:
    """The difference of two paired proportions with its adjusted Wald interval (Bonett, Price 2012)."""
    up, down = (gained + 1) / (images + 2), (lost + 1) / (images + 2)
    half = _Z * math.sqrt((up + down - (up - down) ** 2) / (images + 2))
    middle = up - down
    return Estimate((gained - lost) / images, max(-1.0, middle - half), min(1.0, middle + half))
