"""Which of a net's hooks run in our passes: those without which it computes something else.

A hook may compute a weight, keep features for a skip connection, scale an output or fake a quantisation: then it is a
part of the net. Or it only watches: a logger, a plot of activations. Only the first kind runs here, as a copy that
refers to the twin. A hook belongs to the net where that can be seen: it is a method of one of the net's parts or was
defined in one, it refers to a part or to something that the net refers to, or PyTorch made it. Any other is tried: the
net is run once with copies of these hooks and once without, and those stay that make a difference.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from filterscope.nets.copying import Copies
from filterscope.nets.eval_mode import CopiesOfLive
from filterscope.nets.rest import ATOMIC, parts

_WEIGHT_HOOKS = (BasePruningMethod, SpectralNorm, WeightNorm)
_FORWARD = {
    "_forward_pre_hooks": ("_forward_pre_hooks_with_kwargs",),
    "_forward_hooks": ("_forward_hooks_with_kwargs", "_forward_hooks_always_called"),
}
# Packages of PyTorch's whose hooks compute: fake quantisation and observers, weight norms.
_COMPUTING = ("torch.nn.", "torch.ao.", "torch.quantization", "torchao.")
_OF_TORCH = frozenset(nn.Module().__dict__)  # the attributes that every module has
_MOST_GROUPS = 8  # of foreign hooks, which are tried one group after the other
_DEEPEST = 5
_MOST = 20_000


@dataclass(frozen=True, eq=False)
class Hook:
    """A hook of one of the net's modules.

    Attributes:
        module: The module.
        kind: `"_forward_hooks"` or `"_forward_pre_hooks"`.
        key: Its key there.
        function: The hook.
    """

    module: nn.Module
    kind: str
    key: int
    function: Any

    @property
    def name(self) -> str:
        """The function's name as a sentence has it."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        return str(getattr(function, "__qualname__", type(function).__name__))


