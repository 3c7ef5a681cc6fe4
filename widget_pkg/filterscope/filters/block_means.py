"""Large pictures at the size at which they are drawn: each value is the mean of a block of pixels."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional as F


def block_means(planes: np.ndarray, block: int) -> np.ndarray:
    """Means of `block × block` pixels of float32 planes `(…, H, W)`; a rest at the end is a block of its own.

    Example:
        >>> block_means(np.float32([[1, 2, 3], [5, 6, 7]]), 2)
        array([[3.5, 5. ]], dtype=float32)
    """
    flat = torch.from_numpy(np.ascontiguousarray(planes)).reshape(-1, 1, *planes.shape[-2:])
    means = F.avg_pool2d(flat, block, ceil_mode=True, count_include_pad=False)
    result: np.ndarray = means.reshape(*planes.shape[:-2], *means.shape[-2:]).numpy()
    return result
