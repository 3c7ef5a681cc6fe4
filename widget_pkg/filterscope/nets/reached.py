"""What a module's attributes, and other values, refer to; none of it is changed."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn

from filterscope.nets.rest import ATOMIC, parts

_DEEPEST = 6
_MOST = 100_000


def state_of(module: nn.Module) -> dict[str, Any]:
    """The attributes that a module's copy has, as its class says by `__getstate__`."""
    try:
        state = module.__getstate__()  # type: ignore[no-untyped-call]
    except Exception:  # before Python 3.11 objects had none; parametrised modules refuse, but can be copied
        return module.__dict__
    return state if isinstance(state, dict) else module.__dict__


def reached(values: Iterable[Any]) -> Iterator[Any]:
    """What some values refer to, but modules: in containers, objects' attributes and functions' variables."""
    seen: set[int] = set()
    pending = [(value, 0) for value in values]
    while pending and len(seen) < _MOST:
        value, depth = pending.pop()
        if type(value) in ATOMIC or isinstance(value, nn.Module | type) or id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if depth < _DEEPEST and not isinstance(value, types.ModuleType):
            pending += [(part, depth + 1) for part in parts(value)]
