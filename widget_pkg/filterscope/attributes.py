"""Attributes of other people's objects: some raise when asked for one, and some answer whatever they are asked."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import Any

import torch

_NO_SUCH = "filterscope_asks_for_no_such_attribute"


def attribute(thing: Any, name: str, default: Any = None) -> Any:
    """An attribute of an object; the default where it has none, where asking raises, or where the answer is made up.

    An object whose `__getattr__` answers any name, as a mock or a client of a server does, has only the attributes that
    it was given. One that hands names on to an object inside of it, and so knows some and not others, is believed.

    Args:
        thing: Any object.
        name: The attribute's name.
        default: What is returned where it has none.

    Example:
        >>> from unittest.mock import MagicMock
        >>> attribute(MagicMock(classes=["a"]), "classes"), attribute(MagicMock(), "classes")
        (['a'], None)
    """
    try:
        value = getattr(thing, name)
    except Exception:
        return default
    return value if _is_own(thing, name) or not _answers_anything(thing) else default


def attributes_of(thing: Any) -> dict[str, Any]:
    """The attributes that an object itself holds, in its `__dict__` or in slots; no property is asked."""
    held: dict[str, Any] = {}
    for kind in reversed(type(thing).__mro__):
        slots = kind.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            with suppress(Exception):
                held[name] = object.__getattribute__(thing, name)
    with suppress(Exception):
        held.update(object.__getattribute__(thing, "__dict__"))
    return held


def plain_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor as torch's own class, of the same values: a subclass may compute, and answer, in ways of its own.

    Args:
        tensor: A tensor, such as torchvision's `Image` or fastai's `TensorImage`. One whose values lie in other tensors
            inside of it is returned itself.
    """
    kind = type(tensor)
    if kind is torch.Tensor or kind.__torch_dispatch__ is not torch.Tensor.__torch_dispatch__:
        return tensor
    with torch._C.DisableTorchFunctionSubclass():
        return tensor.as_subclass(torch.Tensor)


def _is_own(thing: Any, name: str) -> bool:
    missing = object()
    with suppress(Exception):
        return inspect.getattr_static(thing, name, missing) is not missing
    return False


def _answers_anything(thing: Any) -> bool:
    with suppress(Exception):
        getattr(thing, _NO_SUCH)
        return True
    return False
