"""Checks the kernels that a person gives for a filter."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from filterscope.errors import kind_of
from filterscope.nets.kernel_edits import editable
from filterscope.nets.layers import ConvLayer

_NUMBERS = ("b", "i", "u", "f")


def check_editable(layer: ConvLayer) -> None:
    """Sees to it that a layer's kernels can be edited.

    Raises:
        ValueError: If they cannot, with the reason.
    """
    if not editable(layer):
        raise ValueError(
            f"the kernels of {layer.spoken} cannot be edited: they are no parameter of a module, but computed in each "
            "pass (weight norm, a parametrisation, a function of the image) or in a scripted module. Choose a "
            "layer whose module has its weight itself, such as a plain nn.Conv2d"
        )


def check_kernel(value: Any, layer: ConvLayer, own: np.ndarray, channel: int | None) -> np.ndarray:
    """What a person gives for a filter, as its kernels.

    Args:
        value: Numbers of the filter's shape; of one kernel's shape where the filter has one kernel, or one of them is
            selected.
        layer: The layer.
        own: The filter's kernels now, float32 `(C_in/groups, *k)`.
        channel: The kernel that is selected; None for all.

    Returns:
        float32 `(C_in/groups, *k)`, an array of its own that cannot be written to.

    Raises:
        ValueError: If it is no array of finite numbers, or of another shape.
    """
    try:
        array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        kind = str(array.dtype.kind)
        array = array.astype(np.float64) if kind in _NUMBERS else array
    except (TypeError, ValueError, RuntimeError):
        kind, array = "no numbers", np.zeros(0)
    shape = f"({', '.join(map(str, own.shape))}{',' * (own.ndim == 1)})"
    if kind not in _NUMBERS:
        said = repr(value) if isinstance(value, str) else kind_of(value)
        raise ValueError(f"kernel is {said[:80]}; give numbers of shape {shape}, as an array, a tensor or nested lists")
    kernel = own.astype(np.float64)
    if array.shape == own.shape:
        kernel = array
    elif array.shape == own.shape[1:] and (len(own) == 1 or channel is not None):
        kernel[channel or 0] = array
    else:
        one = "" if len(own) == 1 else f", or one kernel {own.shape[1:]}"
        one += " where a channel is selected" if one and channel is None else ""
        raise ValueError(f"kernel has shape {array.shape}; the filters of {layer.spoken} have {own.shape}{one}")
    with np.errstate(over="ignore"):
        checked = np.ascontiguousarray(kernel, np.float32)
    if not np.isfinite(checked).all():
        wrong = checked.size - int(np.isfinite(checked).sum())
        raise ValueError(f"kernel has {wrong} of {checked.size} numbers that are NaN or infinite; give finite ones")
    if checked is value or np.shares_memory(checked, array):
        checked = checked.copy()
    checked.flags.writeable = False
    return checked
