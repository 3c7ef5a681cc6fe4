"""A copy of the user's net in eval mode, the twin, on which every pass runs: the user's own net is never changed.

The twin is the module tree copied with its parameters shared, so it costs no memory and always has the live weights.
Buffers and plain tensor attributes are copied, because a forward pass may write to them, and brought up to date before
each pass. All else that the modules keep is put back as it was before each pass (`rest`), so every pass begins from the
net at rest. Of the hooks only those run that belong to the net (`hooks`).
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import describe_exception
from filterscope.nets.copying import Copies
from filterscope.nets.eval_mode import EvalMode, eval_in_place, set_flags
from filterscope.nets.hooks import Hook, HookChoice, copied_with_hooks
from filterscope.nets.modules import HOOK_DICTS, all_modules, nested_tensors
from filterscope.nets.plain_tensors import checked, is_plain
from filterscope.nets.rest import ATOMIC, Rest

_SAMPLED_VALUES = 1_024  # of each tensor, besides the sum of all its bits
_OF_THE_TWIN = frozenset([*HOOK_DICTS, "_parameters", "_buffers", "_modules", "training", "_compiled_call_impl"])


class Twin:
    """Runs the user's net in eval mode without changing it.

    Args:
        net: The user's net.

    Attributes:
        in_place: True where the net cannot be copied, so that passes run on the net itself. Its flags, buffers and
            attributes are then restored after each pass; the user's hooks run, and nothing else may run the net
            meanwhile.
        hooks: Which of the net's hooks run.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.in_place = False
        self.hooks = HookChoice()
        self._write_arrays = False  # whether large arrays are copied, too: only once the net was seen to write to one
        self._asleep = False
        self.rebuild()

    def rebuild(self) -> None:
        """Copies the module tree again; needed after a change of the net's structure."""
        self._parts = _parts(self.net)
        self.hooks.look(self._parts[0])
        try:
            self._copy()
        except Exception as error:
            if not self.in_place:
                warnings.warn(
                    f"this net cannot be copied ({describe_exception(error)}), so filterscope runs it itself, in eval "
                    "mode, and restores its flags and buffers after each pass. Do not train it in another thread while "
                    "the explorer is moved.",
                    stacklevel=2,
                )
            self.in_place = True
            self._asleep = False
            self._module = self.net

    def sleep(self) -> None:
        """Lets go of the copy while nobody runs it; the next pass makes it anew, with the hooks that were chosen."""
        if self.in_place or self._asleep:
            return
        self._asleep = True
        self.hooks.let_go()
        del self._eval, self._pairs, self._rest, self._module, self._own_modules

    def _copy(self) -> None:
        self._eval = EvalMode(self.net)
        self._evaluated_for = None if self._eval.net is self.net else self.checksum()
        copies = Copies(self._eval.net, write_arrays=self._write_arrays)
        pairs = copies.pairs()
        set_flags([(own, self._eval.flags.get(id(live), live.training)) for own, live in pairs])
        self.hooks.install(self._eval.of_live(copies))
        self._pairs = [_Pair(own, live, copies) for own, live in pairs]
        self._rest = self._at_rest()
        self._module = copies.net
        self._is_at_rest = True
        self._own_modules = {id(module) for module in copies.net.modules()}
        self.in_place = self._asleep = False

    @property
    def copies_arrays(self) -> bool:
        """Whether large NumPy arrays are copied, as the net was seen to write to one; else the twin shares them."""
        return self._write_arrays

    @contextmanager
    def ready(self) -> Iterator[nn.Module]:
        """Yields the module to run, in eval mode, with the live weights and buffers and all else as at rest."""
        if self._is_outdated():
            self.rebuild()
        if self.in_place:
            with eval_in_place(self.net):
                yield self.net
            return
        if not self._is_at_rest:  # the last pass was broken off while it was put back
            self._rest.put_back()
        assigned = [pair.bring_up_to_date() for pair in self._pairs]
        if any(assigned):
            self._rest = self._at_rest()
        self._is_at_rest = False
        try:
            yield self._module
        except ValueError as error:
            if "read-only" not in str(error) or self._write_arrays:
                raise
            self._write_arrays = True  # the net writes to a large array of its own: from now on to a copy
            self._copy()
            raise
        finally:
            self._rest.put_back()  # now and not before the next pass: what this one kept is free to go
            self._is_at_rest = True

    def _at_rest(self) -> Rest:
        live_tensors = [tensor for pair in self._pairs for tensor in _tensors(pair.own)]
        return Rest([pair.own for pair in self._pairs], live_tensors)

    def choose_hooks(self, run: Callable[[], Any]) -> None:
        """Finds the hooks from outside of the net that change what it computes; these run from then on, as copies.

        Args:
            run: Runs the net on an image and returns its output.
        """
        if self._asleep:
            self.rebuild()
        if self.in_place or not self.hooks.foreign:
            return

        def outcome(hooks: Sequence[Hook]) -> Any:
            self.hooks.register(hooks)
            self._rest = self._at_rest()
            try:
                return run()
            except Exception as error:
                return error

        self.hooks.choose(outcome)
        self.hooks.register(self.hooks.kept)
        self._rest = self._at_rest()

    def keep_all_hooks(self) -> None:
        """Has all hooks run, of a net that has none but those that were chosen: what `snapshot` gave."""
        if self.in_place or not self.hooks.foreign:
            return
        self.hooks.kept = list(self.hooks.foreign)
        self.hooks.register(self.hooks.kept)
        self._rest = self._at_rest()

    def _is_outdated(self) -> bool:
        if self._asleep or self.changed_in_structure():
            return True
        if self.in_place:
            return False
        if not self._eval.holds():
            return True
        return self._evaluated_for is not None and self._evaluated_for != self.checksum()

    def parts_made(self) -> list[str]:
        """Names of the modules that the last pass added to the twin: the net makes them when it is first run."""
        if self.in_place or self._asleep:
            return []
        return [name for name, module in self._module.named_modules() if id(module) not in self._own_modules]

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, with tensors of its own."""
        with self.ready() as module:
            return copied_with_hooks(module)

    def changed_in_structure(self) -> bool:
        """Whether the net has other modules, parameters, buffers or hooks than when it was copied."""
        return not _same_parts(self._parts, _parts(self.net)) or self.hooks.changed()

    def checksum(self) -> int:
        """A number that changes when a weight or buffer of the net changes, also where `_version` does not (`.data`).

        It is a CRC-32 over each tensor's identity, its version counter, the sum of all its bits as integers, and about
        1,024 evenly spaced values.
        """
        checksum = 0
        for hook in self.hooks.functions():
            checksum = zlib.crc32(f"{id(hook)}".encode(), checksum)
        for tensor in _parts(self.net)[1]:
            address = tensor.data_ptr() if is_plain(tensor) else 0  # a sparse tensor has no one address
            checksum = zlib.crc32(f"{id(tensor)} {address}".encode(), checksum)
            checksum = zlib.crc32(_digest(tensor), checksum)
        for module in all_modules(self.net):
            direct = [value for value in module.__dict__.values() if isinstance(value, torch.Tensor)]
            for value in (*direct, *nested_tensors(module)):
                checksum = zlib.crc32(_digest(value), checksum)
        return checksum


class _Pair:
    """A module of the twin and the live one, of which it takes over what changes."""

    def __init__(self, own: nn.Module, live: nn.Module, copies: Copies) -> None:
        self.own, self._live, self._copies = own, live, copies
        self._scripted = isinstance(own, torch.jit.ScriptModule)
        if not self._scripted:
            self._see()

    def bring_up_to_date(self) -> bool:
        """Copies the live values of tensors, and takes over what was assigned to the live module's attributes.

        Returns:
            Whether anything was assigned.
        """
        if self._scripted:
            _copy_values(self.own, self._live)
            return False
        assigned = not _same(self._live.__dict__, self._attributes) or not _same(self._live._buffers, self._buffers)
        if assigned:
            self._take_over(self.own.__dict__, self._live.__dict__, self._attributes)
            self._take_over(self.own._buffers, self._live._buffers, self._buffers)
            self._see()
        for own, live in self._tensors:
            own.data.copy_(live.detach())
        return assigned

    def _see(self) -> None:
        self._attributes, self._buffers = dict(self._live.__dict__), dict(self._live._buffers)
        both = zip(_tensors(self.own), _tensors(self._live), strict=False)
        self._tensors = [(own, live) for own, live in both if _alike(own, live)]

    def _take_over(self, own: dict[str, Any], live: dict[str, Any], seen: dict[str, Any]) -> None:
        for name in seen.keys() - live.keys() - _OF_THE_TWIN:
            own.pop(name, None)
        for name, value in live.items():
            if name in _OF_THE_TWIN or (name in seen and seen[name] is value):
                continue
            if isinstance(value, torch.Tensor) and _alike(own.get(name), value):
                continue  # its values are copied at each pass
            own[name] = value if type(value) in ATOMIC else self._copies.fresh(value)


def _alike(own: Any, live: torch.Tensor) -> bool:
    if not (isinstance(own, torch.Tensor) and is_plain(own) and is_plain(live)):
        return False
    return own.shape == live.shape and own.dtype == live.dtype


def _tensors(module: nn.Module) -> list[torch.Tensor]:
    """The tensors of a module that a pass may write to: buffers, and attributes, also in lists and dictionaries."""
    if isinstance(module, torch.jit.ScriptModule):
        return []
    attributes = (*module._buffers.values(), *module.__dict__.values(), *nested_tensors(module))
    return [value for value in attributes if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter)]


def _same(now: dict[str, Any], then: dict[str, Any]) -> bool:
    return len(now) == len(then) and all(map(is_, now.values(), then.values()))


def _digest(tensor: torch.Tensor) -> bytes:
    if not is_plain(tensor):
        return checked(tensor, _digest)
    version = -1 if tensor.is_inference() else tensor._version
    head = f"{version} {tuple(tensor.shape)} {tensor.dtype}".encode()
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
