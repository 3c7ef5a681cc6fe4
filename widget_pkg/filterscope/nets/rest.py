"""What modules keep outside of their parameters, saved and put back: every pass begins from the net at rest.

A spiking net keeps its potential in an attribute, a recurrent one its state in a list, an extractor its features in an
object that a hook fills. `Rest` walks over all that the modules refer to, saves the contents of each thing that a pass
can change, and puts them back by content, so that everybody who holds such a thing sees it as it was.
"""

from __future__ import annotations

import functools
import random
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.nets.plain_tensors import is_plain

_ATOMS = (type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size, range, slice)
ATOMIC = frozenset([*_ATOMS, type(Ellipsis)])
"""Types of which a value cannot change and refers to nothing that can."""

_PLAIN_TENSORS = (torch.Tensor, nn.Parameter)
# Dictionaries that every module has and hardly any uses: they are only looked at where they have something in them.
_SELDOM = (
    frozenset(nn.Module().__dict__) - {"_parameters", "_buffers", "_modules", "_forward_hooks"} - {"_forward_pre_hooks"}
)
_UNSEEN = (type, types.ModuleType, torch.jit.ScriptModule)
_DEEPEST = 8
_MOST = 100_000  # things that are walked over; a trainer that a net refers to may hold a whole data set
_GENERATORS: dict[type, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    torch.Generator: (torch.Generator.get_state, torch.Generator.set_state),
    random.Random: (random.Random.getstate, random.Random.setstate),
    np.random.RandomState: (np.random.RandomState.get_state, np.random.RandomState.set_state),
    np.random.Generator: (
        lambda generator: generator.bit_generator.state,
        lambda generator, state: setattr(generator.bit_generator, "state", state),
    ),
}


# The process's own generators, whose functions a net may hold: they are neither copied nor put back, see `nets.rng`.
GLOBAL_GENERATORS: tuple[Any, ...] = (
    random.random.__self__,  # type: ignore[attr-defined]
    np.random.random_sample.__self__,  # type: ignore[attr-defined]
    torch.default_generator,
)


class Rest:
    """The contents of everything that some modules refer to, but their parameters' values.

    Args:
        values: The modules, or other things to begin from.
        live: Tensors whose values are not saved, because they are brought up to date otherwise.
        parameters: Whether parameters' values are saved as well.
    """

    def __init__(self, values: Iterable[Any], live: Iterable[torch.Tensor] = (), parameters: bool = False) -> None:
        self._seen = {id(generator): generator for generator in GLOBAL_GENERATORS}  # held, so that ids stay theirs
        self._saved: dict[int, _Saved] = {}
        self._live = {id(tensor) for tensor in live}
        self._parameters = parameters
        self.add(values)

    def add(self, values: Iterable[Any]) -> None:
        """Saves some more things, and all that they refer to."""
        pending = [(value, 0) for value in values]
        while pending:
            value, depth = pending.pop()
            if type(value) in ATOMIC or isinstance(value, _UNSEEN) or id(value) in self._seen:
                continue
            if isinstance(value, torch.Tensor) and (
                id(value) in self._live or (isinstance(value, nn.Parameter) and not self._parameters)
            ):
                continue
            self._seen[id(value)] = value
            if isinstance(value, nn.Module):
                attributes = value.__dict__
                self._seen[id(attributes)] = attributes
                self._saved[id(attributes)] = _SavedDict(attributes)
                pending += [(part, 0) for name, part in attributes.items() if name not in _SELDOM or part]
                continue
            saved = _saved(value)
            if saved is not None:
                self._saved[id(value)] = saved
            if depth < _DEEPEST and len(self._seen) < _MOST:
                pending += [(part, depth + 1) for part in parts(value)]

    def put_back(self) -> None:
        """Gives everything its saved contents."""
        for saved in self._saved.values():
            if saved.changed():
                saved.put_back()

    def changed(self, but: str) -> bool:
        """Whether anything has other contents than were saved, but modules' attribute of this name."""
        for saved in self._saved.values():
            if isinstance(saved, _SavedDict) and but in saved.contents and but in saved.value:
                saved.contents[but] = saved.value[but]
            if saved.changed():
                return True
        return False


def parts(value: Any) -> Iterator[Any]:
    """The things that a value refers to directly: items, attributes, captured variables."""
    if isinstance(value, torch.Tensor | np.ndarray):
        return
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset | deque):
        yield from value
    elif isinstance(value, types.MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, functools.partial):
        yield from (value.func, *value.args, *value.keywords.values())
    elif isinstance(value, types.FunctionType):
        yield from (value.__closure__ or ())
        yield from (value.__defaults__ or ())
    elif isinstance(value, types.CellType):
        yield _in_cell(value)
    elif isinstance(value, types.BuiltinMethodType):  # `features.pop` of a list
        yield value.__self__
    attributes = getattr(value, "__dict__", None)
    if type(attributes) is dict and attributes:
        yield attributes
    if hasattr(type(value), "__slots__") and not isinstance(value, tuple(ATOMIC)):
        yield from _slots(value).values()


