"""A copy of the user's net in eval mode, the twin, on which every pass runs: the user's own net is never changed.

The twin is the module tree copied with its parameters shared, so it costs no memory and always has the live weights.
Buffers and plain tensor attributes are copied, because a forward pass may write to them, and brought up to date before
each pass. The user's hooks do not run on the twin, except those that compute a weight (weight norm, spectral norm,
pruning).
"""

from __future__ import annotations

import copy
import warnings
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from filterscope.errors import describe_exception
from filterscope.nets.modules import HOOK_DICTS, all_modules, nested_tensors, refuse_hidden_modules, restored, to_eval
from filterscope.nets.plain_tensors import checked, copied, describe, is_plain, overwrite

_WEIGHT_HOOKS = (BasePruningMethod, SpectralNorm, WeightNorm)
# Wrappers that run another module on other devices or compiled, each with the name of its attribute for that module.
_WRAPPERS = {"OptimizedModule": "_orig_mod", "DataParallel": "module", "DistributedDataParallel": "module"}
_SAMPLED_VALUES = 1_024  # of each tensor, besides the sum of all its bits


class Twin:
    """Runs the user's net in eval mode without changing it.

    Args:
        net: The user's net.

    Attributes:
        in_place: True where the net cannot be copied, so that passes run on the net itself. Its flags and buffers are
            then restored after each pass; the user's hooks run, and nothing else may run the net meanwhile.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.in_place = False
        self.rebuild()

    def rebuild(self) -> None:
        """Copies the module tree again; needed after a change of the net's structure."""
        self._parts = _parts(self.net)
        try:
            self._module = _share(self.net)
        except Exception as error:
            if not self.in_place:
                warnings.warn(
                    f"this net cannot be copied ({describe_exception(error)}), so filterscope runs it itself, in eval "
                    "mode, and restores its flags and buffers after each pass. Do not train it in another thread while "
                    "the explorer is moved.",
                    stacklevel=2,
                )
            self.in_place = True
            self._module = self.net

    @contextmanager
    def ready(self) -> Iterator[nn.Module]:
        """Yields the module to run, in eval mode and with the live weights and buffers."""
        if self.changed_in_structure():
            self.rebuild()
        if self.in_place:
            with restored(self.net):
                yield self.net
            return
        for module, live in zip(all_modules(self._module), all_modules(self.net), strict=True):
            if isinstance(module, torch.jit.ScriptModule):
                _copy_values(module, live)
                continue
            _bring_up_to_date(module._buffers, live._buffers)
            _bring_up_to_date(module.__dict__, live.__dict__)
            for own, value in zip(nested_tensors(module), nested_tensors(live), strict=False):
                overwrite(own, value)
        yield self._module

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, with tensors of its own."""
        with self.ready() as module:
            copied = copy.deepcopy(module)
        for parameter in copied.parameters():
            parameter.grad = None
        return copied

    def changed_in_structure(self) -> bool:
        """Whether the net has other modules, parameters or buffers than when it was copied."""
        return not _same_parts(self._parts, _parts(self.net))

    def checksum(self) -> int:
        """A number that changes when a weight or buffer of the net changes, also where `_version` does not (`.data`).

        It is a CRC-32 over each tensor's identity, its version counter, the sum of all its bits as integers, and about
        1,024 evenly spaced values.
        """
        checksum = 0
        for tensor in _parts(self.net)[1]:
            address = tensor.data_ptr() if is_plain(tensor) else 0  # a sparse tensor has no one address
            checksum = zlib.crc32(f"{id(tensor)} {address}".encode(), checksum)
            checksum = zlib.crc32(_digest(tensor), checksum)
        for module in all_modules(self.net):
            direct = [value for value in module.__dict__.values() if isinstance(value, torch.Tensor)]
            for value in (*direct, *nested_tensors(module)):
                checksum = zlib.crc32(_digest(value), checksum)
        return checksum


def _digest(tensor: torch.Tensor) -> bytes:
    if not is_plain(tensor):
        return checked(tensor, _digest)
    head = describe(tensor)
    flat = tensor.detach().reshape(-1)
    if not flat.numel():
        return head
    step = -(-flat.numel() // _SAMPLED_VALUES)
    sampled = flat[::step].contiguous().cpu().view(torch.uint8).numpy().tobytes()
    if step == 1:
        return head + sampled
    whole = flat.contiguous().view(torch.uint8)
    end = whole.numel() // 8 * 8
    if whole.device.type == "cpu":  # 100 MB in 8 ms; torch took 16
        total = int(np.add.reduce(whole[:end].numpy().view(np.int64)))
    else:
        total = int(whole[:end].view(torch.int64).sum())
    return head + f"{total}".encode() + whole[end:].cpu().numpy().tobytes() + sampled


def _bring_up_to_date(own: dict[str, Any], live: dict[str, Any]) -> None:
    """Copies the live values of plain tensors into the twin; parameters are the same objects in both."""
    for name, value in live.items():
        if not isinstance(value, torch.Tensor) or isinstance(value, nn.Parameter):
            continue
        before = own.get(name)
        if not (isinstance(before, torch.Tensor) and overwrite(before, value)):
            own[name] = copied(value)


def _copy_values(own: nn.Module, live: nn.Module) -> None:
    """Copies all parameters and buffers of a live scripted module: its copy shares none of them."""
    for (_, copied), (_, value) in zip(_named_tensors(own), _named_tensors(live), strict=True):
        copied.data.copy_(value.detach())


def _named_tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]


def _parts(net: nn.Module) -> tuple[list[nn.Module], list[torch.Tensor]]:
    """The net's modules, and its parameters and buffers in order; a shared tensor appears once for each module."""
    modules = all_modules(net)
    tensors = [
        tensor
        for module in modules
        for tensor in (*module._parameters.values(), *module._buffers.values())
        if tensor is not None and not nn.parameter.is_lazy(tensor)
    ]
    return modules, tensors


