"""Makes the smaller net: a copy with the removed channels' weights cut out and what they added folded in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd

from filterscope.errors import NetError
from filterscope.nets.runner import NetRunner
from filterscope.nets.wrappers import Unwrapped
from filterscope.surgery.bias_map import add_bias_map
from filterscope.surgery.channels import Channels
from filterscope.surgery.folding import Folded

Border = Literal["bias", "map"]
BORDERS: tuple[Border, Border] = ("bias", "map")


def cut_net(
    runner: NetRunner, channels: Channels, labels: set[int], folded: Sequence[Folded], border: Border
) -> tuple[nn.Module, tuple[str, ...]]:
    """A copy of a net without the channels of some labels, in eval mode; the net itself stays as it is.

    Args:
        runner: Runs the net.
        channels: Where the weights of each channel are.
        labels: Labels of the removed channels.
        folded: What they added to what follows them.
        border: `"map"` where a constant is another at the border of a padded convolution; `"bias"` takes its mean.

    Returns:
        The net, and the names of modules that gained a bias, which they had not.
    """
    net = runner.snapshot()
    gone = sorted(labels)
    gained = tuple(name for each in folded if (name := fold_into(net, channels, gone, each, border)))
    touched: set[str] = set()
    for name, axis, kept in _cuts(channels, gone):
        _cut(net, name, axis, kept)
        touched.add(name.rpartition(".")[0])
    for name in sorted(touched):
        _fit_numbers(net.get_submodule(name))
    while isinstance(net, Unwrapped):
        (net,) = net.children()
    return net.eval(), gained


def _cuts(channels: Channels, gone: list[int]) -> Iterable[tuple[str, int, np.ndarray]]:
    for (name, axis), labels in channels.cuts.items():
        keep = ~np.isin(labels, gone)
        if not keep.all():
            yield name, axis, np.flatnonzero(keep)


def owner_of(net: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that a parameter or buffer belongs to, and its name there."""
    owner, _, leaf = name.rpartition(".")
    return net.get_submodule(owner), leaf


def _tensor(net: nn.Module, name: str) -> torch.Tensor:
    module, leaf = owner_of(net, name)
    tensor = module._parameters.get(leaf, module._buffers.get(leaf))
    if tensor is None:
        raise NetError(f"the net has no {name} any more")
    return tensor


def _replace(net: nn.Module, name: str, value: torch.Tensor) -> None:
    """Puts other values in place of a parameter or buffer, in every module that has it."""
    old = _tensor(net, name)
    new = nn.Parameter(value, old.requires_grad) if isinstance(old, nn.Parameter) else value
    for module in net.modules():
        for tensors in (module._parameters, module._buffers):
            for leaf in [leaf for leaf, tensor in tensors.items() if tensor is old]:
                tensors[leaf] = new  # type: ignore[assignment]


def _cut(net: nn.Module, name: str, axis: int, kept: np.ndarray) -> None:
    old = _tensor(net, name).detach()
    _replace(net, name, old.index_select(axis, torch.from_numpy(kept).to(old.device)).clone())


def fold_into(net: nn.Module, channels: Channels, gone: list[int], folded: Folded, border: Border) -> str:
    """Adds what the removed channels added; returns the module's name where it gains a bias for that."""
    consumer = folded.consumer
    module, _ = owner_of(net, consumer.weight)
    weight = _tensor(net, consumer.weight).detach()
    if folded.partners:
        values = weight.clone()
        rows = values.movedim(consumer.axis, 0)
        for channel, gain in folded.partners.items():
            rows[channel] += gain.to(rows)
        _replace(net, consumer.weight, values)
    stays = torch.ones(len(folded.bias), dtype=torch.bool)
    if (outputs := channels.cuts.get((consumer.weight, consumer.outputs))) is not None:
        stays = torch.from_numpy(~np.isin(outputs, gone))
    if border == "map" and folded.map is not None and isinstance(module, _ConvNd):
        add_bias_map(module, folded.map[stays].to(weight))
        return ""
    if not bool(folded.bias.any()):
        return ""
    if consumer.bias is not None:
        bias = _tensor(net, consumer.bias).detach()
        _replace(net, consumer.bias, (bias.double() + folded.bias.to(bias.device)).to(bias))
    elif consumer.norm is not None and consumer.uses == 1:
        mean = _tensor(net, consumer.norm).detach()
        _replace(net, consumer.norm, (mean.double() - folded.bias.to(mean.device)).to(mean))
    else:
        name = consumer.weight.rpartition(".")[0]
        module.register_parameter("bias", nn.Parameter(folded.bias[stays].to(weight)))
        return name
    return ""


def _fit_numbers(module: nn.Module) -> None:
    """Brings the numbers by which a module of torch knows its shape in line with its weights."""
    weight = module._parameters.get("weight")
    shape = () if weight is None else tuple(weight.shape)
    if isinstance(module, _ConvNd):
        inputs, outputs = (0, 1) if module.transposed else (1, 0)
        before = module.out_channels if not module.transposed else module.in_channels
        if module.groups > 1:  # a grouped convolution loses whole groups
            module.groups = module.groups * shape[0] // before
            module.in_channels = shape[inputs] * (1 if module.transposed else module.groups)
            module.out_channels = shape[outputs] * (module.groups if module.transposed else 1)
        else:
            module.in_channels, module.out_channels = shape[inputs], shape[outputs]
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = shape
    elif isinstance(module, _NormBase):
        vector = weight if weight is not None else module.running_mean
        module.num_features = len(vector) if vector is not None else module.num_features
    elif isinstance(module, nn.GroupNorm) and shape:
        module.num_groups = module.num_groups * shape[0] // module.num_channels
        module.num_channels = shape[0]
    elif isinstance(module, nn.PReLU):
        module.num_parameters = shape[0]