class _Saved:
    """A thing and its contents."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def changed(self) -> bool:
        """Whether the thing has other contents than were saved."""
        raise NotImplementedError

    def put_back(self) -> None:
        """Gives the thing its saved contents."""
        raise NotImplementedError


class _SavedDict(_Saved):
    def __init__(self, value: dict[Any, Any]) -> None:
        super().__init__(value)
        self.contents = dict(value)

    def changed(self) -> bool:
        now, then = self.value, self.contents
        return len(now) != len(then) or not all(map(is_, now.values(), then.values())) or any(map(_other, now, then))

    def put_back(self) -> None:
        self.value.clear()
        self.value.update(self.contents)


class _SavedList(_Saved):
    def __init__(self, value: list[Any] | deque[Any]) -> None:
        super().__init__(value)
        self.contents = list(value)

    def changed(self) -> bool:
        return len(self.value) != len(self.contents) or not all(map(is_, self.value, self.contents))

    def put_back(self) -> None:
        self.value.clear()
        self.value.extend(self.contents)


class _SavedSet(_Saved):
    def __init__(self, value: set[Any]) -> None:
        super().__init__(value)
        self.contents = set(value)

    def changed(self) -> bool:
        return bool(self.value != self.contents)

    def put_back(self) -> None:
        self.value.clear()
        self.value.update(self.contents)


class _SavedCell(_Saved):
    def __init__(self, value: types.CellType) -> None:
        super().__init__(value)
        self.contents = _in_cell(value)

    def changed(self) -> bool:
        return _in_cell(self.value) is not self.contents

    def put_back(self) -> None:
        self.value.cell_contents = self.contents


class _SavedArray(_Saved):
    def __init__(self, value: np.ndarray) -> None:
        super().__init__(value)
        self.contents = value.copy()

    def changed(self) -> bool:
        then = self.contents
        return bool(self.value.shape != then.shape or self.value.tobytes() != then.tobytes())

    def put_back(self) -> None:
        self.value[...] = self.contents


class _SavedTensor(_Saved):
    def __init__(self, value: torch.Tensor) -> None:
        super().__init__(value)
        self.contents = value.detach().clone()

    def changed(self) -> bool:
        return not same_values(self.value, self.contents)

    def put_back(self) -> None:
        if self.value.shape == self.contents.shape and self.value.dtype == self.contents.dtype:
            self.value.data.copy_(self.contents)
        else:
            self.value.data = self.contents.clone()


class _SavedSlots(_Saved):
    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.contents = _slots(value)

    def changed(self) -> bool:
        now = _slots(self.value)
        return now.keys() != self.contents.keys() or not all(now[name] is self.contents[name] for name in now)

    def put_back(self) -> None:
        for name in _slots(self.value).keys() - self.contents.keys():
            object.__delattr__(self.value, name)
        for name, attribute in self.contents.items():
            object.__setattr__(self.value, name, attribute)  # a frozen dataclass refuses the usual way


class _SavedGenerator(_Saved):
    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self._read, self._write = next(how for kind, how in _GENERATORS.items() if isinstance(value, kind))
        self.contents = self._read(value)

    def changed(self) -> bool:
        return not _same_state(self._read(self.value), self.contents)

    def put_back(self) -> None:
        self._write(self.value, self.contents)


def _same_state(state: Any, other: Any) -> bool:
    if isinstance(state, dict):
        return all(_same_state(state[name], other[name]) for name in state)
    if isinstance(state, tuple):
        return all(map(_same_state, state, other))
    return bool(torch.equal(state, other) if isinstance(state, torch.Tensor) else np.array_equal(state, other))


def _saved(value: Any) -> _Saved | None:
    """The contents of a thing; None where it has none that change by themselves."""
    if isinstance(value, dict):
        return _SavedDict(value)
    if isinstance(value, list | deque):
        return _SavedList(value)
    if isinstance(value, set):
        return _SavedSet(value)
    if isinstance(value, types.CellType):
        return _SavedCell(value)
    if isinstance(value, np.ndarray) and value.flags.writeable and not value.dtype.hasobject:
        return _SavedArray(value)
    if type(value) in _PLAIN_TENSORS and is_plain(value):
        return _SavedTensor(value)
    if isinstance(value, tuple(_GENERATORS)):
        return _SavedGenerator(value)
    return _SavedSlots(value) if hasattr(type(value), "__slots__") and _slots(value) else None


def _slots(value: Any) -> dict[str, Any]:
    """The attributes that an object has in slots, by name."""
    named = [names for kind in type(value).__mro__ if (names := kind.__dict__.get("__slots__")) is not None]
    names = [name for group in named for name in ((group,) if isinstance(group, str) else group)]
    return {name: getattr(value, name) for name in names if name[:2] != "__" and hasattr(value, name)}


def _in_cell(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None


def _other(key: Any, other_key: Any) -> bool:
    return key is not other_key and bool(key != other_key)


def same_values(tensor: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two tensors have equal shapes, dtypes and values, where NaN equals NaN."""
    if tensor.shape != other.shape or tensor.dtype != other.dtype:
        return False
    if torch.equal(tensor, other):
        return True
    return bool(((tensor == other) | ((tensor != tensor) & (other != other))).all())
