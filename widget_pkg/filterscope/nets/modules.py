"""The parts of a net that PyTorch does not list: modules in plain containers, and those that a function captures."""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
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


def to_eval(net: nn.Module) -> None:
    """Puts a net into eval mode; for an exported program only the flags change."""
    try:
        net.eval()
    except NotImplementedError:  # exported programs have no modes: the export fixed one of them
        for module in net.modules():
            module.training = False


def refuse_hidden_modules(module: nn.Module, parts: set[int]) -> None:
    """Refuses a module with a function that captured a part of the net: a copy would run the user's own part.

    Args:
        module: The module whose attributes are looked through.
        parts: The `id` of each module of the net.

    Raises:
        TypeError: If there is such a function.
    """
    for name, value in module.__dict__.items():
        if name in ("_compiled_call_impl", "_modules") or name in HOOK_DICTS:  # a copy is made without the first
            continue
        for function in flat_values(value, depth=2):
            if isinstance(function, torch.Tensor | nn.Module):
                continue
            for captured in _held_by(function, depth=3):
                if id(captured) in parts:
                    raise TypeError(
                        f"{type(module).__name__}.{name} is a function that holds a {type(captured).__name__}"
                    )


def _held_by(value: Any, depth: int) -> Iterator[Any]:
    """The objects that a function captures or a weak reference refers to, also through methods and partials."""
    if isinstance(value, weakref.ref):
        yield value()
    elif depth and isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            yield from _held_by(part, depth - 1)
    elif depth and inspect.ismethod(value):
        yield from _held_by(value.__func__, depth)
    elif depth and inspect.isfunction(value):
        names = inspect.getclosurevars(value)
        for captured in (*names.nonlocals.values(), *names.globals.values(), *(value.__defaults__ or ())):
            yield getattr(captured, "__self__", captured)
            yield from _held_by(captured, depth - 1)


@contextmanager
def restored(net: nn.Module) -> Iterator[None]:
    """Puts the net into eval mode; after the body each module has its flag, buffers and attributes back."""
    before: list[tuple[nn.Module, dict[str, Any], dict[str, Any], list[Any]]] = []
    for module in all_modules(net):
        if isinstance(module, torch.jit.ScriptModule):
            before.append((module, {"training": module.training}, {}, []))
            continue
        plain = {name: value for name, value in module.__dict__.items() if name not in ("_parameters", "_modules")}
        tensors = (*module._buffers.values(), *plain.values(), *nested_tensors(module))
        values = [(tensor, tensor.detach().clone()) for tensor in tensors if isinstance(tensor, torch.Tensor)]
        before.append((module, plain, dict(module._buffers), values))
    try:
        to_eval(net)
        yield
    finally:
        for module, plain, buffers, values in before:
            if not isinstance(module, torch.jit.ScriptModule):
                for name in module.__dict__.keys() - plain.keys() - {"_parameters", "_modules"}:
                    del module.__dict__[name]
                module.__dict__.update(plain)
                module._buffers.update(buffers)
            module.training = plain["training"]
            for tensor, value in values:
                if not torch.equal(tensor, value):
                    tensor.data.copy_(value)
