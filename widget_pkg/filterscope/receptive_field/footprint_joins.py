"""Joins the footprints of several tensors: position by position, as in a sum, or side by side, as in `torch.cat`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from filterscope.receptive_field.footprint import Factor, Footprint, Untraceable, merge, put, real
from filterscope.receptive_field.index_maps import gathered, padded
from filterscope.receptive_field.reach import Reach


def together(parts: Sequence[Footprint], shape: Sequence[int]) -> Footprint:
    """The footprint after an elementwise operation on several tensors.

    Args:
        parts: The tensors' footprints, at least one.
        shape: The shape to which they are broadcast.

    Raises:
        Untraceable: If the image's axes lie differently in the tensors.
    """
    combined = parts[0].expanded(shape)
    for part in parts[1:]:
        combined = _pair(combined, part.expanded(shape))
    return combined


def _pair(first: Footprint, second: Footprint) -> Footprint:
    if first.dims == second.dims and first.reaches == second.reaches and np.array_equal(first.labels, second.labels):
        return first
    dims, left, right = [], first.labels, second.labels
    for dim, (a, b) in enumerate(zip(first.dims, second.dims, strict=True)):
        a, b = real(a), real(b)
        if a == b:
            dims.append(a or ((1, -1),))
        elif not any(axis >= 0 for _, axis in a):  # the first must see equal pixels along the whole axis
            dims.append(b)
            left = _folded(left, dim, b)
        elif not any(axis >= 0 for _, axis in b):
            dims.append(a)
            right = _folded(right, dim, a)
        else:
            raise Untraceable
    axes = [axis for parts in dims for _, axis in parts if axis >= 0]
    if len(axes) != len(set(axes)):
        raise Untraceable
    reaches = (*first.reaches, *second.reaches)
    right = np.where(right < 0, -1, right + len(first.reaches))
    left, right = np.broadcast_arrays(left, right)
    merged, merged_reaches = merge(np.stack([left.ravel(), right.ravel()], axis=1), reaches)
    return Footprint(tuple(dims), merged.reshape(left.shape), merged_reaches)


def _folded(labels: np.ndarray, dim: int, parts: tuple[Factor, ...]) -> np.ndarray:
    """The labels for an axis with the parts of another tensor, in which it is an axis of the image.

    Raises:
        Untraceable: If the labels differ along the axis.
    """
    if (labels != labels.take([0], axis=dim)).any():
        raise Untraceable
    return labels.take([0], axis=dim).repeat(prod(n for n, axis in parts if axis < 0), axis=dim)


def joined(parts: Sequence[Footprint | None], shapes: Sequence[Sequence[int]], dim: int) -> Footprint:
    """The footprint after a concatenation.

    Args:
        parts: The tensors' footprints; None for one that does not depend on the image.
        shapes: The tensors' shapes.
        dim: The axis along which they are concatenated.

    Raises:
        Untraceable: If the image's axes lie differently in the tensors.
    """
    reference = next(part for part in parts if part is not None)
    total = sum(shape[dim] for shape in shapes)
    if reference.axis_of(dim) is None:
        return _beside(parts, shapes, dim, reference)
    placed, start = [], 0
    for part, shape in zip(parts, shapes, strict=True):
        if part is not None:
            source = np.full(total, -1)
            source[start : start + shape[dim]] = np.arange(shape[dim])
            placed.append(part.along(dim, gathered(source) if start else padded(shape[dim], 0, total - shape[dim])))
        start += shape[dim]
    return together(placed, placed[0].shape)


def _beside(
    parts: Sequence[Footprint | None], shapes: Sequence[Sequence[int]], dim: int, reference: Footprint
) -> Footprint:
    """The footprint after a concatenation along an axis that is not the image's: the labels are concatenated."""
    others = [real(p) for k, p in enumerate(reference.dims) if k != dim]
    labels: list[np.ndarray] = []
    reaches: list[Reach] = []
    for part, shape in zip(parts, shapes, strict=True):
        if part is None:
            size = list(reference.labels.shape)
            size[dim] = shape[dim]
            labels.append(np.full(size, -1))
            continue
        if part.axis_of(dim) is not None or [real(p) for k, p in enumerate(part.dims) if k != dim] != others:
            part = together([part, _silent(reference, shape)], shape)
            if [real(p) for k, p in enumerate(part.dims) if k != dim] != others:
                raise Untraceable
        labels.append(np.where(part.labels < 0, -1, part.labels + len(reaches)))
        reaches += part.reaches
    joined_labels = np.concatenate(labels, axis=dim)
    merged, merged_reaches = merge(joined_labels.reshape(-1, 1), reaches)
    total = joined_labels.shape[dim]
    return Footprint(put(reference.dims, dim, ((total, -1),)), merged.reshape(joined_labels.shape), merged_reaches)


def _silent(reference: Footprint, shape: Sequence[int]) -> Footprint:
    """A footprint that sees nothing, with the image's axes where the reference has them."""
    dims = tuple(
        parts if any(axis >= 0 for _, axis in parts) else ((n, -1),)
        for parts, n in zip(reference.dims, shape, strict=True)
    )
    labels = np.full([prod(n for n, axis in parts if axis < 0) for parts in dims], -1)
    return Footprint(dims, labels, ())