class HookChoice:
    """Which of the hooks of a net run.

    Attributes:
        belonging: The hooks that can be seen to belong to the net.
        foreign: The others.
        kept: Those of the others without which the net computes something else.
        untried: Those of the others that cannot be copied, so that nobody knows what the net is without them.
    """

    def __init__(self) -> None:
        self.belonging: list[Hook] = []
        self.foreign: list[Hook] = []
        self.kept: list[Hook] = []
        self.untried: list[Hook] = []
        self._modules: list[nn.Module] = []
        self._seen: list[Any] = []
        self._functions: dict[int, Any] = {}  # the copies, by the id of the user's function

    def look(self, modules: list[nn.Module]) -> None:
        """Finds the hooks of some modules and which of them belong to the net; those chosen before stay chosen."""
        self._modules = [module for module in modules if not isinstance(module, torch.jit.ScriptModule)]
        self._seen = self.functions()
        chosen = {id(hook.function) for hook in self.kept}
        self.belonging, self.foreign = [], []
        hooks = [hook for hook in _hooks(self._modules) if not _checks(hook.function)]
        if not hooks:
            self.kept, self.untried = [], []
            return
        evidence = _Evidence(self._modules)
        for hook in hooks:
            (self.belonging if evidence.belongs(hook) else self.foreign).append(hook)
        self.kept = [hook for hook in self.foreign if id(hook.function) in chosen]

    def functions(self) -> list[Any]:
        """The functions that are hooks of the modules now."""
        return list(_functions(self._modules))

    def changed(self) -> bool:
        """Whether the modules have other hooks than when they were last looked at."""
        now = self.functions()
        return len(now) != len(self._seen) or any(a is not b for a, b in zip(now, self._seen, strict=True))

    def let_go(self) -> None:
        """Lets go of the copies; which hooks run stays chosen, and `install` makes copies anew."""
        self._functions = {}
        del self._copies

    def install(self, copies: CopiesOfLive) -> None:
        """Registers copies of the hooks that run on the copies of their modules."""
        self._copies = copies
        self._functions = {}
        for hook in self.belonging:
            weight = isinstance(hook.function, _WEIGHT_HOOKS)
            self._functions[id(hook.function)] = hook.function if weight else copies.of(hook.function)
        self.untried = []
        for hook in self.foreign:
            try:
                self._functions[id(hook.function)] = copies.isolated(hook.function)
            except Exception:
                self.untried.append(hook)
        self.register(self.kept)

    def register(self, foreign: Sequence[Hook]) -> None:
        """Registers the net's own hooks and some of the others on the copies, in the user's order."""
        running = [*self.belonging, *(hook for hook in foreign if id(hook.function) in self._functions)]
        chosen = {(id(hook.module), hook.kind, hook.key) for hook in running}
        for module in dict.fromkeys(hook.module for hook in (*self.belonging, *self.foreign)):
            own = self._copies.of(module)
            for kind, flags in _FORWARD.items():
                hooks = getattr(own, kind)
                hooks.clear()
                for key, function in getattr(module, kind).items():
                    if (id(module), kind, key) in chosen:
                        hooks[key] = self._functions[id(function)]
                for name in flags:
                    live_flags, own_flags = getattr(module, name), getattr(own, name)
                    own_flags.clear()
                    own_flags.update({key: flag for key, flag in live_flags.items() if key in hooks})

    def choose(self, outcome: Callable[[list[Hook]], Any]) -> None:
        """Finds the foreign hooks without which the net computes something else.

        Args:
            outcome: Runs the net with some of the foreign hooks, and returns its output, or the error that it raised.
        """
        candidates = [hook for hook in self.foreign if hook not in self.untried]
        self.kept = []
        if not candidates:
            return
        with_all = outcome(candidates)
        if _same_outcome(with_all, outcome([])):
            return
        groups: dict[Any, list[Hook]] = {}
        for hook in candidates:
            groups.setdefault(getattr(hook.function, "__code__", type(hook.function)), []).append(hook)
        if len(groups) > _MOST_GROUPS:
            self.kept = candidates
            return
        for group in groups.values():
            others = [hook for hook in candidates if hook not in group]
            if not _same_outcome(outcome(others), with_all):
                self.kept += group

    @property
    def note(self) -> str:
        """A sentence on hooks from outside of the net that change what it computes, or may; empty where none does."""
        sentences = []
        if self.kept:
            sentences.append(f"{_listed(self.kept)} changes what the net computes, so a copy of it runs here, too.")
        if self.untried:
            sentences.append(
                f"{_listed(self.untried)} does not run here, and cannot be tried: if it changes what the net computes, "
                "the maps are those without it."
            )
        return " ".join(sentences)


def copied_with_hooks(net: nn.Module, share_parameters: bool = False) -> nn.Module:
    """A copy of a net with copies of its hooks.

    Args:
        net: The net.
        share_parameters: Whether the copy has the net's own parameters; else it has copies of these, too.
    """
    copies = Copies(net, share_parameters=share_parameters)
    for own, live in copies.pairs():
        if not isinstance(live, torch.jit.ScriptModule):
            for kind, flags in _FORWARD.items():
                getattr(own, kind).update({key: copies.of(hook) for key, hook in getattr(live, kind).items()})
                for name in flags:
                    getattr(own, name).update(getattr(live, name))
    return copies.net


class _Evidence:
    """What can be seen of a net to tell whether a hook belongs to it."""

    def __init__(self, modules: list[nn.Module]) -> None:
        self._modules = {id(module) for module in modules}
        self._classes = {
            (kind.__module__, kind.__qualname__)
            for module in modules
            for kind in type(module).__mro__
            if not kind.__module__.startswith("torch.") and kind is not object
        }
        self._reached = {id(value): value for value in _reached_from(modules)}
        methods = {getattr(type(module), "forward", None) for module in modules}
        for forward in (part for method in methods for part in _with_wrapped(method)):
            if isinstance(forward, types.FunctionType) and not (forward.__module__ or "").startswith("torch."):
                names = forward.__code__.co_names
                shared = [forward.__globals__[name] for name in names if name in forward.__globals__]
                self._reached.update({id(value): value for value in shared if _can_be_written(value)})

    def belongs(self, hook: Hook) -> bool:
        """Whether a hook is seen to be a part of the net."""
        function = hook.function
        if isinstance(function, _WEIGHT_HOOKS):
            return True
        if hook.kind == "_forward_pre_hooks" and isinstance(hook.module.__dict__.get("weight"), torch.Tensor):
            return True  # it runs before a module with a plain tensor for its weight: it computes that
        while isinstance(function, functools.partial):
            function = function.func
        if (getattr(function, "__module__", None) or "").startswith(_COMPUTING):
            return True
        qualified = str(getattr(function, "__qualname__", "")).partition(".<locals>")[0].rpartition(".")[0]
        if (getattr(function, "__module__", None), qualified) in self._classes:
            return True
        return any(id(value) in self._modules or id(value) in self._reached for value in _referred(hook.function))


