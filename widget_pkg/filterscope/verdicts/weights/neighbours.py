"""Are neighbouring weights alike, or opposite, more than by chance? Moran's I, and what it is by chance.

Kernels have any number of axes: of a layer over sound the taps before and after one are its neighbours.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from filterscope.verdicts.chance import share_as_extreme
from filterscope.verdicts.matrices import eigenvalues

_DRAWS = 2_000, 20_000  # fewest and most random filters
_NUMBERS = 12_000_000


def neighbours_alike(units: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Two-sided Monte-Carlo p-values of Moran's I.

    Args:
        units: Filters `(F, C, S)`.
        size: Of a kernel, as `(rows, columns)`.

    Returns:
        float64 `(F,)`.
    """
    null_values, values = _null(units.shape[1], size), moran(units, size)
    high, low = share_as_extreme(null_values, values, True), share_as_extreme(null_values, values, False)
    p: np.ndarray = np.minimum(1, 2 * np.minimum(high, low))
    return p


def moran(units: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Moran's I of filters `(F, C, S)` over the neighbours along each axis, all channels together, `(F,)`."""
    maps = units - units.mean(2, keepdims=True)
    before, after = _pairs(size)
    products = (maps[..., before] * maps[..., after]).sum((1, 2))
    index: np.ndarray = products / np.maximum((maps**2).sum((1, 2)), 1e-30)
    return index


def _pairs(size: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The places of all neighbours in a kernel's weights, one after the other: of the first ones, and of the second."""
    places = np.arange(int(np.prod(size))).reshape(size)
    along = [np.moveaxis(places, axis, 0) for axis in range(len(size))]
    before = np.concatenate([axis[:-1].ravel() for axis in along])
    after = np.concatenate([axis[1:].ravel() for axis in along])
    return before, after


@lru_cache(maxsize=64)
def _null(channels: int, size: tuple[int, ...]) -> np.ndarray:
    """Moran's I of random filters.

    Of a normal kernel without its mean, both the products of neighbours and the squares are sums over the same
    independent squared normal numbers, the products' weighted by the eigenvalues of the neighbours' matrix. Over
    channels these add up to χ² with one degree of freedom a channel: a random filter takes one number a weight but one,
    however many channels it has.
    """
    cells = int(np.prod(size))
    before, after = _pairs(size)
    neighbours = np.zeros((cells, cells))
    neighbours[before, after] = neighbours[after, before] = 0.5
    centred = neighbours - neighbours.mean(0) - neighbours.mean(1)[:, None] + neighbours.mean()
    # The mean's own eigenvalue, 0, is moved to where it can be told from the others, and left out.
    weights = eigenvalues(centred + 4.0 / cells)[:-1]
    random = np.random.default_rng([channels, *size])
    draws = int(np.clip(_NUMBERS // cells, *_DRAWS))
    squares = random.chisquare(channels, (draws, cells - 1))
    null: np.ndarray = (squares * weights).sum(1) / squares.sum(1)
    return null
