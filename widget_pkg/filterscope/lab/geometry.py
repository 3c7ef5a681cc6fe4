"""Another stride, padding and dilation for one layer: its map alone, what follows was trained for another size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from filterscope.indices import as_index
from filterscope.nets.layers import ConvLayer
from filterscope.nets.modes import plain_modes

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
_TORCH_MODES = {"zeros": "constant"}
_MOST = 64
_MOST_VALUES = 2**22
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


@dataclass(frozen=True, eq=False)
class GeometryTrial:
    """What a layer would give for its input with another geometry.

    Attributes:
        stride: `(row, column)`.
        padding: `(row, column)`.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        dilation: `(row, column)`.
        values: The filter's pre-activation, float32 `(H', W')`.
        formula: The output's size in numbers, a line for each spatial axis.
        parameters: How many weights and biases the layer has: the geometry changes none of them.
        sees: Cells of the input that one output position reaches across, `(row, column)`.
    """

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    padding_mode: str
    dilation: tuple[int, ...]
    values: np.ndarray
    formula: tuple[str, ...]
    parameters: int
    sees: tuple[int, ...]


def own_geometry(layer: ConvLayer) -> dict[str, Any]:
    """A layer's own stride, padding, mode and dilation, the padding in numbers; an uneven one by its larger side."""
    return {
        "stride": layer.stride,
        "padding": tuple(max(pair) for pair in layer.pads),
        "padding_mode": layer.padding_mode,
        "dilation": layer.dilation,
    }


def try_geometry(
    layer: ConvLayer,
    layer_input: torch.Tensor,
    kernel: torch.Tensor,
    bias: torch.Tensor | None,
    filter_index: int,
    stride: Any = None,
    padding: Any = None,
    padding_mode: Any = None,
    dilation: Any = None,
) -> GeometryTrial:
    """The map of one filter with another geometry; what is None stays the layer's own.

    Args:
        layer: The layer.
        layer_input: What it is given, `(C_in, *S)`.
        kernel: The filter's kernels, `(C_in/groups, *k)`.
        bias: Its bias, a tensor of one number, or None.
        filter_index: Its index.
        stride: From 1 on: a number, or one for each spatial axis.
        padding: From 0 on, likewise.
        padding_mode: One of `PADDING_MODES`.
        dilation: From 1 on, likewise.

    Raises:
        ValueError: If the layer is a transposed convolution, a value does not fit, or no output position is left.
    """
    if layer.transposed:
        raise ValueError(f"{layer.spoken} is a transposed convolution; the lab tries the geometry of plain ones alone")
    own = own_geometry(layer)
    steps = _per_axis(own["stride"] if stride is None else stride, layer.rank, "stride", 1)
    pads = _per_axis(own["padding"] if padding is None else padding, layer.rank, "padding", 0)
    spread = _per_axis(own["dilation"] if dilation is None else dilation, layer.rank, "dilation", 1)
    mode = own["padding_mode"] if padding_mode is None else padding_mode
    if mode not in PADDING_MODES:
        raise ValueError(f"padding_mode is {mode!r}; choose {', '.join(map(repr, PADDING_MODES))}")
    size = tuple(layer_input.shape[1:])
    formula, sides = [], []
    for axis, n, k, s, p, d in zip(_AXES[layer.rank], size, layer.kernel_size, steps, pads, spread, strict=True):
        if mode in ("reflect", "circular") and p > (n - 1 if mode == "reflect" else n):
            raise ValueError(
                f"padding is {p}; {mode} padding of an input {n} wide has at most {n - (mode == 'reflect')}"
            )
        side = (n + 2 * p - d * (k - 1) - 1) // s + 1
        formula.append(f"{axis}: ⌊({n} + 2·{p} − {d}·({k} − 1) − 1) / {s}⌋ + 1 = {side}")
        sides.append(side)
    if min(sides) < 1:
        raise ValueError(f"no position is left: {'; '.join(formula)}. Make the padding larger, or the dilation smaller")
    if int(np.prod([n + 2 * p for n, p in zip(size, pads, strict=True)])) * layer.channels > _MOST_VALUES * 4:
        raise ValueError("this padding makes the input larger than the lab computes; make it smaller")
    first = filter_index // (layer.out_channels // layer.groups) * layer.channels
    with plain_modes(), torch.no_grad():
        source = layer_input[first : first + layer.channels][None]
        around = [pad for p in reversed(pads) for pad in (p, p)]
        padded = F.pad(source, around, mode=_TORCH_MODES.get(mode, mode)) if any(pads) else source
        convolve = (F.conv1d, F.conv2d, F.conv3d)[layer.rank - 1]
        taps = kernel[None].to(padded)
        offset = None if bias is None else bias.reshape(1).to(padded)
        values = convolve(padded, taps, offset, stride=steps, dilation=spread)[0, 0]
    numbers = layer.out_channels * layer.channels * int(np.prod(layer.kernel_size))
    return GeometryTrial(
        stride=steps,
        padding=pads,
        padding_mode=mode,
        dilation=spread,
        values=values.float().cpu().numpy(),
        formula=tuple(formula),
        parameters=numbers + (0 if bias is None else layer.out_channels),
        sees=tuple(d * (k - 1) + 1 for d, k in zip(spread, layer.kernel_size, strict=True)),
    )


def _per_axis(value: Any, rank: int, name: str, least: int) -> tuple[int, ...]:
    single = as_index(value)
    values = [single] * rank if single is not None else list(value) if isinstance(value, Sequence) else []
    numbers = [as_index(each) for each in values] if not isinstance(value, str) else []
    if len(numbers) != rank or any(each is None or not least <= each <= _MOST for each in numbers):
        raise ValueError(
            f"{name} is {value!r}; give a whole number from {least} to {_MOST}, or {rank} of them, one for each axis"
        )
    return tuple(each for each in numbers if each is not None)
