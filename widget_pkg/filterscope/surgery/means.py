"""What removed maps are replaced by: the mean of each filter's map, of all layers in one go."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch

from filterscope.errors import NetError
from filterscope.nets.runner import NetRunner
from filterscope.scans.maps import misfit
from filterscope.scans.refusals import run_accepted
from filterscope.scans.sampling import ImageBatch, Samples, batches


def map_means(runner: NetRunner, samples: Samples, images: np.ndarray, layers: Iterable[int]) -> dict[int, np.ndarray]:
    """The mean of each filter's map over images and positions, float64 `(F,)` by layer.

    Raises:
        NetError: If a layer gives no finite map.
    """
    chosen = list(layers)
    totals = {layer: np.zeros(runner.layers[layer].out_channels) for layer in chosen}
    counts = dict.fromkeys(chosen, 0)

    def sums_of(part: ImageBatch) -> dict[int, tuple[np.ndarray, int]]:
        sums: dict[int, tuple[np.ndarray, int]] = {}

        def add_up(layer: int, activation: torch.Tensor) -> None:
            if misfit(activation, len(part.images), len(totals[layer])):
                return
            values = activation.detach().double()
            values = values.flatten(2) if values.ndim > 2 else values[..., None]
            values = values[torch.isfinite(values).all(2).all(1)]
            sums[layer] = values.sum((0, 2)).cpu().numpy(), values.shape[0] * values.shape[2]

        runner.run(runner.batch(part.images), chosen, add_up)
        return sums

    for batch in batches(samples, images, 0, len(images), runner.images_at_once()) if chosen else ():
        _, sums, _ = run_accepted(batch, sums_of)
        for layer, (total, count) in (sums or {}).items():
            totals[layer] += total
            counts[layer] += count
    empty = [runner.layers[layer].spoken for layer in chosen if not counts[layer]]
    if empty:
        raise NetError(f"no image gives finite maps of {empty[0]}, so nothing is known to replace them by")
    return {layer: totals[layer] / counts[layer] for layer in chosen}
