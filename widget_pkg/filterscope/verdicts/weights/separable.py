"""One spatial pattern for all channels of a filter: how much of it that explains, and how much chance would."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from filterscope.verdicts.chance import share_as_extreme
from filterscope.verdicts.matrices import eigenvalues, eigh, product

_DRAWS = 3_000, 20_000  # fewest and most random filters
_NUMBERS = 12_000_000
_BLOCK = 2_000_000  # random numbers held at once


@dataclass(frozen=True, eq=False)
class Shared:
    """The pattern that each filter of a layer shares over its channels: its first singular vectors.

    Attributes:
        channels: Each channel's part in it, unit vectors `(F, C)`, with a sum that is not negative.
        pattern: The pattern, unit vectors `(F, S)`.
        share: Its share of the filter's energy `(F,)`; 1 where there is a single channel.
        p: How often a random filter's share is as large `(F,)`; NaN for a single channel.
    """

    channels: np.ndarray
    pattern: np.ndarray
    share: np.ndarray
    p: np.ndarray


def shared_patterns(filters: np.ndarray) -> Shared:
    """Splits filters `(F, C, S)`, finite numbers, into their common pattern and the rest."""
    few_channels = filters.shape[1] < filters.shape[2]
    matrices = filters if few_channels else filters.transpose(0, 2, 1)
    values, vectors = eigh(product(matrices, matrices.transpose(0, 2, 1)))  # of the smaller side: fast
    short = vectors[:, :, -1]
    long = product(short[:, None], matrices)[:, 0]
    long /= np.maximum(np.linalg.norm(long, axis=1, keepdims=True), 1e-30)
    vector, pattern = (short, long) if few_channels else (long, short)
    # Both may be turned round together: the way on which most channels agree.
    turn = np.where(vector.sum(1) < 0, -1.0, 1.0)[:, None]
    share = values[:, -1] / np.maximum(values.sum(1), 1e-30)
    if min(filters.shape[1:]) == 1:
        p = np.full(len(filters), np.nan)
    else:
        p = share_as_extreme(_null(*filters.shape[1:]), share, high=True)
    return Shared(vector * turn, pattern * turn, share, p)


@lru_cache(maxsize=64)
def _null(channels: int, cells: int) -> np.ndarray:
    """The share in random filters.

    The products of a normal matrix's short sides are Wishart's, drawn by Bartlett's decomposition: the square of a
    triangle with χ numbers on its diagonal and normal ones below it, however long the other side is.
    """
    short, long = sorted((channels, cells))
    random = np.random.default_rng([channels, cells])
    draws = int(np.clip(_NUMBERS // (channels * cells), *_DRAWS))
    at_once = max(1, _BLOCK // short**2)
    shares = []
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        triangles = np.tril(random.standard_normal((count, short, short)), -1)
        diagonal = np.arange(short)
        triangles[:, diagonal, diagonal] = np.sqrt(random.chisquare(long - diagonal, (count, short)))
        values = eigenvalues(product(triangles, triangles.transpose(0, 2, 1)))
        shares.append(values[:, -1] / values.sum(1))
    return np.concatenate(shares)
