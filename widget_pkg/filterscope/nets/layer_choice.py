"""The one resolver of layers: from an index, a name, a module or a `ConvLayer` to indices of the net's layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import nn

from filterscope.indices import as_index
from filterscope.nets.layers import ConvLayer

_WRAPPERS = ("module", "_orig_mod")  # the parts that DataParallel and torch.compile add to a name


def layer_title(layer: ConvLayer) -> str:
    """A layer's name, with the number of its call from the second call on: `block (call 1)`."""
    return f"{layer.name} (call {layer.call})" if layer.call else layer.name


def layer_index(layers: Sequence[ConvLayer], chosen: Any, name: str = "layer") -> int:
    """The index of the chosen layer; for a name or a module that is called several times, the index of its first call.

    Args:
        layers: The net's convolutions in execution order.
        chosen: An index (an integer of Python, NumPy or torch), a name (with or without the prefix that a wrapper
            adds), a title from `layer_title`, a module, or a `ConvLayer`.
        name: The argument's name, for the error message.

    Raises:
        ValueError: If there is no such layer; the message lists the layers.
    """
    return _calls(layers, chosen, name)[0]


def layer_indices(layers: Sequence[ConvLayer], chosen: Any, name: str = "layers") -> list[int]:
    """The indices of the chosen layers, each once, in the order of the choice.

    Args:
        layers: The net's convolutions in execution order.
        chosen: None for all; a slice; one layer, as for `layer_index`; or several. A name or a module means all its
            calls.
        name: The argument's name, for the error message.

    Raises:
        ValueError: If there is no such layer, or `chosen` is empty.
    """
    if chosen is None:
        return list(range(len(layers)))
    if isinstance(chosen, slice):
        several: Iterable[Any] = range(*chosen.indices(len(layers)))
    # A module that can be iterated over, as nn.Sequential, is one choice; so is an array of one number.
    elif isinstance(chosen, str | nn.Module | ConvLayer) or not isinstance(chosen, Iterable):
        several = [chosen]
    else:
        several = chosen if as_index(chosen) is None else [chosen]
    indices = list(dict.fromkeys(index for choice in several for index in _calls(layers, choice, name)))
    if not indices:
        raise ValueError(f"{name} has nothing in it; give one layer or more, or None for all")
    return indices


def _calls(layers: Sequence[ConvLayer], chosen: Any, name: str) -> list[int]:
    """Indices of all layers that fit the choice, at least one; see `layer_index`."""
    if isinstance(chosen, str):
        fits = _named(layers, chosen)
    elif isinstance(chosen, ConvLayer):  # a layer from before the net's structure was read anew is found by its name
        fits = [layer.index for layer in layers if layer is chosen] or [
            layer.index for layer in layers if (layer.name, layer.call) == (chosen.name, chosen.call)
        ]
    elif isinstance(chosen, nn.Module):
        fits = [layer.index for layer in layers if layer.module is chosen]
    else:
        index = as_index(chosen)
        fits = [] if index is None or not 0 <= index < len(layers) else [index]
    if not fits:
        description = f"the module {chosen}" if isinstance(chosen, nn.Module) else repr(chosen)
        titles = ", ".join(map(layer_title, layers))
        raise ValueError(f"{name} is {description}; this net has convolutions 0 … {len(layers) - 1}: {titles}")
    return fits


def _named(layers: Sequence[ConvLayer], name: str) -> list[int]:
    """Indices of the layers with that name or title; if there are none, compared without the wrappers' parts."""
    for plain in (str, _unwrapped):
        fits = [layer.index for layer in layers if name in (plain(layer.name), plain(layer_title(layer)))]
        if fits:
            return fits
    return []


def _unwrapped(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WRAPPERS)
