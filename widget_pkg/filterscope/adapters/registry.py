"""Asks each adapter for a model: those of this room, and those that other packages name as entry points."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from filterscope.adapters import (
    braindecode,
    fastai,
    lightning,
    monai,
    segmentation_models,
    skorch,
    timm,
    torchvision,
    transformers,
    ultralytics,
)
from filterscope.adapters.adaptation import Adaptation
from filterscope.errors import describe_exception

GROUP = "filterscope.adapters"
"""The group of entry points in which a package names adapters of its own."""

Adapter = Callable[[Any, Any, Any], Adaptation | None]
"""A function of the user's model, data and `transform=`; None where the model is not of its library."""

# What holds a net comes before what is one.
_OWN: tuple[Adapter, ...] = tuple(
    library.adapt
    for library in (
        skorch,
        fastai,
        lightning,
        ultralytics,
        transformers,
        timm,
        torchvision,
        segmentation_models,
        monai,
        braindecode,
    )
)
_DEEPEST = 4  # a fastai Learner of a Lightning module of timm's


def adapt(model: Any, data: Any, transform: Any = None) -> Adaptation:
    """What the adapters say of a model: the first that knows it, then the first that knows the net inside of it.

    Args:
        model: What the user gives as net.
        data: What the user gives as data.
        transform: What the user gives as transform.

    Raises:
        NetError: If an adapter knows the model, and it has no net that torch runs.
        TypeError: If an adapter knows the data, and they hold no images.
    """
    whole, net = Adaptation(), model
    for _ in range(_DEEPEST):
        found = _asked(net, data if whole.data is None else None, transform)
        whole = whole.with_inner(found)
        if found.net is None or found.net is net:
            break
        net = found.net
    return whole


def _asked(net: Any, data: Any, transform: Any) -> Adaptation:
    """What all adapters say of one object; what an earlier one says counts."""
    whole = Adaptation()
    for name, adapter in entry_point_adapters():
        try:
            found = adapter(net, data, transform)
        except Exception as error:  # of a package that has nothing to do with this net, maybe
            warnings.warn(f"the adapter {name} raised {describe_exception(error)}; it is left out", stacklevel=2)
            continue
        whole = whole.with_inner(found or Adaptation())
    for own in _OWN:
        whole = whole.with_inner(own(net, data, transform) or Adaptation())
        if whole.net is not None:
            break
    return whole


@cache
def entry_point_adapters() -> tuple[tuple[str, Adapter], ...]:
    """The adapters of other packages, by name; one that cannot be loaded is left out, with a warning."""
    adapters = []
    for entry in entry_points(group=GROUP):
        try:
            adapters.append((entry.name, entry.load()))
        except Exception as error:
            warnings.warn(f"the adapter {entry.name} cannot be loaded: {describe_exception(error)}", stacklevel=2)
    return tuple(adapters)
