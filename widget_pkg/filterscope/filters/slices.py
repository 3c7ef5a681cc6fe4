"""Maps of any rank as planes that can be drawn: a signal is one row, of a volume one slice is drawn."""

from __future__ import annotations

import numpy as np


def planes(maps: np.ndarray, leading: int, chosen: int | None, of: int) -> tuple[np.ndarray, str]:
    """Maps as planes `(…, H, W)` behind so many leading axes: a signal as one row, of a volume one slice.

    Args:
        maps: Maps or kernels of any rank.
        leading: How many axes come before the map's own.
        chosen: The slice, `0 … of − 1`; None for the middle one. Of a volume with another depth (what a pool after the
            convolution leaves, or filter2D over the image) it is the slice at the same height.
        of: The depth in which `chosen` counts.

    Returns:
        The planes, and for the note below them which slice they are.
    """
    rank = maps.ndim - leading
    if rank == 1:
        return maps[..., None, :], ""
    if rank == 3:
        depth = maps.shape[leading]
        k = slice_of(depth, chosen, of)
        return np.ascontiguousarray(maps.take(k, axis=leading)), f"; slice {k} of {depth}"
    return maps, ""


def slice_of(depth: int, chosen: int | None, of: int) -> int:
    """Which slice of a volume of this depth is drawn: the middle one, or that at the height of `chosen` of so many.

    Example:
        >>> slice_of(8, None, 8), slice_of(4, 3, 8)
        (4, 1)
    """
    return depth // 2 if chosen is None else (2 * chosen + 1) * depth // (2 * of)
