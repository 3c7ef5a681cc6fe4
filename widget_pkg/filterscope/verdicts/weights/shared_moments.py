"""What the filters of a layer share: their second moment over channels and over places, without those it judges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope.verdicts.matrices import cholesky, product, solve_lower

_MANY_CHANNELS = 512


class SharedMoments:
    """Second moments of a layer's filters, of all but one fold at a time.

    The second moment of a filter's numbers is taken as channels ⊗ places. Each fold's is what all filters add up to
    minus what the fold adds, so that the products are made once a layer.

    Args:
        units: The filters, each of length 1, float64 `(F, C, S)`.
        groups: The layer's groups: with more than one, channels mean something else in each, and share nothing.

    Attributes:
        folds: Who is judged by the others: each filter alone, or in large layers a sixteenth at a time, and where
            filters have very many channels a quarter.
    """

    def __init__(self, units: np.ndarray, groups: int) -> None:
        count, channels, _ = units.shape
        self.folds = _folds_of(count, channels)
        self._units, self._groups = units, groups
        self._totals = self._sums(units)

    def without(self, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The second moments over channels `(C, C)` and places `(S, S)` of all filters but a fold's; mean diagonal 1.

        Args:
            fold: Indices of the filters left out.
        """
        count = len(self._units) - len(fold)
        _, channels, places = self._units.shape
        over_channels, over_places = (
            total - part for total, part in zip(self._totals, self._sums(self._units[fold]), strict=True)
        )
        return _shrunk(over_channels, count * places), _shrunk(over_places, count * channels)

    def _sums(self, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        _, channels, places = units.shape
        by_place = units.reshape(-1, places)
        over_places = product(by_place.T, by_place)
        if self._groups > 1:
            return np.eye(channels) * len(units), over_places
        by_channel = units.transpose(1, 0, 2).reshape(channels, -1)
        return product(by_channel, by_channel.T), over_places


def inverse_form(units: np.ndarray, channels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """xᵀ (channels ⊗ places)⁻¹ x of filters `(F, C, S)`, by the Cholesky factors of both; `(F,)`."""
    count, rows, columns = units.shape
    left = solve_lower(cholesky(channels), units.transpose(1, 0, 2).reshape(rows, -1))
    both = solve_lower(cholesky(places), left.reshape(-1, columns).T)
    form: np.ndarray = (both.reshape(columns, rows, count) ** 2).sum((0, 1))
    return form


def _folds_of(count: int, channels: int) -> Sequence[np.ndarray]:
    if channels <= 64 and count <= 128:
        return [np.array([index]) for index in range(count)]
    most = 16 if channels <= _MANY_CHANNELS else 4  # each takes time that goes with the cube of the channels
    return [np.arange(first, count, most) for first in range(min(most, count))]


def _shrunk(sums: np.ndarray, number: int) -> np.ndarray:
    """A second moment `(A, A)` with mean diagonal 1, shrunk towards the identity.

    Oracle approximating shrinkage (Chen, Wiesel, Eldar, Hero 2010). It never is 0, so the result has an inverse.

    Args:
        sums: Of the outer products of samples of A numbers.
        number: How many samples.
    """
    size = len(sums)
    if size == 1:
        return np.ones((1, 1))
    moment = sums * (size / np.trace(sums))
    squared = float((moment**2).sum())
    above = (1 - 2 / size) * squared + size**2
    below = (number + 1 - 2 / size) * (squared - size)
    shrink = 1.0 if below <= 0 else min(1.0, above / below)
    shrunk: np.ndarray = (1 - shrink) * moment + shrink * np.eye(size)
    return shrunk
