"""What the net loses without some filters, measured over many images: accuracy and loss, by class, with intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from filterscope.nets.runner import NetRunner
from filterscope.scans.refusals import LeftOut
from filterscope.scans.sampling import ImageBatch, Samples, batches, find_out_batches, one_at_a_time_note, order_of
from filterscope.verdicts.ablation.losses import UNLABELLED, class_numbers, log_probabilities
from filterscope.verdicts.ablation.rises import Rise
from filterscope.verdicts.ablation.use import class_interval, interval

_Z = 1.959964


class Change(Protocol):
    """What is done to a net in a pass: maps replaced, or other kernels."""

    def run(self, runner: NetRunner, batch: torch.Tensor) -> Any:
        """The changed net's output for a batch."""


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


@dataclass
class _Table:
    """Sums over the images of one class, or of all."""

    rise: Rise
    loss_before: float = 0.0
    right_before: int = 0
    gained: int = 0  # wrong before, right after
    lost: int = 0
    images: int = 0

    def add(self, before: np.ndarray, rises: np.ndarray, right: np.ndarray, right_after: np.ndarray) -> None:
        self.images += len(before)
        self.rise.add(rises)
        self.loss_before += float(before.sum())
        self.right_before += int(right.sum())
        self.gained += int((right_after & ~right).sum())
        self.lost += int((right & ~right_after).sum())

    @property
    def accuracy_before(self) -> float:
        return self.right_before / self.images

    @property
    def accuracy_after(self) -> float:
        return (self.right_before + self.gained - self.lost) / self.images

    @property
    def accuracy_change(self) -> Estimate:
        return paired_change(self.gained, self.lost, self.images)


def paired_change(gained: int, lost: int, images: int) -> Estimate:
    """The difference of two paired proportions with its adjusted Wald interval (Bonett, Price 2012)."""
    up, down = (gained + 1) / (images + 2), (lost + 1) / (images + 2)
    half = _Z * math.sqrt((up + down - (up - down) ** 2) / (images + 2))
    middle = up - down
    return Estimate((gained - lost) / images, max(-1.0, middle - half), min(1.0, middle + half))


def measure_effect(
    runner: NetRunner,
    samples: Samples,
    change: Change,
    images: int,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
) -> Effect:
    """What the net loses by a change over many images, the same ones and in the same order as a diagnosis looks at.

    Images that the net refuses are left out.

    Raises:
        NetError: If it refuses all.
        ValueError: If the net's output is not one score a class, or no image gives a finite loss.
    """
    order = order_of(samples, images)
    stop = min(images, len(order))
    find_out_batches(runner, samples, order[:stop])
    whole = _Table(Rise())
    tables: dict[int, _Table] = {}
    labelled: bool | None = None
    left_out = LeftOut(runner)
    for batch in _in_growing_parts(runner, samples, order, stop):
        accepted, scores = left_out.run(batch, lambda part: _both(runner, runner.batch(part.images), change))
        if scores is not None:
            before, after = _scores_of_classes(*scores)
            numbers = class_numbers(accepted.labels, samples.classes, before.shape[1])
            if labelled is None:
                labelled = bool((numbers != UNLABELLED).any())
            _add(whole, tables, before, after, numbers if labelled else before.argmax(1).cpu().numpy(), labelled)
        on_progress("images", batch.end, stop)
    left_out.check()
    if not whole.images:
        raise ValueError("no image with a label and a finite loss was seen")
    names = samples.classes
    return Effect(
        images=whole.images,
        labelled=bool(labelled),
        accuracy_before=whole.accuracy_before,
        accuracy_after=whole.accuracy_after,
        accuracy_change=whole.accuracy_change,
        loss_before=whole.loss_before / whole.images,
        loss_after=whole.loss_before / whole.images + whole.rise.mean,
        loss_change=Estimate(whole.rise.mean, *interval(whole.rise)),
        classes=tuple(
            ClassEffect(
                name=names[number] if number < len(names) else f"class {number}",
                images=table.images,
                accuracy_before=table.accuracy_before,
                accuracy_after=table.accuracy_after,
                accuracy_change=table.accuracy_change,
                loss_change=Estimate(table.rise.mean, *class_interval(table.rise)),
            )
            for number, table in sorted(tables.items())
        ),
        notes=tuple(filter(None, [*left_out.notes, one_at_a_time_note(runner)])),
    )


def _in_growing_parts(runner: NetRunner, samples: Samples, order: np.ndarray, stop: int) -> Iterator[ImageBatch]:
    """The images in batches; how many go in one is asked anew now and then, since it may become known only now."""
    start, passes = 0, 1
    while start < stop:
        at_once = runner.images_at_once()
        for batch in batches(samples, order, start, min(start + passes * at_once, stop), at_once):
            yield batch
            start = batch.end
        passes *= 2


def _both(runner: NetRunner, batch: torch.Tensor, change: Change) -> tuple[torch.Tensor | None, torch.Tensor | None]:
    before = log_probabilities(runner.run(batch), len(batch), runner.known)
    return before, log_probabilities(change.run(runner, batch), len(batch), runner.known)


def _scores_of_classes(before: torch.Tensor | None, after: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    if before is None or after is None:
        raise ValueError("the net's output is not one score a class, so there is no accuracy and no loss to measure")
    return before, after


def _add(
    whole: _Table,
    tables: dict[int, _Table],
    before: torch.Tensor,
    after: torch.Tensor,
    numbers: np.ndarray,
    labelled: bool,
) -> None:
    rows = np.flatnonzero(numbers != UNLABELLED)
    chosen = torch.from_numpy(numbers[rows]).to(before.device)
    at = torch.from_numpy(rows).to(before.device)
    before, after = before[at], after[at]
    column = chosen[:, None]
    if labelled:
        losses = -before.gather(1, column)[:, 0]
        rises = losses.neg() - after.gather(1, column)[:, 0]
    else:
        losses = torch.zeros(len(rows))
        rises = (before.exp() * (before - after)).sum(1)
    keep = (torch.isfinite(losses) & torch.isfinite(rises).to(losses.device)).cpu().numpy()
    right, right_after = ((scores.argmax(1) == chosen).cpu().numpy()[keep] for scores in (before, after))
    columns = losses.double().cpu().numpy()[keep], rises.double().cpu().numpy()[keep], right, right_after
    kept = numbers[rows][keep]
    whole.add(*columns)
    for number in np.unique(kept):
        of_class = kept == number
        tables.setdefault(int(number), _Table(Rise())).add(*(column[of_class] for column in columns))
