"""Index maps: the indices of an operation's input that each index of its output reads, along one axis.

An index map has two parts. `taps` are the indices that are really read: those beyond the input's ends are left out or,
by a padding mode, come from inside. The *rule* is a formula that ignores the ends: output `i` reads from
`advance · (i // period) + low[i % period]` to `advance · (i // period) + high[i % period]`. A convolution has period 1
and its stride as advance; a transposed convolution has its stride as period and advance 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

NOTHING = -(2**40)
"""Stands for no index in the windows of a rule."""


@dataclass(frozen=True, eq=False)
class IndexMap:
    """Which indices of the input's axis each index of the output's axis reads.

    Attributes:
        taps: int64 `(n_out, T)`, the input's indices that each output index reads; −1 for none.
        advance: Input indices that the rule advances per period; None where there is no rule, as for a gather.
        windows: int64 `(period, T)`, what the outputs of the first period read by the rule; `NOTHING` for none.
    """

    taps: np.ndarray
    advance: int | None
    windows: np.ndarray

    @property
    def low(self) -> np.ndarray:
        """The first index of each of the rule's windows, int64 `(period,)`; above `high` where a window is empty."""
        low: np.ndarray = np.where(self.windows == NOTHING, -NOTHING, self.windows).min(axis=1)
        return low

    @property
    def high(self) -> np.ndarray:
        """The last index of each of the rule's windows, int64 `(period,)`."""
        high: np.ndarray = self.windows.max(axis=1)
        return high


def _periodic(n_in: int, n_out: int, advance: int, windows: np.ndarray) -> IndexMap:
    return IndexMap(_clipped(_unclipped(n_out, advance, windows), n_in), advance, windows)


def _unclipped(n_out: int, advance: int, windows: np.ndarray) -> np.ndarray:
    index = np.arange(n_out)
    window = windows[index % len(windows)]
    return np.where(window == NOTHING, NOTHING, window + advance * (index // len(windows))[:, None])


def _clipped(taps: np.ndarray, n_in: int) -> np.ndarray:
    return np.where((taps >= 0) & (taps < n_in), taps, -1)


def sliding(n_in: int, n_out: int, kernel: int, stride: int, padding: int, dilation: int) -> IndexMap:
    """The index map of a convolution or a pool: output `i` reads `i · stride − padding + t · dilation`."""
    return _periodic(n_in, n_out, stride, (np.arange(kernel) * dilation - padding)[None])


def transposed(n_in: int, n_out: int, kernel: int, stride: int, padding: int, dilation: int) -> IndexMap:
    """The index map of a transposed convolution: input `j` is read by outputs `j · stride − padding + t · dilation`."""
    reached = np.arange(stride)[:, None] + padding - np.arange(kernel) * dilation
    return _periodic(n_in, n_out, 1, np.where(reached % stride == 0, reached // stride, NOTHING))


def adaptive(n_in: int, n_out: int) -> IndexMap:
    """The index map of an adaptive pool: output `i` reads `⌊i · n_in / n_out⌋` to `⌈(i + 1) · n_in / n_out⌉ − 1`."""
    common = gcd(n_in, n_out)
    index = np.arange(n_out // common)
    first = index * n_in // n_out
    length = -(-(index + 1) * n_in // n_out) - first
    tap = np.arange(length.max())
    windows = np.where(tap < length[:, None], first[:, None] + tap, NOTHING)
    return _periodic(n_in, n_out, n_in // common, windows)


def padded(n_in: int, before: int, after: int, mode: str = "constant") -> IndexMap:
    """The index map of a padding, or with negative numbers of a crop.

    Args:
        n_in: Length of the input.
        before: Indices added at the beginning.
        after: Indices added at the end.
        mode: `"constant"`, `"reflect"`, `"replicate"` or `"circular"`.
    """
    rule = sliding(n_in, n_in + before + after, 1, 1, before, 1)
    source = np.arange(-before, n_in + after)
    if mode == "reflect":
        source = np.abs(source)
        source = np.where(source >= n_in, 2 * (n_in - 1) - source, source)
    elif mode == "replicate":
        source = source.clip(0, n_in - 1)
    elif mode == "circular":
        source %= n_in
    return IndexMap(_clipped(source, n_in)[:, None], rule.advance, rule.windows)


def sliced(n_in: int, n_out: int, start: int, step: int) -> IndexMap:
    """The index map of a slice: output `i` reads `start + i · step`."""
    return sliding(n_in, n_out, 1, step, -start, 1)


def gathered(source: np.ndarray) -> IndexMap:
    """The index map of any choice of indices, −1 for none; it has no rule."""
    return IndexMap(np.asarray(source, np.int64).reshape(-1, 1), None, np.zeros((1, 1), np.int64))


def repeated(n_in: int, times: int) -> IndexMap:
    """The index map that repeats each index `times` times in a row, as a pixel shuffle does."""
    return _periodic(n_in, n_in * times, 1, np.zeros((times, 1), np.int64))


def interpolated(
    weights: np.ndarray,
    corners: bool = False,
    centre: tuple[float, float] = (0.5, 0.5),
    reach: tuple[float, float] = (1, 1),
) -> IndexMap:
    """The index map of an interpolation: output `i` stands at `(i + centre[0]) · n_in / n_out − centre[1]`.

    Args:
        weights: `(n_out, n_in)`, the outputs for each unit vector: inputs whose weight is not 0 are read.
        corners: Whether output `i` stands at `i · (n_in − 1) / (n_out − 1)` instead.
        centre: The two numbers in the formula above.
        reach: How far before and after that place it reads, both exclusive.
    """
    n_out, n_in = weights.shape
    count = (weights != 0).sum(axis=1)
    order = np.argsort(weights == 0, axis=1, kind="stable")[:, : max(1, int(count.max()))]
    taps = np.where(np.arange(order.shape[1]) < count[:, None], order, -1)
    corners = corners and n_out > 1
    period, advance = (n_out - 1, n_in - 1) if corners else (n_out, n_in)
    common = gcd(period, advance)
    period, advance = period // common, advance // common
    before, after = (0.0, 0.0) if corners else centre
    # Whole numbers: the place times `scale`.
    scale = 2 * period
    place = np.arange(period) * 2 * advance + round(2 * before) * advance - round(2 * after) * period
    low = (place - round(reach[0] * scale)) // scale + 1
    high = -(-(place + round(reach[1] * scale)) // scale) - 1
    return IndexMap(taps, advance, np.stack([low, np.maximum(low, high)], axis=1))
