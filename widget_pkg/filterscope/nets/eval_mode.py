"""A net in eval mode, without calling `eval()` on the user's own where that does more than set flags.

Layers may override `train()`: one that merges a low-rank update into its weight, one that expands a filter from its
basis, one that fuses its branches, one that keeps its norms frozen. Such a net is put into eval mode as a copy. Where
the copy differs in nothing but its flags, the flags are all that is taken from it. A net whose switching layers are in
eval mode already is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getattr_static
from typing import Any

import torch
from torch import nn

from filterscope.nets.copying import Copies
from filterscope.nets.modules import all_modules
from filterscope.nets.rest import Rest


class EvalMode:
    """How a net is in eval mode.

    Args:
        net: The net; it is not changed.

    Attributes:
        net: The net itself where eval mode differs in flags alone; else a copy in eval mode, with weights of its own.
        flags: What `training` is in eval mode, by the `id` of each module of the user's net.

    Raises:
        Exception: What a module raises that overrides `train()` and cannot be copied.
    """

    def __init__(self, net: nn.Module) -> None:
        modules = all_modules(net)
        self._switching = [module for module in modules if _has_a_switch_of_its_own(module)]
        self._modes = self._modes_now()
        self.net = net
        self.flags = {id(module): False for module in modules}
        self._copies: Copies | None = None
        if any(self._modes):
            self._try_on_a_copy()

    def holds(self) -> bool:
        """Whether the modules with a `train()` of their own are still in the mode in which they were."""
        return self._modes == self._modes_now()

    def _modes_now(self) -> list[bool]:
        return [module.training for module in self._switching]

    def _try_on_a_copy(self) -> None:
        copies = Copies(self.net, share_parameters=False)
        pairs = copies.pairs()
        rest = Rest([own for own, _ in pairs], parameters=True)
        if not to_eval(copies.net):
            return
        self.flags.update({id(live): own.training for own, live in pairs})
        if rest.changed(but="training"):
            self.net, self._copies = copies.net, copies

    def of_live(self, copies: Copies) -> CopiesOfLive:
        """Copies of what refers to the user's net, where `copies` are those of this net in eval mode."""
        return CopiesOfLive(self._copies, copies)


class CopiesOfLive:
    """Copies of what refers to the user's net, made by way of its copy in eval mode where there is one.

    Args:
        first: The copies from the user's net to that in eval mode; None where that is the user's net itself.
        second: The copies from there.
    """

    def __init__(self, first: Copies | None, second: Copies) -> None:
        self._first, self._second = first, second

    def of(self, value: Any) -> Any:
        """The copy of a value."""
        return self._second.of(value if self._first is None else self._first.of(value))

    def isolated(self, function: Any) -> Any:
        """A copy of somebody's function that changes nothing of theirs; see `Copies.isolated`."""
        return self._second.isolated(function) if self._first is None else self.of(self._first.isolated(function))


def to_eval(net: nn.Module) -> bool:
    """Puts a net into eval mode, with the modules in plain containers; False for one that has no modes."""
    reached: set[int] = set()
    for module in all_modules(net):
        if id(module) not in reached:
            try:
                module.eval()
            except NotImplementedError:  # exported programs have no modes: the export fixed one of them
                return False
            reached.update(id(part) for part in module.modules())
    return True


@contextmanager
def eval_in_place(net: nn.Module) -> Iterator[None]:
    """Puts the net itself into eval mode; after the body all is as it was: flags, buffers, attributes, containers."""
    modules = all_modules(net)
    flags = [(module, module.training) for module in modules]
    rest = Rest(modules, parameters=any(map(_has_a_switch_of_its_own, modules)))
    try:
        if not to_eval(net):
            set_flags([(module, False) for module in modules])
        yield
    finally:
        rest.put_back()
        set_flags(flags)


def set_flags(flags: list[tuple[nn.Module, bool]]) -> None:
    """Sets the modes of modules, without calling their `train()`; a module that is in its mode is left alone."""
    for module, training in flags:
        if module.training != training:
            module.training = training


def _has_a_switch_of_its_own(module: nn.Module) -> bool:
    """Whether `train()`, `eval()` or a write of `training` runs code of the module's own."""
    if isinstance(module, torch.jit.ScriptModule):
        return False
    kind = type(module)
    if kind.train is not nn.Module.train or kind.eval is not nn.Module.eval:
        return True
    if hasattr(getattr_static(kind, "training", None), "__set__"):
        return True
    return bool({"train", "eval"} & module.__dict__.keys())
