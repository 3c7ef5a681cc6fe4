"""Modes of torch in which the caller may be: they are left around what we compute, which is then the same in all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from filterscope.nets.modules import all_modules


@contextmanager
def plain_modes() -> Iterator[None]:
    """Leaves `torch.inference_mode` and `torch.autocast` in the body, whose tensors are then plain ones.

    A page's requests come in threads that are in no mode: their maps would differ from those that a cell asks for.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        if getattr(torch._C, "_is_any_autocast_enabled", lambda: True)():
            for device in ("cpu", "cuda"):
                stack.enter_context(torch.autocast(device, enabled=False))
        yield


@contextmanager
def plain_parameters(module: nn.Module) -> Iterator[None]:
    """Replaces tensors of a module that were made in inference mode by plain copies: autograd cannot save those.

    Args:
        module: The twin.
    """
    replaced: list[tuple[dict[str, Any], str, torch.Tensor]] = []
    copies: dict[int, torch.Tensor] = {}
    for part in all_modules(module):
        if isinstance(part, torch.jit.ScriptModule):
            continue
        own: tuple[dict[str, Any], dict[str, Any]] = part._parameters, part._buffers
        for tensors in own:
            for name, tensor in tensors.items():
                if tensor is not None and tensor.is_inference():
                    replaced.append((tensors, name, tensor))
                    tensors[name] = copies.setdefault(id(tensor), _plain(tensor))
    try:
        yield
    finally:
        for tensors, name, tensor in replaced:
            tensors[name] = tensor


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    copied = tensor.detach().clone()
    return nn.Parameter(copied, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copied
