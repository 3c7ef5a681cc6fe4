"""Reads a data set with some of its transforms watched, while the data set itself stays untouched.

Every object on the way from the data set to a watched transform gets a stand-in: an object of the same class with the
same attributes, made without its constructor. All else is shared. Lists and dictionaries of a stand-in are copies, so
that what the data set keeps of its samples is not changed, and so are its generators of random numbers.
"""

from __future__ import annotations

import copy
import random
import types
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from filterscope.host.collection import without_collection

_MOST_OBJECTS = 2000  # that are looked at
_LONGEST = 64  # list or dictionary that is searched: transforms, not samples
_ATOMS = (type, types.ModuleType, types.BuiltinFunctionType, torch.Tensor, np.ndarray, str, bytes, int, float, complex)
_OWN_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)

Call = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
"""What is done instead of a call of a watched transform: its arguments are the transform, and those of the call."""


class CannotWatchError(Exception):
    """Some transforms cannot be watched, because an object on the way to them has no stand-in."""


def stand_ins(roots: Sequence[Any], transforms: Sequence[Any], call: Call) -> list[Any]:
    """Stand-ins of a data set and of what else is on the way to some transforms.

    Args:
        roots: Where the search begins: a data set, and a transform that is applied to its items.
        transforms: The transforms that are watched.
        call: Called instead of them.

    Returns:
        A stand-in for each root; the root itself where no watched transform can be reached from it.

    Raises:
        CannotWatchError: If not every transform is reached, or an object on the way has no stand-in.
    """
    targets = {id(transform) for transform in transforms}
    objects = list(roots)  # kept alive meanwhile: objects are told apart by their ids
    making = _StandIns(_leading(objects, targets), targets, call)
    return [making.of(root) for root in roots]


def _leading(objects: list[Any], targets: set[int]) -> set[int]:
    """The ids of all objects from which a target is reached, with the targets.

    Args:
        objects: Where the search begins; every object that is looked at is added.
        targets: Ids of the transforms that are watched.

    Raises:
        CannotWatchError: If a target is not reached from the roots.
    """
    parents: dict[int, list[int]] = {id(root): [] for root in objects}
    waiting = deque(objects)
    while waiting and len(parents) < _MOST_OBJECTS:
        thing = waiting.popleft()
        if id(thing) in targets:
            continue
        for child in _children(thing):
            if id(child) not in parents:
                parents[id(child)] = []
                waiting.append(child)
                objects.append(child)
            parents[id(child)].append(id(thing))
    if not targets <= parents.keys():
        raise CannotWatchError
    leading: set[int] = set()
    rising = list(targets)
    while rising:
        number = rising.pop()
        if number not in leading:
            leading.add(number)
            rising += parents[number]
    return leading


def _children(thing: Any) -> Iterator[Any]:
    children: Any = ()
    if type(thing) in (list, tuple):
        children = thing if len(thing) <= _LONGEST else ()
    elif type(thing) in (dict, OrderedDict):
        children = thing.values() if len(thing) <= _LONGEST else ()
    elif isinstance(thing, types.MethodType):
        children = (thing.__self__,)
    else:
        children = _attributes(thing).values()
    return (child for child in list(children) if child is not None and not isinstance(child, _ATOMS))


def _attributes(thing: Any) -> dict[str, Any]:
    """An object's own attributes, without asking its class."""
    if isinstance(thing, (types.FunctionType, *_ATOMS, *_OWN_GENERATORS)):
        return {}
    try:
        attributes = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return attributes if isinstance(attributes, dict) else {}


class _StandIns:
    """Makes stand-ins, one for each object.

    Args:
        leading: The ids of the objects that need one.
        targets: The ids of those that are watched.
        call: Called instead of a watched transform.
    """

    def __init__(self, leading: set[int], targets: set[int], call: Call) -> None:
        self._leading, self._targets, self._call = leading, targets, call
        self._made: dict[int, Any] = {}

    def of(self, thing: Any) -> Any:
        made: Any
        if id(thing) in self._made:
            return self._made[id(thing)]
        if id(thing) not in self._leading:
            return thing
        if id(thing) in self._targets:
            made = self._made[id(thing)] = self._watched(thing)
            return made
        if isinstance(thing, types.MethodType):
            return types.MethodType(thing.__func__, self.of(thing.__self__))
        if type(thing) is tuple:
            return tuple(self.of(each) for each in thing)
        if type(thing) is list:
            made = self._made[id(thing)] = []
            made.extend(self.of(each) for each in thing)
            return made
        if type(thing) in (dict, OrderedDict):
            made = self._made[id(thing)] = {} if type(thing) is dict else OrderedDict()
            made.update((name, self.of(value)) for name, value in thing.items())
            return made
        if isinstance(thing, DataLoader) and thing.num_workers:
            raise CannotWatchError  # its workers would tell us nothing
        made = self._made[id(thing)] = _empty(type(thing))
        made.__dict__.update((name, self._attribute(value)) for name, value in _attributes(thing).items())
        return made

    def _attribute(self, value: Any) -> Any:
        if id(value) in self._leading:
            return self.of(value)
        if isinstance(value, _OWN_GENERATORS):
            return copy.deepcopy(value)
        if isinstance(value, torch.Generator):
            generator = torch.Generator(value.device)
            generator.set_state(without_collection(value.get_state))
            return generator
        if type(value) in (list, dict, OrderedDict, set):
            return value.copy()
        if hasattr(type(value), "__next__") and not hasattr(type(value), "read"):
            raise CannotWatchError  # to go on with an iterator would change the data set
        return value

    def _watched(self, transform: Any) -> Any:
        if isinstance(transform, types.FunctionType | partial):
            return lambda *args, **kwargs: self._call(transform, args, kwargs)
        kind = type(transform)

        def called(_: Any, *args: Any, **kwargs: Any) -> Any:
            return self._call(transform, args, kwargs)

        try:  # past its metaclass, which might put the class on a list
            members = {"__call__": called, "__module__": kind.__module__, "__qualname__": kind.__qualname__}
            watched = type.__new__(type(kind), kind.__name__, (kind,), members)
        except TypeError as error:
            raise CannotWatchError from error
        made = _empty(watched)
        made.__dict__.update(_attributes(transform))
        return made


def _empty(kind: type) -> Any:
    """An object of a class, whose constructor was not called.

    Raises:
        CannotWatchError: If the class has none with attributes only, or does something when an object's life ends: it
            might close a file that the data set reads.
    """
    if hasattr(kind, "__del__"):
        raise CannotWatchError
    try:
        made: Any = object.__new__(kind)
    except TypeError as error:
        raise CannotWatchError from error
    if not isinstance(getattr(made, "__dict__", None), dict):
        raise CannotWatchError
    return made
