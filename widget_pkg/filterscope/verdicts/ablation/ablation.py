"""An ablation: maps of filters replaced by a constant, and what the net says to one image then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch

from filterscope.errors import NetError
from filterscope.inputs import Inputs
from filterscope.nets.runner import NetRunner
from filterscope.outputs.kind import Answer
from filterscope.scans.maps import misfit
from filterscope.scans.refusals import LeftOut
from filterscope.scans.sampling import ImageBatch, Samples, batches, find_out_batches, order_of

Replacement = Literal["mean", "zero"]
REPLACEMENTS: tuple[Replacement, Replacement] = ("mean", "zero")
MEAN_IMAGES = 64
"""Over which the mean of a map is taken, where no diagnosis has it."""


class Change(Protocol):
    """What is done to a net in a pass: maps replaced, or other kernels."""

    def run(self, runner: NetRunner, batch: torch.Tensor) -> Any:
        """The changed net's output for a batch."""


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

    def run(self, runner: NetRunner, batch: torch.Tensor) -> Any:
        """The net's output for a batch with the maps replaced."""
        return runner.run(batch, [self.layer], self)


@dataclass(frozen=True, eq=False)
class LayerMeans:
    """The mean of each filter's map over images and positions.

    Attributes:
        values: float64 `(F,)`.
        images: Over how many images.
        notes: What was left out, sentences.
    """

    values: np.ndarray
    images: int
    notes: tuple[str, ...] = ()


def layer_means(runner: NetRunner, samples: Samples, layer: int, images: int = MEAN_IMAGES) -> LayerMeans:
    """The mean of each filter's map; images that cannot be read or that the net refuses are left out.

    Raises:
        NetError: If the net refuses all images.
        ValueError: If no map is finite.
    """
    filters = runner.layers[layer].out_channels
    order = order_of(samples, images)
    total = np.zeros(filters)
    positions = 0
    left_out = LeftOut(runner)

    def sums_of(batch: ImageBatch) -> tuple[np.ndarray, int]:
        """The sum of each filter's finite maps over images and positions, and over how many positions."""
        sums, count = np.zeros(filters), 0

        def add_up(_: int, activation: torch.Tensor) -> None:
            nonlocal count
            if reason := misfit(activation, len(batch.images), filters):
                raise NetError(f"{reason}, so there is no mean; replace by 'zero'")
            values = activation.detach().double()
            values = values.flatten(2) if values.ndim > 2 else values[..., None]
            values = values[torch.isfinite(values).all(2).all(1)]
            sums[:] += values.sum((0, 2)).cpu().numpy()
            count += values.shape[0] * values.shape[2]

        runner.run(runner.batch(batch.images), [layer], add_up)
        return sums, count

    find_out_batches(runner, samples, order[:images])
    for batch in batches(samples, order, 0, min(images, len(order)), runner.images_at_once()):
        _, sums = left_out.run(batch, sums_of)
        if sums is not None:
            total += sums[0]
            positions += sums[1]
    left_out.check()
    if not positions:
        raise ValueError(
            f"none of the first {images} images gives a finite map, so there is no mean; replace by 'zero'"
        )
    return LayerMeans(total / positions, left_out.images, left_out.notes)


def answers_without(
    runner: NetRunner, image: np.ndarray | Inputs, ablation: Ablation
) -> tuple[Answer | None, Answer | None]:
    """What the net says of one image, before and after; None where that is nothing that can be told.

    Raises:
        NetError: If the net refuses the image.
    """
    batch = runner.batch([image])
    try:
        size = tuple(batch.shape[2:])
        before = runner.known.answers(runner.run(batch), 1, size)
        after = runner.known.answers(runner.run(batch, [ablation.layer], ablation), 1, size)
    except Exception as error:
        raise runner.refusal(batch, error) from error
    return before[0], after[0]
