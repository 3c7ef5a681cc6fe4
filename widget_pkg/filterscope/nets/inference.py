"""Nets whose tensors were made inside `torch.inference_mode()`: for gradients they need tensors of another kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from filterscope.nets.modules import all_modules


@contextmanager
def plain_parameters(module: nn.Module) -> Iterator[None]:
    """Replaces a module's inference tensors by plain copies in the body, because autograd cannot save those.

    Args:
        module: The twin.
    """
    replaced: list[tuple[dict[str, torch.Tensor | None], str, torch.Tensor]] = []
    copies: dict[int, torch.Tensor] = {}
    for part in all_modules(module):
        if isinstance(part, torch.jit.ScriptModule):
            continue
        for tensors in (part._parameters, part._buffers):
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
