"""A net whose filters are ablated, in as many layers as one likes: what the smaller net has to be equal to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from filterscope.nets.runner import NetRunner


@dataclass(frozen=True)
class Merge:
    """A map that is computed from another one of its layer: `scale · partner + offset`."""

    partner: int
    scale: float
    offset: float


@dataclass(frozen=True, eq=False)
class LayersAblation:
    """Which maps are replaced, and by what.

    Attributes:
        means: By layer, what each filter's map is replaced by, `(F,)`.
        filters: By layer, the filters whose maps are.
        merges: By layer and filter, those that are computed from a partner instead.
    """

    means: Mapping[int, np.ndarray]
    filters: Mapping[int, list[int]]
    merges: Mapping[tuple[int, int], Merge] = field(default_factory=dict)

    def __call__(self, layer: int, activation: torch.Tensor) -> None:
        """Replaces the maps in a layer's activation `(N, F, *S)`, in place."""
        filters = self.filters[layer]
        plain = [index for index in filters if (layer, index) not in self.merges]
        if plain:
            values = torch.from_numpy(self.means[layer][plain]).to(activation)
            activation[:, plain] = values.reshape(1, -1, *[1] * (activation.ndim - 2))
        for index in filters:
            if merge := self.merges.get((layer, index)):
                activation[:, index] = merge.scale * activation[:, merge.partner] + merge.offset

    def run(self, runner: NetRunner, batch: torch.Tensor, inside: Any = None) -> Any:
        """The net's output for a batch with these maps replaced."""
        keywords = {} if inside is None else {"inside": inside}
        return runner.run(batch, self.filters, self, **keywords)