def _same_parts(before: tuple[list[Any], list[Any]], now: tuple[list[Any], list[Any]]) -> bool:
    return all(
        len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True)) for a, b in zip(before, now, strict=True)
    )


class _Plain(nn.Module):
    """Replaces a wrapper in the twin: it has the wrapped module under the wrapper's name for it, and calls it."""

    def __init__(self, name: str, module: nn.Module) -> None:
        super().__init__()
        self.add_module(name, module)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        (module,) = self.children()
        return module(*args, **kwargs)


def _wrapped(module: nn.Module) -> str | None:
    """The name under which a wrapper holds its module; None for a module that is no wrapper."""
    # By the class's name: importing torch.compile's machinery takes more than a second.
    torch_classes = (kind for kind in type(module).__mro__ if kind.__module__.startswith("torch."))
    return next((_WRAPPERS[kind.__name__] for kind in torch_classes if kind.__name__ in _WRAPPERS), None)


def _share(net: nn.Module) -> nn.Module:
    """A copy of `net` in eval mode: modules new, parameters shared, buffers cloned, without the user's hooks."""
    memo: dict[int, Any] = {}
    kept: list[Any] = []  # the memo's keys are ids: their objects must live until the copy is made
    wrappers = [(module, _wrapped(module)) for module in all_modules(net)]
    parts = {id(module) for module, _ in wrappers}
    for module, wrapped in wrappers:
        if isinstance(module, torch.jit.ScriptModule):
            continue
        if wrapped is None:
            refuse_hidden_modules(module, parts)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            memo[id(tensor)] = tensor
        direct = [value for value in module.__dict__.values() if isinstance(value, torch.Tensor)]
        for value in (*direct, *nested_tensors(module)):
            memo[id(value)] = value if isinstance(value, nn.Parameter) else copied(value)
            kept.append(value)
        for name in HOOK_DICTS:
            hooks = module.__dict__.get(name)
            if hooks is not None:
                memo[id(hooks)] = OrderedDict(
                    (key, hook) for key, hook in hooks.items() if _computes_weight(module, name, hook)
                )
                kept.append(hooks)
    for module, wrapped in reversed(wrappers):  # the innermost first
        if wrapped is not None:
            memo[id(module)] = _Plain(wrapped, copy.deepcopy(getattr(module, wrapped), memo))
    twin = copy.deepcopy(net, memo)
    for module in all_modules(twin):
        to_eval(module)
    buffers: dict[int, torch.Tensor] = {}
    for module in all_modules(twin):
        if isinstance(module, torch.jit.ScriptModule):
            continue
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffers.setdefault(id(buffer), copied(buffer))
    return twin


def _computes_weight(module: nn.Module, kind: str, hook: Any) -> bool:
    """Whether a hook computes a weight: one of torch's, or any that runs before a module with a plain tensor for it."""
    if isinstance(hook, _WEIGHT_HOOKS) or hook is True:  # the *_with_kwargs dicts hold True
        return True
    return kind == "_forward_pre_hooks" and isinstance(module.__dict__.get("weight"), torch.Tensor)
