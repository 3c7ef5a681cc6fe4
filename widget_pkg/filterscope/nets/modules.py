"""What a net consists of, beyond what PyTorch lists: parts in plain containers, and functions that hold on to parts."""

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
    """The net's modules, and those that a module keeps in a plain list or dictionary, which PyTorch does not know."""
    found: dict[int, nn.Module] = {}
    waiting = [net]
    while waiting:
        module = waiting.pop()
        if id(module) in found:
            continue
        found[id(module)] = module
        kept = [value for value in module.__dict__.values() if isinstance(value, list | tuple | dict)]
        hidden = [part for value in kept for part in flat_values(value, depth=3) if isinstance(part, nn.Module)]
        waiting += reversed([part for part in (*module._modules.values(), *hidden) if part is not None])
    return list(found.values())


def nested_tensors(module: nn.Module) -> list[torch.Tensor]:
    """Tensors that a module keeps in plain lists and dictionaries."""
    plain = (value for name, value in module.__dict__.items() if name not in ("_parameters", "_buffers", "_modules"))
    kept = (value for value in plain if isinstance(value, list | tuple | dict))
    return [part for value in kept for part in flat_values(value, depth=3) if isinstance(part, torch.Tensor)]


def flat_values(value: Any, depth: int) -> Iterator[Any]:
    """What nested dicts, lists and tuples hold; anything else is itself."""
    if depth and isinstance(value, dict | list | tuple):
        for item in list(value.values()) if isinstance(value, dict) else value:
            yield from flat_values(item, depth - 1)
    else:
        yield value


def to_eval(net: nn.Module) -> None:
    """Puts a net into eval mode, exported programs too."""
    try:
        net.eval()
    except NotImplementedError:  # exported programs have no modes: what differs between them was fixed at the export
        for module in net.modules():
            module.training = False


def refuse_hidden_modules(module: nn.Module, parts: set[int]) -> None:
    """A function that holds a part of the net would run the user's own, whatever is copied around it."""
    for name, value in module.__dict__.items():
        if name in ("_compiled_call_impl", "_modules") or name in HOOK_DICTS:  # a copy comes without the first
            continue
        for function in flat_values(value, depth=2):
            if isinstance(function, torch.Tensor | nn.Module):
                continue
            for held in _held_by(function, depth=3):
                if id(held) in parts:
                    raise TypeError(f"{type(module).__name__}.{name} is a function that holds a {type(held).__name__}")


def _held_by(value: Any, depth: int) -> Iterator[Any]:
    """What a function or a weak reference holds on to; methods and partial functions are copied with what they hold."""
    if isinstance(value, weakref.ref):
        yield value()
    elif depth and isinstance(value, functools.partial):
        for part in (value.func, *value.args, *value.keywords.values()):
            yield from _held_by(part, depth - 1)
    elif depth and inspect.ismethod(value):
        yield from _held_by(value.__func__, depth)
    elif depth and inspect.isfunction(value):
        names = inspect.getclosurevars(value)
        for held in (*names.nonlocals.values(), *names.globals.values(), *(value.__defaults__ or ())):
            yield getattr(held, "__self__", held)
            yield from _held_by(held, depth - 1)


@contextmanager
def restored(net: nn.Module) -> Iterator[None]:
    """Eval mode inside; after it each module has its own flag, buffers, tensors and other attributes again."""
    before: list[tuple[nn.Module, dict[str, Any], dict[str, Any], list[Any]]] = []
    for module in all_modules(net):
        if isinstance(module, torch.jit.ScriptModule):
            before.append((module, {"training": module.training}, {}, []))
            continue
        plain = {name: value for name, value in module.__dict__.items() if name not in ("_parameters", "_modules")}
        held = (*module._buffers.values(), *plain.values(), *nested_tensors(module))
        values = [(tensor, tensor.detach().clone()) for tensor in held if isinstance(tensor, torch.Tensor)]
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
