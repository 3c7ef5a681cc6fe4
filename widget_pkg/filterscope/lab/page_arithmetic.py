"""What a page needs to compute a filter's maps by itself, while a person drags a number of its kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.filters.response import gray, matches_image, shown_channels
from filterscope.nets.activations import NONLINEARITIES, TRANSPARENT, kind_of
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch
from filterscope.nets.layers import ConvLayer
from filterscope.nets.runner import NetRunner
from filterscope.nets.tracing import Operation

MOST_VALUES = 2**18
"""Of a layer's input that a page is sent: 1 MB."""
_MOST_PRODUCTS = 2**24  # a page makes about so many in 16 ms
_CLOSE = 1e-5


@dataclass(frozen=True)
class PageStep:
    """A step to the activation that a page knows: `a·x + b`, or a nonlinearity by its name.

    Attributes:
        name: `"affine"`, or one of `NONLINEAR`.
        numbers: What it needs: scale and shift, a slope, two ends.
    """

    name: str
    numbers: tuple[float, ...] = ()


NONLINEAR: dict[str, Callable[..., np.ndarray]] = {
    "relu": lambda x: np.maximum(x, 0),
    "clip": lambda x, low, high: np.clip(x, low, high),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, x * slope),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
}
"""The nonlinearities that a page computes; `js/src/panels/lab/arithmetic.ts` has the same."""


def page_steps(
    runner: NetRunner, batch: torch.Tensor, layer: int, filter_index: int, pre: np.ndarray, activation: np.ndarray
) -> list[PageStep] | None:
    """The steps from a filter's pre-activation to its activation, as a page can take them.

    They are tried on the net's own map: where they do not give the net's activation, a page waits for Python.

    Args:
        runner: Runs the net.
        batch: The image as the net takes it.
        layer: Index of the layer.
        filter_index: Index of the filter.
        pre: The net's pre-activation of the filter, float32.
        activation: Its activation, float32.

    Returns:
        The steps; None where the page does not know one of them, or they do not give the activation.
    """
    return _steps_to(_operations(runner, batch, layer), filter_index, pre, activation)


def steps_of_each(
    runner: NetRunner, batch: torch.Tensor, layer: int, pre: np.ndarray, activation: np.ndarray
) -> list[list[PageStep] | None]:
    """The steps of every filter of a layer, by one pass; see `page_steps`. The maps are `(F, …)`."""
    operations = _operations(runner, batch, layer)
    pairs = zip(pre, activation, strict=True)
    return [_steps_to(operations, filter_index, *maps) for filter_index, maps in enumerate(pairs)]


def _operations(runner: NetRunner, batch: torch.Tensor, layer: int) -> list[tuple[str, nn.Module]]:
    """What stands between a layer's pre-activation and its activation: the kind of each, and its module."""
    record = runner.layers[layer]
    operations: list[tuple[str, nn.Module]] = []

    def on_step(index: int, operation: Operation, output: torch.Tensor, last: bool) -> None:
        if index == layer:
            kind = kind_of(operation)
            if kind not in TRANSPARENT:
                operations.append((kind, operation.running.module))
            if last:
                watch.stop()

    def on_conv(index: int, call: ConvCall) -> None:
        if index == layer and not record.activation.path:
            watch.stop()

    watch = LayerWatch(runner.layers, on_conv, on_step)
    with runner.ready() as module, watch.watching(module, batch):
        runner.call(module, batch)
    return operations


def _steps_to(
    operations: list[tuple[str, nn.Module]], filter_index: int, pre: np.ndarray, activation: np.ndarray
) -> list[PageStep] | None:
    """The operations as steps, tried on a map."""
    if pre.shape != activation.shape or not np.isfinite(pre).all():
        return None
    known: list[PageStep] = []
    for kind, module in operations:
        step = _step(kind, module, filter_index)
        if step is None:
            return None
        known.append(step)
    values = pre.astype(np.float64)
    for step in known:
        values = apply_step(step, values)
    scale = max(1.0, float(np.abs(activation).max(initial=0.0)))
    close = np.isfinite(activation).all() and float(np.abs(values - activation).max(initial=0.0)) <= _CLOSE * scale
    return known if close else None


def apply_step(step: PageStep, values: np.ndarray) -> np.ndarray:
    """The values after a step, float64."""
    if step.name == "affine":
        scale, shift = step.numbers
        return values * scale + shift
    with np.errstate(over="ignore"):
        return NONLINEAR[step.name](values, *step.numbers)


def _step(kind: str, module: nn.Module, filter_index: int) -> PageStep | None:
    if kind == "batch_norm" and isinstance(module, nn.modules.batchnorm._BatchNorm):
        return _affine(module, filter_index)
    if kind == "leaky_relu":
        return PageStep(kind, (float(getattr(module, "negative_slope", 0.01)),))
    if kind == "elu" and getattr(module, "alpha", 1.0) != 1.0:
        return None
    if kind in ("relu6", "hardtanh"):
        ends = (0.0, 6.0) if kind == "relu6" else (-1.0, 1.0)
        return PageStep("clip", (getattr(module, "min_val", ends[0]), getattr(module, "max_val", ends[1])))
    return PageStep(kind) if kind in NONLINEAR and kind in NONLINEARITIES else None


def _affine(norm: Any, filter_index: int) -> PageStep | None:
    if norm.running_mean is None or norm.running_var is None or filter_index >= len(norm.running_mean):
        return None
    weight = 1.0 if norm.weight is None else norm.weight[filter_index].item()
    bias = 0.0 if norm.bias is None else norm.bias[filter_index].item()
    scale = weight / float(np.sqrt(float(norm.running_var[filter_index]) + norm.eps))
    return PageStep("affine", (scale, bias - float(norm.running_mean[filter_index]) * scale))


def page_planes(
    image: np.ndarray, layer_input: np.ndarray, layer: ConvLayer, filter_index: int
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """What a page convolves: the channels that the filter sees, and the image's planes for the classic response.

    Returns:
        The layer's input `(C_in/groups, H, W)` and the image's planes `(n, H, W)`, of a signal with H = 1; None each
        where the page does not compute it: of a volume, a transposed convolution, or more numbers than are sent.
    """
    if layer.rank == 3 or layer.transposed:
        return None, None
    first = filter_index // (layer.out_channels // layer.groups) * layer.channels
    seen = layer_input[first : first + layer.channels]
    planes = image if matches_image(image, layer) else gray(image)[None]
    return _sent(seen, layer, int(np.prod(layer.out_shape[1:]))), _sent(planes, layer, planes[0].size)


def _sent(planes: np.ndarray, layer: ConvLayer, positions: int) -> np.ndarray | None:
    products = positions * len(planes) * int(np.prod(layer.kernel_size))
    if planes.size > MOST_VALUES or products > _MOST_PRODUCTS or planes.ndim != layer.rank + 1:
        return None
    return np.ascontiguousarray(planes.reshape(len(planes), *((1, *planes.shape[1:])[-2:])), np.float32)


def response_channels(image: np.ndarray, layer: ConvLayer, channel: int | None) -> list[int]:
    """The kernels whose responses over the image are summed."""
    return shown_channels(image, layer, channel, "image")
