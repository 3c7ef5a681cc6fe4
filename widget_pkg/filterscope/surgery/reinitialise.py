"""Filters begun anew in place of being removed: drawn afresh, and not heard by what follows at first."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from filterscope.nets.rng import seeded
from filterscope.nets.runner import NetRunner
from filterscope.nets.wrappers import Unwrapped
from filterscope.surgery.channels import Channels
from filterscope.surgery.cutting import fold_into, owner_of
from filterscope.surgery.folding import Folded

_FRESH = {"weight": 1.0, "bias": 0.0, "running_mean": 0.0, "running_var": 1.0}


def begin_anew(
    runner: NetRunner, channels: Channels, labels: set[int], folded: Sequence[Folded], seed: int
) -> nn.Module:
    """A copy of a net in which the channels of some labels are drawn afresh; the net itself stays as it is.

    Args:
        runner: Runs the net.
        channels: Where the weights of each channel are.
        labels: Labels of the channels.
        folded: What the channels' means added to what follows, which goes into its bias.
        seed: Of the random numbers.
    """
    net = runner.snapshot()
    gone = sorted(labels)
    for each in folded:
        fold_into(net, channels, [], each, "bias")
    inputs = {(consumer.weight, consumer.axis) for consumer in channels.consumers}
    with seeded(seed), torch.no_grad():
        for (name, axis), of_index in channels.cuts.items():
            places = torch.from_numpy(np.flatnonzero(np.isin(of_index, gone)))
            if len(places) and (name, axis) not in inputs:
                module, leaf = owner_of(net, name)
                tensor = getattr(module, leaf)
                fresh = _fresh(module, leaf).movedim(axis, 0)[places]
                tensor.movedim(axis, 0)[places.to(tensor.device)] = fresh.to(tensor)
        for (name, axis), of_index in channels.cuts.items():  # after what they are drawn afresh with
            places = torch.from_numpy(np.flatnonzero(np.isin(of_index, gone)))
            if len(places) and (name, axis) in inputs:
                _not_heard(net, channels, name, axis, places, gone)
    while isinstance(net, Unwrapped):
        (net,) = net.children()
    return net.eval()


def _fresh(module: nn.Module, leaf: str) -> torch.Tensor:
    """What a parameter or buffer is when its module is made; as it is where the module does not say. On the CPU."""
    made = copy.deepcopy(module).cpu()
    value: torch.Tensor = getattr(made, leaf)
    if isinstance(made, _NormBase | nn.GroupNorm):
        return torch.full_like(value, _FRESH.get(leaf, 0.0))
    reset = getattr(made, "reset_parameters", None)
    if reset is None:
        return value
    reset()
    value = getattr(made, leaf)
    return torch.zeros_like(value) if leaf == "bias" else value.detach()


def _not_heard(net: nn.Module, channels: Channels, name: str, axis: int, places: torch.Tensor, gone: list[int]) -> None:
    """Sets to 0 what the filters that stay take from these channels; the fresh ones are drawn with theirs."""
    module, leaf = owner_of(net, name)
    tensor = getattr(module, leaf)
    consumer = next(each for each in channels.consumers if (each.weight, each.axis) == (name, axis))
    outputs = channels.cuts.get((name, consumer.outputs))
    count = tensor.shape[consumer.outputs]
    stays = torch.ones(count, dtype=torch.bool) if outputs is None else torch.from_numpy(~np.isin(outputs, gone))
    both = tensor.movedim((consumer.outputs, axis), (0, 1))
    mask = torch.zeros(both.shape[:2], dtype=torch.bool)
    mask[:, places] = stays[:, None].expand(count, len(places))
    both[mask.to(tensor.device)] = 0
