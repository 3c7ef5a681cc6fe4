"""Copies of a net's modules, and of the functions and objects that refer to them: a copy never refers to the original.

`copy.deepcopy` copies modules and objects, each in the way that its class has chosen (`__deepcopy__`, `__getstate__`),
but returns functions themselves: one that captured a part of the net would go on running the user's own part. So such
functions are made again over copies of what they captured. What nobody can copy, a lock say, is shared.
"""

from __future__ import annotations

import copy
import functools
import types
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.nets.functions import (
    Globals,
    can_change,
    captured_by,
    functions_in,
    global_names,
    has_variables,
    print_nothing,
)
from filterscope.nets.modules import HOOK_DICTS, all_modules
from filterscope.nets.plain_tensors import copied, is_plain
from filterscope.nets.reached import reached, state_of
from filterscope.nets.rest import ATOMIC, GLOBAL_GENERATORS
from filterscope.nets.wrappers import Unwrapped, wrapped_name

_SHARED_BYTES = 2**20  # an array that is larger is not copied but cannot be written to by the copy
_MOST_CAPTURED_BYTES = 256 * 2**20


class Copies:
    """Copies of a net's modules and of what belongs to them, each made once.

    Args:
        net: The net.
        share_parameters: Whether the copies have the net's own parameters; else they have copies of these, too.
        write_arrays: Whether large NumPy arrays are copied; else the copies get views that cannot be written to.

    Attributes:
        net: The copy of the net. Its hooks are left out.

    Raises:
        Exception: What a module raises that cannot be copied.
        TypeError: If a copy would run a part of the net itself.
    """

    def __init__(self, net: nn.Module, share_parameters: bool = True, write_arrays: bool = False) -> None:
        self._memo: dict[int, Any] = {}
        self._kept: list[Any] = []  # the memo's keys are ids: their objects must live as long
        for generator in GLOBAL_GENERATORS:
            self._set(generator, generator)
        self._share_parameters, self._write_arrays = share_parameters, write_arrays
        self._isolating = False
        self._unfilled: set[int] = set()  # ids of variables whose copies have no value yet
        self._modules = all_modules(net)
        self._parts = {id(module) for module in self._modules}
        self._rebuilt_globals: dict[int, Globals] = {}
        wrappers = [(module, wrapped_name(module)) for module in self._modules]
        for module, _ in wrappers:
            if not isinstance(module, torch.jit.ScriptModule):
                self._prepare(module)
        for module, wrapped in reversed(wrappers):  # the innermost first
            if wrapped is not None:
                self._set(module, Unwrapped(wrapped, self._deepcopy(getattr(module, wrapped))))
        self.net: nn.Module = self._deepcopy(net)
        self._by_name = dict(self.net.named_modules())
        self._names = {id(module): name for name, module in net.named_modules()}
        for own, _ in self.pairs():
            self._set(own, own)
        for own, live in self.pairs():
            self._make_functions_anew(own, live)

    def pairs(self) -> list[tuple[nn.Module, nn.Module]]:
        """Each copy of a module with the module; without those that the net leaves out when it is copied."""
        pairs = []
        for live in self._modules:
            own = self._memo.get(id(live), self._by_name.get(self._names.get(id(live), "?")))
            if own is not None and wrapped_name(live) is None:
                pairs.append((own, live))
        return pairs

    def of(self, value: Any) -> Any:
        """The copy of a value: of one that was copied before that copy; itself where it cannot change or be copied."""
        if type(value) in ATOMIC or isinstance(value, type | types.ModuleType):
            return value
        if id(value) in self._memo:
            return self._memo[id(value)]
        if isinstance(value, torch.Tensor):
            return self._set(value, self._tensor(value))
        if isinstance(value, np.ndarray):
            return self._set(value, self._array(value))
        if type(value) in (list, tuple, dict, set):
            return self._container(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return self._set(value, types.MethodType(self.of(value.__func__), self.of(value.__self__)))
        if isinstance(value, types.CellType):
            return self._cell(value)
        if isinstance(value, types.BuiltinMethodType):  # `features.pop` of a list, or a function of C
            owner = value.__self__
            return value if owner is None else getattr(self.of(owner), value.__name__)
        if type(value) is functools.partial:
            keywords = {name: self.of(keyword) for name, keyword in value.keywords.items()}
            return self._set(value, functools.partial(self.of(value.func), *map(self.of, value.args), **keywords))
        for part in reached([value]):
            self._prepare_value(part)
        try:
            copied = self._deepcopy(value)
        except Exception:  # a thing that nobody can copy, and that is no part of the net
            if self._isolating:
                raise
            return self._set(value, value)
        call = type(value).__call__ if callable(value) and self._isolating else None
        if isinstance(call, types.FunctionType) and not isinstance(value, nn.Module):
            return self._set(value, types.MethodType(self._function(call), copied))
        return copied

    def fresh(self, value: Any) -> Any:
        """A copy of a value that is not remembered, as of one that is assigned to an attribute time and again."""
        known, kept = set(self._memo), len(self._kept)
        try:
            return self.of(value)
        finally:
            for key in self._memo.keys() - known:
                del self._memo[key]
            del self._kept[kept:]

    def isolated(self, function: Any) -> Any:
        """A copy of somebody's function that changes nothing of theirs: also its global variables are copies.

        What it prints is dropped. What it sends or writes elsewhere is not, nor what functions of other modules change.

        Raises:
            Exception: If something that it refers to cannot be copied.
        """
        captured = [value for value in reached([function]) if isinstance(value, torch.Tensor | np.ndarray)]
        if sum(value.nbytes for value in captured) > _MOST_CAPTURED_BYTES:
            raise MemoryError("the function refers to too much to copy it")
        self._isolating = True
        try:
            return self.of(function)
        finally:
            self._isolating = False

    def _set(self, value: Any, copied: Any) -> Any:
        self._memo[id(value)] = copied
        self._kept.append(value)
        return copied

    def _prepare(self, module: nn.Module) -> None:
        """Decides for the tensors, arrays and hooks of a module before it is copied."""
        for name in HOOK_DICTS:
            hooks = module.__dict__.get(name)
            if hooks is not None:
                self._set(hooks, type(hooks)())
        for value in reached(list(state_of(module).values())):
            self._prepare_value(value)

    def _prepare_value(self, value: Any) -> None:
        if id(value) in self._memo:
            return
        if isinstance(value, types.ModuleType):
            self._set(value, value)
        elif isinstance(value, nn.Parameter):
            self._set(value, value if self._share_parameters else _own_parameter(value))
        elif isinstance(value, torch.Tensor):  # copied here, as one with a graph refuses to be
            self._set(value, self._tensor(value))
        elif isinstance(value, np.ndarray) and value.nbytes > _SHARED_BYTES:
            self._set(value, self._array(value))

    def _tensor(self, tensor: torch.Tensor) -> torch.Tensor:
        # The values of one that is not plain cannot be brought up to date in its copy: the twin has the live one.
        return tensor if self._share_parameters and not is_plain(tensor) else copied(tensor)

    def _array(self, array: np.ndarray) -> np.ndarray:
        if self._write_arrays or array.nbytes <= _SHARED_BYTES or array.dtype.hasobject:
            own: np.ndarray = copy.deepcopy(array)
            return own
        view: np.ndarray = array.view()
        view.flags.writeable = False
        return view

    def _deepcopy(self, value: Any) -> Any:
        known = set(self._memo)
        try:
            return copy.deepcopy(value, self._memo)
        except Exception:
            for key in self._memo.keys() - known:  # copies that were only begun
                del self._memo[key]
            if self._isolating or not self._share_what_cannot_be_copied(value):
                raise
            return copy.deepcopy(value, self._memo)

    def _share_what_cannot_be_copied(self, value: Any) -> bool:
        """Finds the things in a value that cannot be copied, and shares them; returns whether there are any."""
        shared = False
        modules = all_modules(value) if isinstance(value, nn.Module) else [value]
        roots = [
            attribute
            for part in modules
            for attribute in (state_of(part).values() if isinstance(part, nn.Module) else [part])
        ]
        for part in reversed(list(reached(roots))):  # the innermost first
            if id(part) in self._memo or type(part) in ATOMIC or isinstance(part, dict | list | tuple | set):
                continue
            trial = dict(self._memo)
            try:
                copy.deepcopy(part, trial)
            except Exception:
                self._set(part, part)
                shared = True
        return shared

    def _container(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return self._set(value, tuple(map(self.of, value)))
        copied = self._set(value, type(value)())
        if isinstance(value, dict):
            copied.update({key: self.of(item) for key, item in value.items()})
        elif isinstance(value, list):
            copied.extend(map(self.of, value))
        else:
            copied.update(map(self.of, value))
        return copied

    # Functions

    def _make_functions_anew(self, own: nn.Module, live: nn.Module) -> None:
        """Replaces the functions in a copied module's attributes that captured parts of the net, or variables.

        Raises:
            TypeError: If a function that holds a part of the net cannot be made anew.
        """
        if isinstance(own, torch.jit.ScriptModule):
            return
        if own is live:
            raise TypeError(f"{type(live).__name__} gives itself as its copy")
        for name, value in list(own.__dict__.items()):
            if name in ("_compiled_call_impl", "_modules") or name in HOOK_DICTS:
                continue
            functions = list(functions_in(value))
            if any(map(has_variables, functions)) or any(map(self._holds_part, functions)):
                own.__dict__[name] = self.of(value)
                if any(map(self._holds_part, functions_in(own.__dict__[name]))):
                    raise TypeError(f"{type(live).__name__}.{name} is a function that holds a part of the net")

    def _holds_part(self, function: Any) -> bool:
        return any(id(captured) in self._parts for captured in captured_by(function))

    def _function(self, function: types.FunctionType) -> types.FunctionType:
        """The function over copies of what it captured; itself, where it captured nothing."""
        names = global_names(function.__code__)
        used = {name: function.__globals__[name] for name in names if name in function.__globals__}
        replaced = [name for name, value in used.items() if self._is_replaced(value, function)]
        defaults = function.__defaults__ or ()
        if not has_variables(function) and not replaced and not any(map(can_change, defaults)) and not self._isolating:
            return function
        rebuilt_globals = self._globals(function, replaced)
        cells = tuple(self._empty_cell(cell) for cell in function.__closure__ or ())
        rebuilt = types.FunctionType(
            function.__code__, rebuilt_globals, function.__name__, None, cells if function.__closure__ else None
        )
        self._set(function, rebuilt)  # before what it captured, which may be the function itself
        rebuilt.__dict__.update(function.__dict__)
        rebuilt.__qualname__, rebuilt.__module__ = function.__qualname__, function.__module__
        rebuilt.__defaults__ = None if function.__defaults__ is None else tuple(map(self.of, function.__defaults__))
        if function.__kwdefaults__:
            rebuilt.__kwdefaults__ = {name: self.of(value) for name, value in function.__kwdefaults__.items()}
        for cell in function.__closure__ or ():
            self._cell(cell)
        for name in replaced:
            rebuilt_globals[name] = self.of(used[name])
        return rebuilt

    def _empty_cell(self, cell: types.CellType) -> types.CellType:
        """The variable that copies of functions have for one that the functions share."""
        if id(cell) not in self._memo:
            self._set(cell, types.CellType())
            self._unfilled.add(id(cell))
        copied: types.CellType = self._memo[id(cell)]
        return copied

    def _cell(self, cell: types.CellType) -> types.CellType:
        copied = self._empty_cell(cell)
        if id(cell) in self._unfilled:
            self._unfilled.discard(id(cell))
            with suppress(ValueError):  # a variable without a value
                copied.cell_contents = self.of(cell.cell_contents)
        return copied

    def _globals(self, function: types.FunctionType, replaced: list[str]) -> dict[str, Any]:
        if not replaced and not self._isolating:
            return function.__globals__
        key = id(function.__globals__)
        if key not in self._rebuilt_globals:
            self._rebuilt_globals[key] = Globals(function.__globals__)
        if self._isolating:
            self._rebuilt_globals[key]["print"] = print_nothing
        return self._rebuilt_globals[key]

    def _is_replaced(self, value: Any, function: types.FunctionType) -> bool:
        """Whether a function's global variable must be another one for the function's copy."""
        if id(value) in self._parts or self._holds_part(value):
            return True
        if not self._isolating or isinstance(value, nn.Module):
            return False
        if isinstance(value, types.FunctionType):
            return value.__globals__ is function.__globals__
        return can_change(value)


def _own_parameter(parameter: nn.Parameter) -> torch.Tensor:
    if nn.parameter.is_lazy(parameter):
        return parameter
    return nn.Parameter(copied(parameter), parameter.requires_grad)
