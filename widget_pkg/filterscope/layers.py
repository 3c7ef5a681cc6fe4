"""The convolutions of a net, in the order in which a forward pass reaches them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from filterscope.activations import Activation, find_activation, survey
from filterscope.errors import NetError, describe_exception
from filterscope.tracing import ConvCall, Frame
from filterscope.twin import Twin

ReadWeights = Callable[[int], tuple[np.ndarray, np.ndarray | None]]
"""Gives a layer's live kernels and bias by its index."""


@dataclass(frozen=True, eq=False)
class ConvLayer:
    """One call of a 2-D convolution in a forward pass; the words are `torch.nn.Conv2d`'s.

    Attributes:
        index: Its place in execution order, from 0.
        name: Its module's name in `named_modules()`; for a convolution called as a function, that of the module that
            calls it.
        call: 0 for the first call of that name in the pass, 1 for the second, ...
        module: The module in the user's own net, or None for a convolution called as a function.
        in_channels: `C_in`.
        out_channels: `F`, the number of filters.
        kernel_size: `(kH, kW)`.
        stride: `(row, column)`.
        padding: `(row, column)`, or `"same"` or `"valid"` as the module has it.
        padding_mode: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`.
        dilation: `(row, column)`.
        groups: Number of groups.
        out_shape: `(F, H', W')` for the image the explorer was made with.
        activation: Where the layer's activation is found.
    """

    index: int
    name: str
    call: int
    module: nn.Module | None
    in_channels: int
    out_channels: int
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] | str
    padding_mode: str
    dilation: tuple[int, int]
    groups: int
    out_shape: tuple[int, int, int]
    activation: Activation = field(repr=False)
    _read: ReadWeights = field(repr=False)

    @property
    def kernels(self) -> np.ndarray:
        """The live weights: float32 `(F, C_in/groups, kH, kW)`, a copy."""
        return self._read(self.index)[0]

    @property
    def bias(self) -> np.ndarray | None:
        """The live bias: float32 `(F,)`, a copy, or None where the layer has none."""
        return self._read(self.index)[1]

    @property
    def channels(self) -> int:
        """Kernels in each filter, `C_in/groups`."""
        return self.in_channels // self.groups

    @property
    def pads(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Pixels padded `((top, bottom), (left, right))`; `"same"` puts the odd one at the end, as torch does."""
        if self.padding == "valid":
            return (0, 0), (0, 0)
        if isinstance(self.padding, str):
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            top, left = (total // 2 for total in totals)
            return (top, totals[0] - top), (left, totals[1] - left)
        row, column = self.padding
        return (row, row), (column, column)

    @property
    def title(self) -> str:
        """`conv2 · Conv2d(10→20, 3×3) · 20×11×11`, with what differs from `Conv2d`'s defaults."""
        options = [f"{self.in_channels}→{self.out_channels}", "×".join(map(str, self.kernel_size))]
        if self.stride != (1, 1):
            options.append(f"stride {_short(self.stride)}")
        if self.padding not in ((0, 0), "valid"):
            mode = "" if self.padding_mode == "zeros" else f" {self.padding_mode}"
            options.append(f"padding {_short(self.padding)}{mode}")
        if self.dilation != (1, 1):
            options.append(f"dilation {_short(self.dilation)}")
        if self.groups != 1:
            options.append(f"groups {self.groups}")
        kind = "conv2d" if self.module is None else type(self.module).__name__
        again = f" (call {self.call})" if self.call else ""
        return f"{self.name}{again} · {kind}({', '.join(options)}) · {'×'.join(map(str, self.out_shape))}"


def _short(value: tuple[int, int] | str) -> str:
    if isinstance(value, str):
        return value
    return str(value[0]) if value[0] == value[1] else f"{value[0]}×{value[1]}"


def find_layers(twin: Twin, batch: torch.Tensor, read_weights: ReadWeights) -> tuple[tuple[ConvLayer, ...], object]:
    """Lists the 2-D convolutions that a forward pass reaches.

    Args:
        twin: The net's twin.
        batch: An image as the net takes it, `(1, C, H, W)`.
        read_weights: Gives a layer's live kernels and bias by its index.

    Returns:
        The layers in execution order, and the net's output for that image.

    Raises:
        NetError: If the net refuses the image, or its pass reaches no 2-D convolution.
    """
    try:
        calls, trace, output = survey(twin, batch)
    except Exception as error:
        raise NetError(refusal(batch, error)) from error
    if not calls:
        raise NetError(_nothing_found(twin.net))
    modules = dict(twin.net.named_modules())
    counted: Counter[str] = Counter()
    layers = []
    for index, (frame, call) in enumerate(calls):
        name = frame.name or "conv2d"
        layers.append(
            ConvLayer(
                index=index,
                name=name,
                call=counted[name],
                module=modules.get(frame.name) if _is_conv(frame, call) else None,
                in_channels=call.weight.shape[1] * call.groups,
                out_channels=call.weight.shape[0],
                kernel_size=(call.weight.shape[2], call.weight.shape[3]),
                stride=call.stride,
                padding=call.padding,
                padding_mode=call.padding_mode,
                dilation=call.dilation,
                groups=call.groups,
                out_shape=_image_shape(call.output),
                activation=find_activation(trace, call, name),
                _read=read_weights,
            )
        )
        counted[name] += 1
    return tuple(layers), output


def _is_conv(frame: Frame, call: ConvCall) -> bool:
    """Whether the module that called the convolution is itself that convolution."""
    weight = getattr(frame.module, "weight", None)
    return isinstance(weight, torch.Tensor) and weight.shape == call.weight.shape


def _image_shape(output: torch.Tensor) -> tuple[int, int, int]:
    filters, height, width = output.shape[-3:]
    return filters, height, width


def refusal(batch: torch.Tensor, error: Exception) -> str:
    """The sentence for a net that raised in its forward pass."""
    shape = tuple(batch.shape[1:])
    return (
        f"the net refused an image of shape (C, H, W) = {shape}, {str(batch.dtype).removeprefix('torch.')}: "
        f"{describe_exception(error)}. Give images as the net was trained on; transform= brings others into that shape."
    )


def _nothing_found(net: nn.Module) -> str:
    other = [
        f"{name} ({type(module).__name__})"
        for name, module in net.named_modules()
        if isinstance(module, nn.modules.conv._ConvNd) and name
    ]
    seen = (
        f"it has {', '.join(other[:5])}, none of them reached from the image as a 2-D convolution"
        if other
        else (f"{type(net).__name__} has none")
    )
    return f"no 2-D convolution found in a forward pass of the net: {seen}. Explorer shows nets with nn.Conv2d layers."
