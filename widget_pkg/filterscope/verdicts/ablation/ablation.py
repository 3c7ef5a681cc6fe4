"""An ablation: maps of filters replaced by a constant, and what the net says to one image then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from filterscope.inputs import Inputs
from filterscope.nets.outputs import class_scores
from filterscope.nets.runner import NetRunner
from filterscope.verdicts.sampling import Samples, batches, find_out_batches, order_of

Replacement = Literal["mean", "zero"]
REPLACEMENTS: tuple[Replacement, Replacement] = ("mean", "zero")
MEAN_IMAGES = 64
"""Over which the mean of a map is taken, where no diagnosis has it."""


@dataclass(frozen=True)
class Ablation:
    """Which maps are replaced, and by what.

    Attributes:
        layer: Index of the layer.
        filters: Indices of the filters.
        values: What each filter's map is replaced by.
    """

    layer: int
    filters: tuple[int, ...]
    values: tuple[float, ...]

    def __call__(self, layer: int, activation: torch.Tensor) -> None:
        """Replaces the maps in the layer's activation `(N, F, *S)`, in place."""
        for index, value in zip(self.filters, self.values, strict=True):
            activation[:, index] = value


def layer_means(runner: NetRunner, samples: Samples, layer: int, images: int = MEAN_IMAGES) -> tuple[np.ndarray, int]:
    """The mean of each filter's map over images and positions, float64 `(F,)`, and over how many images."""
    order = order_of(samples, images)
    total: np.ndarray | None = None
    positions = seen = 0

    def add_up(_: int, activation: torch.Tensor) -> None:
        nonlocal total, positions
        values = activation.detach().double().flatten(2) if activation.ndim > 2 else activation.double()[..., None]
        values = values[torch.isfinite(values).all(2).all(1)]
        added = values.sum((0, 2)).cpu().numpy()
        total = added if total is None else total + added
        positions += values.shape[0] * values.shape[2]

    find_out_batches(runner, samples, order[:images])
    for batch in batches(samples, order, 0, min(images, len(order)), runner.images_at_once()):
        if batch.images:
            runner.run(runner.batch(batch.images), [layer], add_up)
            seen += len(batch.images)
    if total is None or not positions:
        raise ValueError(
            f"none of the first {images} images gives a finite map, so there is no mean; replace by 'zero'"
        )
    return total / positions, seen


def scores_without(
    runner: NetRunner, image: np.ndarray | Inputs, ablation: Ablation
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Probabilities of the classes for one image `(K,)`, before and after; None where there is no score a class."""
    batch = runner.batch([image])
    before = class_scores(runner.run(batch), 1, runner.known)
    after = class_scores(runner.run(batch, [ablation.layer], ablation), 1, runner.known)
    return (None if before is None else before[0]), (None if after is None else after[0])
