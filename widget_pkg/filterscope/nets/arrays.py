"""Tensors as float32 arrays: those of the user's net are copied, so that nobody holds its memory."""

from __future__ import annotations

import numpy as np
import torch


def float32(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values as a float32 array that shares no memory with it."""
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()


def float32_shared(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values as a float32 array, which may share memory with it: only for tensors that are not the net's."""
    return tensor.detach().to("cpu", torch.float32).numpy()
