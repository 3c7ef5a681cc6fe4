"""The footprint of what is computed from several tensors: position by position, or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from filterscope.receptive_field.footprint import Factor, Footprint, Untraceable, merge, put, real
from filterscope.receptive_field.index_maps import gathered, padded
from filterscope.receptive_field.reach import Reach


def together(parts: Sequence[Footprint], shape: Sequence[int]) -> Footprint:
    """Of an elementwise operation on several tensors, broadcast to a shape.

    Raises:
        Untraceable: If the image's axes lie differently in them.
    """
    found = parts[0].expanded(shape)
    for other in parts[1:]:
        found = _pair(found, other.expanded(shape))
    return found


def _pair(one: Footprint, other: Footprint) -> Footprint:
    if one.dims == other.dims and one.reaches == other.reaches and np.array_equal(one.labels, other.labels):
        return one
    dims, left, right = [], one.labels, other.labels
    for dim, (a, b) in enumerate(zip(one.dims, other.dims, strict=True)):
        a, b = real(a), real(b)
        if a == b:
            dims.append(a or ((1, -1),))
        elif not any(axis >= 0 for _, axis in a):  # this one says the same along the whole axis
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
    reaches = (*one.reaches, *other.reaches)
    right = np.where(right < 0, -1, right + len(one.reaches))
    left, right = np.broadcast_arrays(left, right)
    merged, found = merge(np.stack([left.ravel(), right.ravel()], axis=1), reaches)
    return Footprint(tuple(dims), merged.reshape(left.shape), found)


def _folded(labels: np.ndarray, dim: int, parts: tuple[Factor, ...]) -> np.ndarray:
    """Labels along an axis that the other tensor has as an axis of the image: they must not differ there."""
    if (labels != labels.take([0], axis=dim)).any():
        raise Untraceable
    return labels.take([0], axis=dim).repeat(prod(n for n, axis in parts if axis < 0), axis=dim)


def joined(parts: Sequence[Footprint | None], shapes: Sequence[Sequence[int]], dim: int) -> Footprint:
    """Concatenated along an axis; None for a tensor that does not depend on the image.

    Raises:
        Untraceable: If the image's axes lie differently in them.
    """
    like = next(part for part in parts if part is not None)
    total = sum(shape[dim] for shape in shapes)
    if like.axis_of(dim) is None:
        return _beside(parts, shapes, dim, like)
    placed, start = [], 0
    for part, shape in zip(parts, shapes, strict=True):
        if part is not None:
            source = np.full(total, -1)
            source[start : start + shape[dim]] = np.arange(shape[dim])
            placed.append(part.along(dim, gathered(source) if start else padded(shape[dim], 0, total - shape[dim])))
        start += shape[dim]
    return together(placed, placed[0].shape)


def _beside(parts: Sequence[Footprint | None], shapes: Sequence[Sequence[int]], dim: int, like: Footprint) -> Footprint:
    """Concatenated along an axis that is none of the image's: the labels stand side by side."""
    others = [real(p) for k, p in enumerate(like.dims) if k != dim]
    labels: list[np.ndarray] = []
    reaches: list[Reach] = []
    for part, shape in zip(parts, shapes, strict=True):
        if part is None:
            size = list(like.labels.shape)
            size[dim] = shape[dim]
            labels.append(np.full(size, -1))
            continue
        if part.axis_of(dim) is not None or [real(p) for k, p in enumerate(part.dims) if k != dim] != others:
            part = together([part, _silent(like, shape)], shape)
            if [real(p) for k, p in enumerate(part.dims) if k != dim] != others:
                raise Untraceable
        labels.append(np.where(part.labels < 0, -1, part.labels + len(reaches)))
        reaches += part.reaches
    joined_labels = np.concatenate(labels, axis=dim)
    merged, found = merge(joined_labels.reshape(-1, 1), reaches)
    total = joined_labels.shape[dim]
    return Footprint(put(like.dims, dim, ((total, -1),)), merged.reshape(joined_labels.shape), found)


def _silent(like: Footprint, shape: Sequence[int]) -> Footprint:
    """Nothing seen, with the axes of the image where another tensor has them."""
    dims = tuple(
        parts if any(axis >= 0 for _, axis in parts) else ((n, -1),) for parts, n in zip(like.dims, shape, strict=True)
    )
    labels = np.full([prod(n for n, axis in parts if axis < 0) for parts in dims], -1)
    return Footprint(dims, labels, ())
