"""Convolutions whose bias is another at each position: what removed maps add where a convolution pads with zeros."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.modules.conv import _ConvNd

_CLASSES: dict[type[_ConvNd], type[_ConvNd]] = {}


def add_bias_map(convolution: _ConvNd, values: torch.Tensor) -> None:
    """Makes a convolution add a map to its output, for images of one size alone.

    The module stays what it is and gains a buffer, `bias_map`; its class is then a subclass of its own.

    Args:
        convolution: The module, changed in place.
        values: `(F, *S)`, of the output's shape.
    """
    kind = type(convolution)
    if kind not in _CLASSES:
        _CLASSES[kind] = type(f"{kind.__name__}WithBiasMap", (_WithBiasMap, kind), {"__reduce_ex__": _reduce})
    convolution.register_buffer("bias_map", values[None])
    convolution.__class__ = _CLASSES[kind]


class _WithBiasMap(nn.Module):
    """Adds `bias_map` to what the class beside it computes."""

    bias_map: torch.Tensor

    def forward(self, *args: Any, **kwargs: Any) -> torch.Tensor:
        output: torch.Tensor = super().forward(*args, **kwargs)
        if output.shape[2:] != self.bias_map.shape[2:]:
            made, now = ("×".join(map(str, shape[2:])) for shape in (self.bias_map.shape, output.shape))
            raise ValueError(
                f"this net was made smaller for images that give maps of {made} here, not {now}; "
                "plan.apply(border='bias') makes one for images of all sizes"
            )
        return output + self.bias_map


def _reduce(module: nn.Module, protocol: int) -> Any:
    """How a module is pickled and copied: its class is made anew from the class that it was."""
    return _restored, (type(module).__mro__[2], module.__dict__)


def _restored(kind: type[_ConvNd], state: dict[str, Any]) -> nn.Module:
    module = kind.__new__(kind)
    module.__dict__.update(state)
    bias_map = module._buffers["bias_map"]
    assert bias_map is not None
    add_bias_map(module, bias_map[0])
    return module
