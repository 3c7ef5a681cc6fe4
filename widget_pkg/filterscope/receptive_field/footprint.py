"""A tensor's footprint: where in it the image's axes lie, and which pixels of the image each position sees.

The *footprint* goes with its tensor through a pass: a view splits and merges axes, a concatenation puts channels that
see more beside channels that see less, a mean removes an axis. Each combination of the axes that are not the image's
(item, channel) has a label, the number of its `Reach`. What the net does to its channels is done to the labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from filterscope.receptive_field.index_maps import IndexMap
from filterscope.receptive_field.reach import Reach, union, whole

Factor = tuple[int, int]
"""Part of a tensor's axis: its length, and the axis of the image that it is, or −1 for none."""
Dims = tuple[tuple[Factor, ...], ...]
"""For each axis of a tensor its parts, the slowest first."""


class Untraceable(Exception):
    """An operation did something to the image's axes that cannot be followed."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """The pixels that each position of a tensor sees.

    Attributes:
        dims: For each axis of the tensor its parts, the slowest first.
        labels: int64, an index in `reaches`, or −1 where the tensor does not depend on the image. It has all axes of
            the tensor, each as long as the product of its parts that are no axis of the image.
        reaches: The different sets of pixels.
    """

    dims: Dims
    labels: np.ndarray
    reaches: tuple[Reach, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape."""
        return tuple(prod(size for size, _ in parts) for parts in self.dims)

    def axis_of(self, dim: int) -> int | None:
        """The axis of the image that an axis of the tensor is; None for none.

        Raises:
            Untraceable: If it has several parts, and one of them is an axis of the image.
        """
        parts = real(self.dims[dim])
        if any(axis >= 0 for _, axis in parts):
            if len(parts) > 1:
                raise Untraceable
            return parts[0][1]
        return None

    def along(self, dim: int, step: IndexMap) -> Footprint:
        """The footprint after an operation along one axis.

        Args:
            dim: Axis of the tensor.
            step: Which indices of the input each index of the output reads.

        Raises:
            Untraceable: If `dim` has several parts, and one of them is an axis of the image.
        """
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
        """The footprint where every position along some axes sees what any of them saw before, as after a softmax."""
        dims = sorted(dims)
        labels, reaches = self._merged(dims)
        mixed_dims = self.dims
        for dim in dims:
            mixed_dims = put(mixed_dims, dim, ((self.shape[dim], -1),))
        sizes = [self.shape[dim] if dim in dims else size for dim, size in enumerate(labels.shape)]
        return Footprint(mixed_dims, np.broadcast_to(labels, sizes), reaches)  # a view: it may be large

    def over(self, dims: Iterable[int], keep: bool) -> Footprint:
        """The footprint after a reduction over some axes, as a mean or a maximum.

        Args:
            dims: Axes of the tensor.
            keep: Whether they stay, with length 1.
        """
        dims = sorted(dims)
        labels, reaches = self._merged(dims)
        if keep:
            remaining = tuple(((1, -1),) if k in dims else parts for k, parts in enumerate(self.dims))
            return Footprint(remaining, labels, reaches)
        remaining = tuple(parts for k, parts in enumerate(self.dims) if k not in dims)
        return Footprint(remaining, labels.squeeze(tuple(dims)), reaches)

    def _merged(self, dims: list[int]) -> tuple[np.ndarray, tuple[Reach, ...]]:
        """Labels and reaches of what any position along some axes saw; the labels have length 1 in these axes."""
        reaches = list(self.reaches)
        for dim in dims:
            for _, axis in self.dims[dim]:
                if axis >= 0:
                    reaches = [reach.over(axis) for reach in reaches]
        last = np.moveaxis(self.labels, dims, range(-len(dims), 0))
        lead = last.shape[: last.ndim - len(dims)]
        merged, merged_reaches = merge(last.reshape(prod(lead), -1), reaches)
        return np.expand_dims(merged.reshape(lead), dims), merged_reaches

    def grouped(self, groups: int, outputs: int) -> Footprint:
        """The footprint after a convolution mixes the channels, axis 1: an output sees what any input of its group saw.

        Args:
            groups: Number of groups.
            outputs: Number of output channels.
        """
        labels = np.moveaxis(self.labels, 1, -1)
        lead = labels.shape[:-1]
        merged, reaches = merge(labels.reshape(prod(lead) * groups, -1), self.reaches)
        merged = merged.reshape(*lead, groups).repeat(outputs // groups, axis=-1)
        return Footprint(put(self.dims, 1, ((outputs, -1),)), np.moveaxis(merged, -1, 1), reaches)

    def permuted(self, order: Sequence[int]) -> Footprint:
        """The footprint with the tensor's axes in another order."""
        return Footprint(tuple(self.dims[k] for k in order), self.labels.transpose(order), self.reaches)

    def viewed(self, shape: Sequence[int]) -> Footprint:
        """The footprint after a view: equal values in equal order, in another shape.

        Args:
            shape: Shape of the view.

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
        """The footprint after broadcasting to a shape."""
        dims = [((1, -1),)] * (len(shape) - len(self.dims)) + list(self.dims)
        labels = self.labels.reshape((1,) * (len(shape) - self.labels.ndim) + self.labels.shape)
        before = list(dims)
        for dim, size in enumerate(shape):
            if size != prod(n for n, _ in dims[dim]):
                dims[dim] = ((size, -1),)
                labels = labels.take([0], axis=dim).repeat(size, axis=dim)
        return Footprint(tuple(dims), labels, _stilled(before, dims, self.reaches))

    def lost(self, shape: Sequence[int]) -> Footprint:
        """An upper bound for the output of an unknown operation: each position sees at most all that was seen before.

        Args:
            shape: Shape of the output.
        """
        return self.everything(shape, exact=False)

    def everything(self, shape: Sequence[int], exact: bool = True) -> Footprint:
        """The footprint of a tensor of which each position is computed from the whole of this one.

        Args:
            shape: Its shape.
            exact: Whether each position really depends on all; else it is an upper bound.
        """
        _, reaches = self._merged(list(range(len(self.dims))))
        if not exact:
            reaches = tuple(reach.doubtful() for reach in reaches)
        labels = np.broadcast_to(np.int64(len(reaches) - 1), tuple(shape))
        return Footprint(tuple(((n, -1),) for n in shape), labels, reaches)

    def doubtful(self) -> Footprint:
        """This footprint as an upper bound."""
        return Footprint(self.dims, self.labels, tuple(reach.doubtful() for reach in self.reaches))

    @property
    def alive(self) -> bool:
        """Whether any position sees anything of the image."""
        return any(self.reaches[k].alive for k in np.unique(self.labels[self.labels >= 0]))


def of_image(shape: Sequence[int], rank: int) -> Footprint:
    """The footprint of a batch of images itself: the last `rank` axes are the image's, each pixel sees itself.

    Args:
        shape: Shape of the batch, `(N, C, *size)`.
        rank: Number of spatial axes.
    """
    lead = len(shape) - rank
    dims = [((n, -1),) for n in shape[:lead]] + [((n, axis),) for axis, n in enumerate(shape[lead:])]
    labels = np.zeros((*shape[:lead], *(1,) * rank), np.int64)
    return Footprint(tuple(dims), labels, (whole(shape[lead:]),))


def merge(rows: np.ndarray, reaches: Sequence[Reach]) -> tuple[np.ndarray, tuple[Reach, ...]]:
    """Joins the reaches in each row of labels.

    Args:
        rows: int64 `(n, m)`, indices in `reaches`, −1 for none.
        reaches: The reaches before.

    Returns:
        int64 `(n,)`, for each row the index of the union of its reaches, −1 for none; and the unions.
    """
    numbered: dict[tuple[Reach, ...], int] = {}
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
        if parts not in numbered:
            numbered[parts] = len(kept)
            kept.append(union(parts))
        numbers[k] = numbered[parts]
    return numbers[inverse.reshape(-1)], tuple(kept)


def real(parts: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """The parts of a tensor's axis in normal form.

    Parts that are no axis of the image become one where they are neighbours, and are left out where they have length 1.
    """
    merged: list[Factor] = []
    for size, axis in parts:
        if axis < 0 and merged and merged[-1][1] < 0:
            merged[-1] = (merged[-1][0] * size, -1)
        elif (size, axis) != (1, -1):
            merged.append((size, axis))
    return tuple(merged)


def put(dims: Dims, dim: int, parts: tuple[Factor, ...]) -> Dims:
    """All axes, with new parts for one of them."""
    return (*dims[:dim], parts, *dims[dim + 1 :])


def _stilled(
    before: Iterable[Iterable[Factor]], after: Iterable[Iterable[Factor]], reaches: Sequence[Reach]
) -> tuple[Reach, ...]:
    """The reaches after axes of the image with length 1 were dropped."""
    gone = _axes(before) - _axes(after)
    for axis in gone:
        reaches = [reach.still(axis) for reach in reaches]
    return tuple(reaches)


def _axes(dims: Iterable[Iterable[Factor]]) -> set[int]:
    return {axis for parts in dims for _, axis in parts if axis >= 0}
