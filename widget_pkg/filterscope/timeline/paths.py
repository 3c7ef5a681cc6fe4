"""How far each filter's weights are from where they began, from where they end, and from the checkpoint before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.weights.start import relative_distance, rounding


@dataclass(frozen=True, eq=False)
class LayerPath:
    """The way of a layer's filters; float32 `(T, F)` each, NaN where nothing is known, or the norm is 0.

    Attributes:
        from_start: `‖w_t − w_0‖ / ‖w_0‖`.
        to_end: `‖w_t − w_T‖ / ‖w_T‖`.
        step: `‖w_t − w_(t−1)‖ / ‖w_(t−1)‖`; 0 at the first.
    """

    from_start: np.ndarray
    to_end: np.ndarray
    step: np.ndarray

    def never_left(self) -> list[int]:
        """The filters whose weights never were farther from their start than rounding takes them."""
        known = np.where(np.isnan(self.from_start), -np.inf, self.from_start).max(axis=0)
        return [index for index, most in enumerate(known) if 0 <= most <= rounding()]


class Paths:
    """The ways of several layers' filters, from the kernels of one checkpoint after the other.

    Only the first, the last and the one before are held, whatever the number of checkpoints.

    Args:
        count: How many checkpoints there are, `T`.

    Attributes:
        layers: The ways, by the layer's title.

    Example:
        >>> paths = Paths(2)
        >>> start, end = np.ones((1, 1, 2, 2), "float32"), np.full((1, 1, 2, 2), 2, "float32")
        >>> paths.add(0, {"conv": start}, {"conv": end})
        >>> paths.add(1, {"conv": end}, {"conv": end})
        >>> paths.layers["conv"].from_start[:, 0].tolist(), paths.layers["conv"].to_end[:, 0].tolist()
        ([0.0, 1.0], [0.5, 0.0])
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._start: dict[str, np.ndarray] = {}
        self._before: dict[str, np.ndarray] = {}
        self.layers: dict[str, LayerPath] = {}

    def add(self, at: int, kernels: Mapping[str, np.ndarray], end: Mapping[str, np.ndarray]) -> None:
        """Takes the kernels of a checkpoint, float32 `(F, …)` a layer, by title; they come in order.

        Args:
            at: The checkpoint's index.
            kernels: Its kernels.
            end: Those of the last checkpoint.
        """
        for title, values in kernels.items():
            if title not in self.layers:
                shape = self._count, len(values)
                self.layers[title] = LayerPath(*(np.full(shape, np.nan, np.float32) for _ in range(3)))
                self._start[title] = self._before[title] = values
            path = self.layers[title]
            path.from_start[at] = relative_distance(values, self._start[title])
            path.step[at] = relative_distance(values, self._before[title])
            if title in end:
                path.to_end[at] = relative_distance(values, end[title])
            self._before[title] = values
