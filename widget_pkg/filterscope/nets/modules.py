"""The parts of a net that PyTorch does not list: modules and tensors in plain containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

HOOK_DICTS = (
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def all_modules(net: nn.Module) -> list[nn.Module]:
    """All modules of the net, also those in plain lists and dictionaries, which `net.modules()` leaves out."""
    modules: dict[int, nn.Module] = {}
    pending = [net]
    while pending:
        module = pending.pop()
        if id(module) in modules:
            continue
        modules[id(module)] = module
        kept = [value for value in module.__dict__.values() if isinstance(value, list | tuple | dict)]
        hidden = [part for value in kept for part in flat_values(value, depth=3) if isinstance(part, nn.Module)]
        pending += reversed([part for part in (*module._modules.values(), *hidden) if part is not None])
    return list(modules.values())


def nested_tensors(module: nn.Module) -> list[torch.Tensor]:
    """The tensors in a module's plain lists and dictionaries, in order."""
    plain = (value for name, value in module.__dict__.items() if name not in ("_parameters", "_buffers", "_modules"))
    kept = (value for value in plain if isinstance(value, list | tuple | dict))
    return [part for value in kept for part in flat_values(value, depth=3) if isinstance(part, torch.Tensor)]


def flat_values(value: Any, depth: int) -> Iterator[Any]:
    """The values in nested dicts, lists and tuples, down to a depth; any other value is yielded itself."""
    if depth and isinstance(value, dict | list | tuple):
        for item in list(value.values()) if isinstance(value, dict) else value:
            yield from flat_values(item, depth - 1)
    else:
        yield value
