"""Python functions: what they captured, and whether that can change."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from filterscope.nets.rest import ATOMIC


def functions_in(value: Any, depth: int = 2) -> Iterator[Any]:
    """The functions, bound methods and partials in a value and in the containers in it."""
    if isinstance(value, types.FunctionType | types.MethodType | types.BuiltinMethodType | functools.partial):
        yield value
    elif depth and isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from functions_in(item, depth - 1)


def captured_by(function: Any, depth: int = 3) -> Iterator[Any]:
    """What a function, bound method or partial captured, also by others that it captured, and the globals it names."""
    if (getattr(function, "__module__", None) or "").startswith("torch.") and not isinstance(
        function, types.MethodType
    ):
        return
    if isinstance(function, types.MethodType):
        yield function.__self__
        yield from captured_by(function.__func__, depth)
    elif depth and isinstance(function, functools.partial):
        for value in (function.func, *function.args, *function.keywords.values()):
            yield value
            yield from captured_by(value, depth - 1)
    elif depth and isinstance(function, types.FunctionType):
        names = global_names(function.__code__)
        values = [function.__globals__[name] for name in names if name in function.__globals__]
        values += [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for cell in function.__closure__ or ():
            with suppress(ValueError):  # a variable without a value
                values.append(cell.cell_contents)
        for value in values:
            yield value
            if isinstance(value, list | tuple):
                yield from value
            yield from captured_by(value, depth - 1)


def global_names(code: types.CodeType) -> set[str]:
    """The names of global variables, or of attributes, that a function's code and the functions in it use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= global_names(constant)
    return names


def has_variables(function: Any) -> bool:
    """Whether a function has variables of a function around it, or is a method of a list, say, that can change."""
    if isinstance(function, types.BuiltinMethodType):
        return function.__self__ is not None and can_change(function.__self__)
    if isinstance(function, functools.partial):
        return has_variables(function.func) or any(map(can_change, (*function.args, *function.keywords.values())))
    if isinstance(function, types.MethodType):
        return has_variables(function.__func__)
    if not isinstance(function, types.FunctionType):
        return False
    return bool(function.__closure__) and not (function.__module__ or "").startswith("torch.")


def can_change(value: Any) -> bool:
    """Whether a value can change or refers to something that can."""
    return type(value) not in ATOMIC and not isinstance(value, type | types.ModuleType)


def print_nothing(*args: Any, **kwargs: Any) -> None:
    """Takes the place of `print` in a function that is tried."""


class Globals(dict[str, Any]):
    """A module's global variables, of which some are replaced."""

    def __init__(self, original: dict[str, Any]) -> None:
        super().__init__(__builtins__=original.get("__builtins__", __builtins__))
        self._original = original

    def __missing__(self, name: str) -> Any:
        return self._original[name]
