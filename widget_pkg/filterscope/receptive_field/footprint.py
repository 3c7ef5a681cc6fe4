"""Where in a tensor the image's axes lie, and what each of its positions sees of the image.

A tensor's *footprint* goes with it through a pass: a view splits and merges its axes, a concatenation puts channels
that see more beside channels that see less, a mean lets an axis go. Each combination of the other axes (item, channel)
has a label, the number of its `Reach`: the same operations are done to the labels as the net does to its channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from filterscope.receptive_field.index_maps import IndexMap
from filterscope.receptive_field.reach import Reach, union, whole

Factor = tuple[int, int]
"""Part of a tensor's axis: its length, and which axis of the image it is, −1 for none."""
Dims = tuple[tuple[Factor, ...], ...]


class Untraceable(Exception):
    """What an operation did to the image's axes cannot be followed."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """What each position of a tensor sees.

    Attributes:
        dims: For each axis of the tensor the parts it is made of, the slowest first.
        labels: int64, with an axis for each of the tensor's, as long as its parts that are no axis of the image: the
            number of the reach; −1 for what does not depend on the image.
        reaches: What the labels number.
    """

    dims: Dims
    labels: np.ndarray
    reaches: tuple[Reach, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's."""
        return tuple(prod(size for size, _ in parts) for parts in self.dims)

    def axis_of(self, dim: int) -> int | None:
        """Which axis of the image an axis of the tensor is; None for none.

        Raises:
            Untraceable: If it is several at once.
        """
        parts = real(self.dims[dim])
        if any(axis >= 0 for _, axis in parts):
            if len(parts) > 1:
                raise Untraceable
            return parts[0][1]
        return None

    def along(self, dim: int, step: IndexMap) -> Footprint:
        """Through an operation along one axis."""
        axis = self.axis_of(dim)
        size = len(step.taps)
        if axis is not None:
            reaches = tuple(reach.through(axis, step) for reach in self.reaches)
            return Footprint(put(self.dims, dim, ((size, axis),)), self.labels, reaches)
        labels = self.labels
        if (labels != labels.take([0], axis=dim)).any():
            if step.taps.shape[1] > 1:
                return self.mixed([dim]).along(dim, step)
            labels = np.concatenate([labels, np.full_like(labels.take([0], axis=dim), -1)], axis=dim)
            labels = labels.take(step.taps[:, 0], axis=dim)
        elif step.taps.shape[1] == 1:
            outside = np.expand_dims(step.taps[:, 0] < 0, [k for k in range(labels.ndim) if k != dim])
            labels = np.where(outside, -1, labels.take([0], axis=dim))
        else:
            labels = labels.take([0], axis=dim).repeat(size, axis=dim)
        return Footprint(put(self.dims, dim, ((size, -1),)), labels, self.reaches)

    def mixed(self, dims: Iterable[int]) -> Footprint:
        """Every position along these axes sees what any of them saw."""
        dims = sorted(dims)
        labels, reaches = self._merged(dims)
        new = self.dims
        for dim in dims:
            new = put(new, dim, ((self.shape[dim], -1),))
        sizes = [self.shape[dim] if dim in dims else size for dim, size in enumerate(labels.shape)]
        return Footprint(new, np.broadcast_to(labels, sizes), reaches)  # a view: it may be large

    def over(self, dims: Iterable[int], keep: bool) -> Footprint:
        """Reduced over these axes, which become 1 long or go."""
        dims = sorted(dims)
        labels, reaches = self._merged(dims)
        if keep:
            new = tuple(((1, -1),) if k in dims else parts for k, parts in enumerate(self.dims))
            return Footprint(new, labels, reaches)
        new = tuple(parts for k, parts in enumerate(self.dims) if k not in dims)
        return Footprint(new, labels.squeeze(tuple(dims)), reaches)

    def _merged(self, dims: list[int]) -> tuple[np.ndarray, tuple[Reach, ...]]:
        """Labels of what any position along these axes saw, which are 1 long in them, and the reaches they number."""
        reaches = list(self.reaches)
        for dim in dims:
            for _, axis in self.dims[dim]:
                if axis >= 0:
                    reaches = [reach.over(axis) for reach in reaches]
        last = np.moveaxis(self.labels, dims, range(-len(dims), 0))
        lead = last.shape[: last.ndim - len(dims)]
        merged, found = merge(last.reshape(prod(lead), -1), reaches)
        return np.expand_dims(merged.reshape(lead), dims), found

    def grouped(self, groups: int, outputs: int) -> Footprint:
        """Through a convolution's channels, axis 1: each output sees what any input of its group saw."""
        labels = np.moveaxis(self.labels, 1, -1)
        lead = labels.shape[:-1]
        merged, reaches = merge(labels.reshape(prod(lead) * groups, -1), self.reaches)
        merged = merged.reshape(*lead, groups).repeat(outputs // groups, axis=-1)
        return Footprint(put(self.dims, 1, ((outputs, -1),)), np.moveaxis(merged, -1, 1), reaches)

    def permuted(self, order: Sequence[int]) -> Footprint:
        """With its axes in another order."""
        return Footprint(tuple(self.dims[k] for k in order), self.labels.transpose(order), self.reaches)

    def viewed(self, shape: Sequence[int]) -> Footprint:
        """The footprint of the same values, in the same order, in another shape.

        Raises:
            Untraceable: If an axis of the image would be split.
        """
        if tuple(shape) == self.shape:
            return self
        left = [part for parts in self.dims for part in parts if part[0] != 1]
        dims: list[tuple[Factor, ...]] = []
        for size in shape:
            parts, needed = [], size
            while needed > 1:
                if not left:
                    raise Untraceable
                length, axis = left.pop(0)
                if needed % length == 0:
                    needed //= length
                elif axis < 0 and length % needed == 0:
                    left.insert(0, (length // needed, -1))
                    length, needed = needed, 1
                else:
                    raise Untraceable
                parts.append((length, axis))
            dims.append(real(tuple(parts)) or ((1, -1),))
        labels = self.labels.reshape([prod(n for n, axis in parts if axis < 0) for parts in dims])
        return Footprint(tuple(dims), labels, _stilled(self.dims, dims, self.reaches))

    def expanded(self, shape: Sequence[int]) -> Footprint:
        """Broadcast to a shape."""
        dims = [((1, -1),)] * (len(shape) - len(self.dims)) + list(self.dims)
        labels = self.labels.reshape((1,) * (len(shape) - self.labels.ndim) + self.labels.shape)
        before = list(dims)
        for dim, size in enumerate(shape):
            if size != prod(n for n, _ in dims[dim]):
                dims[dim] = ((size, -1),)
                labels = labels.take([0], axis=dim).repeat(size, axis=dim)
        return Footprint(tuple(dims), labels, _stilled(before, dims, self.reaches))

    def lost(self, shape: Sequence[int]) -> Footprint:
        """For what an unknown operation gives: at most all of what was seen, anywhere."""
        return self.everything(shape, exact=False)

    def everything(self, shape: Sequence[int], exact: bool = True) -> Footprint:
        """What one value computed from all of the tensor sees, for each position of another."""
        _, found = self._merged(list(range(len(self.dims))))
        if not exact:
            found = tuple(reach.doubtful() for reach in found)
        labels = np.broadcast_to(np.int64(len(found) - 1), tuple(shape))
        return Footprint(tuple(((n, -1),) for n in shape), labels, found)

    def doubtful(self) -> Footprint:
        """This footprint as an upper bound."""
        return Footprint(self.dims, self.labels, tuple(reach.doubtful() for reach in self.reaches))

    @property
    def alive(self) -> bool:
        """Whether any position sees anything of the image."""
        return any(self.reaches[k].alive for k in np.unique(self.labels[self.labels >= 0]))


def of_image(shape: Sequence[int], rank: int) -> Footprint:
    """A batch of images: the last `rank` axes are those of the image."""
    lead = len(shape) - rank
    dims = [((n, -1),) for n in shape[:lead]] + [((n, axis),) for axis, n in enumerate(shape[lead:])]
    labels = np.zeros((*shape[:lead], *(1,) * rank), np.int64)
    return Footprint(tuple(dims), labels, (whole(shape[lead:]),))


def merge(rows: np.ndarray, reaches: Sequence[Reach]) -> tuple[np.ndarray, tuple[Reach, ...]]:
    """For each row of labels the label of their union, and the reaches that are then numbered."""
    found: dict[tuple[Reach, ...], int] = {}
    kept: list[Reach] = []
    if (rows == rows[:1]).all():
        patterns, inverse = rows[:1], np.zeros(len(rows), np.int64)
    else:
        patterns, inverse = np.unique(rows, axis=0, return_inverse=True)
    numbers = np.empty(len(patterns), np.int64)
    for k, pattern in enumerate(patterns):
        parts = tuple(reaches[label] for label in np.unique(pattern[pattern >= 0]))
        if not parts:
            numbers[k] = -1
            continue
        if parts not in found:
            found[parts] = len(kept)
            kept.append(union(parts))
        numbers[k] = found[parts]
    return numbers[inverse.reshape(-1)], tuple(kept)


def real(parts: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """The parts of a tensor's axis; those side by side that are no axis of the image as one, without those 1 long."""
    found: list[Factor] = []
    for size, axis in parts:
        if axis < 0 and found and found[-1][1] < 0:
            found[-1] = (found[-1][0] * size, -1)
        elif (size, axis) != (1, -1):
            found.append((size, axis))
    return tuple(found)


def put(dims: Dims, dim: int, parts: tuple[Factor, ...]) -> Dims:
    """The axes with one of them replaced."""
    return (*dims[:dim], parts, *dims[dim + 1 :])


def _stilled(
    before: Iterable[Iterable[Factor]], after: Iterable[Iterable[Factor]], reaches: Sequence[Reach]
) -> tuple[Reach, ...]:
    """Axes of the image that went, being 1 long, are axes no longer."""
    gone = _axes(before) - _axes(after)
    for axis in gone:
        reaches = [reach.still(axis) for reach in reaches]
    return tuple(reaches)


def _axes(dims: Iterable[Iterable[Factor]]) -> set[int]:
    return {axis for parts in dims for _, axis in parts if axis >= 0}