def _with_wrapped(function: Any) -> Iterator[Any]:
    """A function and all that it decorates, as `functools.wraps` notes it."""
    for _ in range(_DEEPEST):
        yield function
        function = getattr(function, "__wrapped__", None)


def _checks(function: Any) -> bool:
    """Whether a hook is one of PyTorch's that checks or counts, as exported programs have them for their inputs."""
    home = getattr(function, "__module__", None) or ""
    return home.startswith("torch.") and not home.startswith(_COMPUTING) and not isinstance(function, _WEIGHT_HOOKS)


def _referred(function: Any) -> Iterator[Any]:
    """What a hook refers to: the object that it is or is bound to, what it captured, the globals that it writes to."""
    pending = [function]
    while pending:
        value = pending.pop()
        if isinstance(value, types.MethodType):
            yield value.__self__
            pending.append(value.__func__)
        elif isinstance(value, functools.partial):
            yield from (*value.args, *value.keywords.values())
            pending.append(value.func)
        elif isinstance(value, types.FunctionType):
            for cell in parts(value):
                if isinstance(cell, types.CellType):
                    yield from parts(cell)
                else:
                    yield cell
            used = [value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__]
            yield from (item for item in used if _can_be_written(item))
        else:
            yield value


def _can_be_written(value: Any) -> bool:
    fixed = types.FunctionType | types.BuiltinFunctionType | types.ModuleType | type | nn.Module
    return type(value) not in ATOMIC and not isinstance(value, fixed)


def _reached_from(modules: list[nn.Module]) -> Iterator[Any]:
    """What the modules' own attributes refer to, but modules: not what is only reached by hooks."""
    seen: set[int] = set()
    pending = [(value, 0) for module in modules for name, value in module.__dict__.items() if name not in _OF_TORCH]
    while pending and len(seen) < _MOST:
        value, depth = pending.pop()
        if type(value) in ATOMIC or id(value) in seen or isinstance(value, type | types.ModuleType | nn.Module):
            continue
        seen.add(id(value))
        if not isinstance(value, torch.Tensor):
            yield value
        if depth < _DEEPEST:
            pending += [(part, depth + 1) for part in parts(value)]


def _hooks(modules: list[nn.Module]) -> Iterator[Hook]:
    for module in modules:
        for kind in _FORWARD:
            for key, function in getattr(module, kind).items():
                yield Hook(module, kind, key, function)


def _functions(modules: list[nn.Module]) -> Iterator[Any]:
    for module in modules:
        if module._forward_hooks:
            yield from module._forward_hooks.values()
        if module._forward_pre_hooks:
            yield from module._forward_pre_hooks.values()


def _same_outcome(outcome: Any, other: Any) -> bool:
    """Whether two runs gave equal tensors, or both raised the same kind of error."""
    if isinstance(outcome, Exception) or isinstance(other, Exception):
        return type(outcome) is type(other) and str(outcome) == str(other)
    tensors, others = list(_flat(outcome)), list(_flat(other))
    return len(tensors) == len(others) and all(map(_close, tensors, others))


def _close(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors are equal but for rounding, which is not the same each time on every device."""
    if tensor.shape != other.shape:
        return False
    return torch.allclose(tensor.double(), other.double(), rtol=1e-4, atol=1e-7, equal_nan=True)


def _flat(value: Any, depth: int = 4) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif depth:
        for part in parts(value):
            yield from _flat(part, depth - 1)


def _listed(hooks: Sequence[Hook]) -> str:
    names = list(dict.fromkeys(hook.name for hook in hooks))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"The hook {', '.join(names[:3])}{more}, registered from outside of the net,"
