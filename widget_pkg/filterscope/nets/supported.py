"""Checks that the user's net can be shown, and says why another object cannot."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn

from filterscope.errors import NetError, kind_of

QUANTISED, DEFORMABLE = "quantised, with packed weights", "deformable"
_DEFORMABLE = re.compile(r"deform\w*conv|dcn", re.IGNORECASE)


def as_module(net: Any) -> nn.Module:
    """The module to show: the net itself, or the module of an exported program.

    Raises:
        TypeError: If `net` is not a net.
        NetError: If its weights have no values yet.
    """
    if isinstance(net, torch.export.ExportedProgram):
        return net.module()
    if not isinstance(net, nn.Module):
        description = f"the class {net.__name__}" if isinstance(net, type) else kind_of(net)
        hint = "; call it to make a net" if isinstance(net, type) and issubclass(net, nn.Module) else ""
        if isinstance(net, dict):
            hint = "; a state_dict holds weights alone: make the net and call net.load_state_dict(...)"
        raise TypeError(f"net is {description}; expected a torch.nn.Module{hint}")
    _refuse_without_values(net)
    return net


def _refuse_without_values(net: nn.Module) -> None:
    tensors = [*net.named_parameters(), *net.named_buffers()]
    lazy = [name for name, tensor in tensors if nn.parameter.is_lazy(tensor)]
    if lazy:
        raise NetError(
            f"the net has lazy modules that saw no image yet ({_listed(lazy)} have no values); run it once on a batch "
            "of images, net(images), so that it makes its weights, then show it"
        )
    empty = [name for name, tensor in tensors if tensor.device.type == "meta"]
    if empty:
        raise NetError(
            f"weights of the net are on the meta device ({_listed(empty)}), where tensors have no values; load them, "
            "e.g. net.to_empty(device='cpu') and net.load_state_dict(...)"
        )


def unseen_parts(net: nn.Module) -> dict[str, str]:
    """Why parts of the net that look like convolutions may compute unseen, by name: by kernels that are not torch's."""
    reasons = {}
    for name, module in net.named_modules():
        kind = type(module)
        if ".quantized" in kind.__module__ and "Conv" in kind.__name__:
            reasons[name or kind.__name__] = QUANTISED
        elif _DEFORMABLE.search(kind.__name__) and "weight" in dict(module._parameters.items()):
            reasons[name or kind.__name__] = DEFORMABLE
    return reasons


def _listed(names: list[str]) -> str:
    """The first three names, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
