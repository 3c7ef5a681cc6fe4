"""How large a net is: parameters, multiply-adds, and how long it takes on this machine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from filterscope.nets.runner import NetRunner
from filterscope.surgery.channels import Channels

_REPEATS = 9


@dataclass(frozen=True)
class Size:
    """How large a net is.

    Attributes:
        parameters: How many numbers its parameters have.
        multiply_adds: Multiplications of its convolutions and matrix products for one image.
        seconds: Processor time of one image on this machine, the shortest of several passes.

    Example:
        >>> from filterscope import demo, diagnose
        >>> found = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=200, progress=False)
        >>> plan = found.plan(remove={"conv2": [11]})
        >>> plan.before.parameters - plan.after.parameters > 0
        True
    """

    parameters: int
    multiply_adds: int
    seconds: float


class ParameterCount:
    """Counts the parameters that a net keeps as channels go.

    Args:
        module: The net.
        channels: Where the weights of each channel are.

    Attributes:
        total: How many parameters the net has.
        left: How many are left.
    """

    def __init__(self, module: nn.Module, channels: Channels) -> None:
        self._shapes = {name: list(parameter.shape) for name, parameter in module.named_parameters()}
        self.total = self.left = sum(map(prod, self._shapes.values()))
        self._of_label: dict[int, list[tuple[str, int, int]]] = {}
        for (name, axis), labels in channels.cuts.items():
            if name in self._shapes:
                for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
                    self._of_label.setdefault(int(label), []).append((name, axis, int(count)))

    def remove(self, labels: Iterable[int]) -> None:
        """Takes the channels of these labels away."""
        for label in labels:
            for name, axis, count in self._of_label.get(label, ()):
                before = prod(self._shapes[name])
                self._shapes[name][axis] -= count
                self.left += prod(self._shapes[name]) - before

    def of(self, labels: Iterable[int]) -> int:
        """How many parameters the channels of these labels have, as things are now."""
        fewer: dict[str, list[int]] = {}
        for label in labels:
            for name, axis, count in self._of_label.get(label, ()):
                fewer.setdefault(name, list(self._shapes[name]))[axis] -= count
        return sum(prod(self._shapes[name]) - prod(shape) for name, shape in fewer.items())


def measure_sizes(runner: NetRunner, nets: Mapping[str, nn.Module | None], batch: torch.Tensor) -> dict[str, Size]:
    """Measures nets in turn, so that what else the machine does meets all alike.

    Args:
        runner: Runs the first net, and knows how the others are called.
        nets: By name; None stands for the runner's own.
        batch: Images, from `runner.batch`.
    """
    seconds: dict[str, list[float]] = {name: [] for name in nets}
    sizes = {}

    def run(net: nn.Module | None) -> None:
        with runner.ready() as module:
            runner.call(module if net is None else net, batch.clone())

    for name, net in nets.items():
        counter = FlopCounterMode(display=False)
        with counter:
            run(net)
        multiply_adds = int(counter.get_total_flops()) // 2 // len(batch)
        parameters = sum(parameter.numel() for parameter in (net or runner.net).parameters())
        sizes[name] = (parameters, multiply_adds)
    for _ in range(_REPEATS):
        for name, net in nets.items():
            start = time.process_time()
            run(net)
            seconds[name].append((time.process_time() - start) / len(batch))
    return {name: Size(*sizes[name], min(seconds[name])) for name in nets}
