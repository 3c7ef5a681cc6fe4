"""Records the steps from a layer's pre-activation to its activation, with their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from filterscope.nets.activations import TRANSPARENT, kind_of, label
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch
from filterscope.nets.runner import NetRunner
from filterscope.nets.tracing import Operation
from filterscope.receptive_field.fields import MapFields, map_fields
from filterscope.receptive_field.footprint_mode import FootprintMode


@dataclass(frozen=True)
class Step:
    """One step from pre-activation to activation.

    Attributes:
        name: Name of the module, else of the function: `bn1`, `relu`.
        value: The value after the step, float32 `()`; NaN where the position is in no window of a pool.
        position: The value's position in the step's output.
        note: For a pool, a phrase on which window the value is from; else "".
    """

    name: str
    value: np.float32
    position: tuple[int, ...]
    note: str = ""


@dataclass(frozen=True, eq=False)
class StepMap:
    """The whole output of a step.

    Attributes:
        name: The step's name.
        values: The output `(F, H, W)`, cloned, on the net's device and in its dtype.
        sees: What its positions see of the pre-activation; None where both maps have equal positions.
    """

    name: str
    values: torch.Tensor
    sees: MapFields | None


def record_steps(runner: NetRunner, batch: torch.Tensor, layer: int) -> list[StepMap] | None:
    """The outputs of the steps from one layer's convolution to its activation, in a pass that ends there.

    Args:
        runner: Runs the net.
        batch: The image as the net takes it, `(1, C, H, W)`.
        layer: Index of the layer.

    Returns:
        The steps in order; None where the pass does not reach the layer.
    """
    record = runner.layers[layer]
    steps: list[StepMap] = []
    mode, reached = FootprintMode(), False
    shape: tuple[int, ...] = ()

    def on_conv(index: int, call: ConvCall) -> None:
        nonlocal shape, reached
        if index != layer:
            return
        reached, shape = True, tuple(call.output.shape[-call.rank :])
        if not record.activation.path:
            watch.stop()
        mode.begin(call.output, call.rank)

    def on_step(index: int, operation: Operation, output: torch.Tensor, last: bool) -> None:
        if index != layer:
            return
        rank = len(shape)
        sees = mode.footprint_of(output)
        batched = output.ndim == rank + 2
        moved = tuple(output.shape[-rank:]) != shape
        fields = map_fields(sees, shape) if moved and sees is not None and batched else None
        if kind_of(operation) not in TRANSPARENT:
            values = output.detach()[0] if batched else output.detach()
            steps.append(StepMap(label(operation, record.name), values.clone(), fields))
        if last:
            watch.stop()

    watch = LayerWatch(runner.layers, on_conv, on_step)
    with runner.ready() as module, mode, watch.watching(module, batch):
        runner.call(module, batch)
    return steps if reached else None


def steps_at(maps: Sequence[StepMap], filter_index: int, position: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps of one position of one filter's map.

    After a pool, the value is from the window that has the position; of several windows, from the middle one.

    Args:
        maps: The steps' outputs, from `record_steps`.
        filter_index: Index of the filter.
        position: `(row, column)` in the layer's map.
    """
    steps = []
    for step in maps:
        if step.sees is None:
            steps.append(Step(step.name, _value(step, filter_index, position), position))
            continue
        place, note = _window(step.sees, filter_index, position)
        value = np.float32("nan") if place is None else _value(step, filter_index, place)
        steps.append(Step(step.name, value, place or (), note))
    return tuple(steps)


def _value(step: StepMap, filter_index: int, position: tuple[int, ...]) -> np.float32:
    value: np.float32 = np.float32(step.values[filter_index][position].item())
    return value


def _window(sees: MapFields, filter_index: int, position: tuple[int, ...]) -> tuple[tuple[int, ...] | None, str]:
    """The position in a smaller map whose window has a position of the pre-activation, or None; and a phrase on it."""
    fields = sees.of(filter_index)
    if fields is None:
        return None, ""
    place, windows = [0] * len(fields.shape), 1
    for axis, index in zip(fields.axes, position, strict=True):
        inside = np.flatnonzero((axis.inside[:, 0] <= index) & (index < axis.inside[:, 1]))
        if not len(inside):
            return None, "no window of the pool holds this position"
        if axis.along is not None:
            place[axis.along] = int(inside[len(inside) // 2])
            windows *= len(inside)
    text = f"at ({', '.join(map(str, place))})"
    return tuple(place), f"{text}, one of {windows} windows that hold this position" if windows > 1 else text
