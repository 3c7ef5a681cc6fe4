"""Reaches: along each axis of the image, the pixels that each position of a tensor sees.

Convolutions, pools and paddings treat each axis separately, so the pixels that one position sees through one path are a
product of a set of rows and a set of columns. The sets of all positions along an axis are one table of bits. They are
sets and not intervals, because a dilation leaves holes, and what lies in a hole or in the padding at one layer decides
what is seen at the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import gcd, lcm

import numpy as np

from filterscope.receptive_field.index_maps import NOTHING, IndexMap

_LONGEST_PERIOD = 2**12


@dataclass(frozen=True, eq=False)
class Line:
    """The unclipped formula along one axis.

    Index `i` sees from `low[i % period] + advance · (i // period)` to `high[i % period] + advance · (i // period)`.

    Attributes:
        advance: Pixels of the image per period; `advance / period` is the jump of the literature.
        low: int64 `(period,)`, the first pixel.
        high: int64 `(period,)`, the last pixel; below `low` where nothing is seen.
    """

    advance: int
    low: np.ndarray
    high: np.ndarray

    @property
    def slope(self) -> tuple[int, int]:
        """Pixels of the image per index, as a fraction in lowest terms."""
        common = gcd(self.advance, len(self.low))
        return self.advance // common, len(self.low) // common

    def at(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first and the last pixel for any indices, also beyond the map's ends; `−NOTHING`, `NOTHING` for none."""
        period = len(self.low)
        moved = self.advance * (index // period)
        low, high = self.low[index % period], self.high[index % period]
        empty = low > high
        return np.where(empty, -NOTHING, low + moved), np.where(empty, NOTHING, high + moved)

    def through(self, step: IndexMap, length: int) -> Line:
        """The formula for the output of an operation along this axis.

        Args:
            step: The operation's index map.
            length: Length of this axis before the operation.
        """
        if step.advance is None:
            return self.fixed(length)
        period, low, high = len(self.low), step.low, step.high
        times = period // gcd(period, step.advance)
        if times * len(low) > _LONGEST_PERIOD:
            return self.fixed(length)
        moved = (step.advance * np.arange(times))[:, None]
        empty = np.tile(low > high, times)
        first = self.at(np.where(low > high, 0, low + moved).ravel())[0]
        last = self.at(np.where(low > high, 0, high + moved).ravel())[1]
        low, high = np.where(empty, -NOTHING, first), np.where(empty, NOTHING, last)
        return Line(self.advance * (step.advance * times // period), low, high)

    def fixed(self, length: int) -> Line:
        """The formula with which every index sees what any of the first `length` indices sees."""
        low, high = self.at(np.arange(length))
        return Line(0, low.min(keepdims=True), high.max(keepdims=True))


@dataclass(frozen=True, eq=False)
class Reach:
    """The pixels that each position sees, along each axis of the image.

    Attributes:
        seen: For each axis of the image a table, bool `(n, size + 1)`: the pixels that each of `n` positions sees. The
            last column is True where these are an upper bound. An axis that the tensor no longer has, because of a mean
            over it, say, has one row.
        lines: For each axis of the image the unclipped formulas of the paths; the box is around all of them.
        everywhere: Whether an operation over the whole map lies on the way.
    """

    seen: tuple[np.ndarray, ...]
    lines: tuple[tuple[Line, ...], ...]
    everywhere: bool = False

    def through(self, axis: int, step: IndexMap) -> Reach:
        """The reach of the output of an operation along one axis."""
        table = self.seen[axis]
        with_empty_row = np.concatenate([table, np.zeros((1, table.shape[1]), bool)])  # for tap −1
        seen = with_empty_row[step.taps[:, 0]]
        for tap in range(1, step.taps.shape[1]):
            seen |= with_empty_row[step.taps[:, tap]]
        lines = _around(line.through(step, len(table)) for line in self.lines[axis])
        return self._with(axis, seen, lines)

    def over(self, axis: int) -> Reach:
        """The reach of one value computed from the whole axis."""
        table = self.seen[axis]
        lines = _around(line.fixed(len(table)) for line in self.lines[axis])
        everywhere = self.everywhere or len(table) > 1
        return replace(self._with(axis, np.asarray(table.any(axis=0))[None], lines), everywhere=everywhere)

    def still(self, axis: int) -> Reach:
        """This reach after an axis with length 1 was dropped: every index of it sees what the one index saw."""
        return self._with(axis, self.seen[axis], _around(line.fixed(1) for line in self.lines[axis]))

    def doubtful(self) -> Reach:
        """This reach as an upper bound."""
        bound = self
        for axis, table in enumerate(self.seen):
            bound = bound.doubted(axis, np.ones(len(table), bool))
        return bound

    def doubted(self, axis: int, rows: np.ndarray) -> Reach:
        """This reach as an upper bound for some positions.

        Args:
            axis: Axis of the image.
            rows: bool `(n,)` or `(1,)`, the positions along that axis.
        """
        table = self.seen[axis].copy()
        table[:, -1] |= rows
        return self._with(axis, table, self.lines[axis])

    def empty(self, axis: int) -> np.ndarray:
        """The positions along an axis that see nothing: bool `(n,)`."""
        return np.asarray(~self.seen[axis][:, :-1].any(axis=1))

    def _with(self, axis: int, table: np.ndarray, lines: tuple[Line, ...]) -> Reach:
        seen = (*self.seen[:axis], table, *self.seen[axis + 1 :])
        return replace(self, seen=seen, lines=(*self.lines[:axis], lines, *self.lines[axis + 1 :]))

    @property
    def alive(self) -> bool:
        """Whether any position sees anything."""
        return all(table[:, :-1].any() for table in self.seen)


def whole(sizes: Sequence[int]) -> Reach:
    """The reach of the image itself: every pixel sees itself."""
    identity = Line(1, np.zeros(1, np.int64), np.zeros(1, np.int64))
    return Reach(tuple(np.eye(size, size + 1, dtype=bool) for size in sizes), ((identity,),) * len(sizes))


def union(parts: Sequence[Reach]) -> Reach:
    """The reach of a value computed from equal positions of several tensors."""
    return reduce(_both, dict.fromkeys(parts))


def _both(first: Reach, second: Reach) -> Reach:
    seen = [a | b for a, b in zip(first.seen, second.seen, strict=True)]
    for axis in range(len(seen)):
        doubt = _doubt(first, second, axis) | _doubt(second, first, axis)
        if doubt.any():
            seen[axis][:, -1] |= doubt
    lines = tuple(_around((*a, *b)) for a, b in zip(first.lines, second.lines, strict=True))
    return Reach(tuple(seen), lines, first.everywhere or second.everywhere)


def _doubt(gone: Reach, there: Reach, axis: int) -> np.ndarray:
    """The positions along an axis for which the union of two paths is an upper bound: bool `(n,)`.

    Where a path sees nothing along one axis it sees nothing at all. But the union is taken for each axis separately, so
    it still has what that path sees along the others.

    Args:
        gone: The path that may see nothing.
        there: The other path.
        axis: Axis of the image.
    """
    empty = np.asarray(~gone.seen[axis][:, :-1].any(axis=1) & there.seen[axis][:, :-1].any(axis=1))
    if empty.any():
        others = [k for k in range(len(gone.seen)) if k != axis]
        if not any((gone.seen[k] & ~there.seen[k])[:, :-1].any() for k in others):
            empty = np.zeros_like(empty)
    return empty


def _around(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Fewer lines with an equal box around them: lines of one slope become one, unless its period would be too long."""
    kept: dict[tuple[int, ...], Line] = {}
    for line in lines:
        slope = line.slope
        if slope in kept and lcm(len(kept[slope].low), len(line.low)) > _LONGEST_PERIOD:
            slope = (*slope, len(line.low))  # type: ignore[assignment]
        if slope not in kept:
            kept[slope] = line
            continue
        period = lcm(len(kept[slope].low), len(line.low))
        index = np.arange(period)
        (low, high), (low2, high2) = kept[slope].at(index), line.at(index)
        advance = slope[0] * (period // slope[1])
        kept[slope] = Line(advance, np.minimum(low, low2), np.maximum(high, high2))
    return tuple(kept.values())
