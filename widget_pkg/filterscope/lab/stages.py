"""The strip of stages: from a layer's input to the pool behind it, for one filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from filterscope.nets.activations import NONLINEARITIES, NORMALISATIONS, POOLS, TRANSPARENT, kind_of, label
from filterscope.nets.arrays import float32
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.runner import NetRunner
from filterscope.nets.tracing import Operation, Recorder


@dataclass(frozen=True, eq=False)
class Stage:
    """What stands of one filter between two operations.

    Attributes:
        kind: `"input"`, `"response"`, `"bias"`, `"normalisation"`, `"nonlinearity"` or `"pool"`.
        name: The module's name, else the function's: `bn1`, `relu`, `max_pool2d`.
        values: The filter's map, float32 `(H, W)`, `(L,)` or `(D, H, W)`.
    """

    kind: str
    name: str
    values: np.ndarray


def record_stages(runner: NetRunner, batch: torch.Tensor, layer: int, filter_index: int, channel: int) -> list[Stage]:
    """The stages of one filter, from what its layer is given to the last pool, normalisation or nonlinearity behind it.

    The way ends before an operation that takes a second tensor, such as an addition, or that is none of these.

    Args:
        runner: Runs the net.
        batch: The image as the net takes it, `(1, C, H, W)`.
        layer: Index of the layer.
        filter_index: Index of the filter.
        channel: Which channel of its input is the first stage, of those that the filter sees.

    Returns:
        The stages in order; empty where the pass does not reach the layer.
    """
    record = runner.layers[layer]
    stages: list[Stage] = []
    calls = 0
    value: int | None = None

    def of_filter(tensor: torch.Tensor, index: int, rank: int) -> np.ndarray:
        return float32(tensor.detach()[0, index] if tensor.ndim == rank + 2 else tensor.detach()[index])

    def on_conv(call: ConvCall) -> None:
        nonlocal calls, value
        if call.name != record.name:
            return
        calls += 1
        if calls - 1 != record.call or call.items == 0:
            return
        first = filter_index // (record.out_channels // record.groups) * record.channels
        stages.append(Stage("input", f"channel {first + channel}", of_filter(call.input, first + channel, call.rank)))
        with_bias = of_filter(call.output, filter_index, call.rank)
        bias = None if call.bias is None else np.float32(call.bias.detach()[filter_index].item())
        without = with_bias if bias is None else with_bias - bias
        stages.append(Stage("response", record.name, without))
        if bias is not None:
            stages.append(Stage("bias", f"bias {bias:+.3g}".replace("-", "−"), with_bias))
        value = recorder.value_of(call.output)

    def on_value(operation: Operation, outputs: list[torch.Tensor]) -> None:
        nonlocal value
        if value is None or value not in operation.inputs:
            return
        kind = _STAGES.get(kind_of(operation))
        if kind is None or len(operation.inputs) != 1 or outputs[0].ndim < record.rank + 1:
            value = value if kind_of(operation) in _LOOKS and len(operation.inputs) == 1 else None
            return
        value = operation.outputs[0]
        if kind:
            stages.append(Stage(kind, label(operation, record.name), of_filter(outputs[0], filter_index, record.rank)))

    recorder = Recorder(on_conv, on_value)
    try:
        with runner.ready() as module, recorder.watching(module, batch):
            runner.call(module, batch)
    finally:
        recorder.let_go()
    return stages


_STAGES = {
    **dict.fromkeys(TRANSPARENT, ""),
    **dict.fromkeys(NORMALISATIONS, "normalisation"),
    **dict.fromkeys(NONLINEARITIES, "nonlinearity"),
    **dict.fromkeys(POOLS, "pool"),
}
_LOOKS = frozenset(["isnan", "isinf", "isfinite", "mean", "sum", "max", "min", "amax", "amin", "norm", "std", "var"])
"""What takes a map beside the way of the net, to check or to log it."""
