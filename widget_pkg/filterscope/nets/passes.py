"""Keeps the maps of layers from one forward pass, cloned before the net changes them in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch
from filterscope.nets.layers import ConvLayer

Weights = tuple[torch.Tensor, "torch.Tensor | None"]
"""Kernels `(F, C_in/groups, *k)` and bias `(F,)` or None."""


@dataclass
class Maps:
    """The tensors of one layer for one image: without the batch axis, on the net's device, in the net's dtype.

    Attributes:
        input: The layer's own input, `(C_in, H, W)`.
        weight: The weight that was used, `(F, C_in/groups, *k)`: the net's live parameter, or a clone of what the pass
            computed.
        bias: The bias that was used, `(F,)`, or None; live or a clone, like the weight.
        pre_activation: The convolution's output, `(F, H', W')`.
        activation: The output after normalisation and nonlinearity, `(F, H'', W'')`.
        own_weights: Whether weight and bias are those of this image alone.
    """

    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    pre_activation: torch.Tensor
    activation: torch.Tensor
    own_weights: bool = False

    @property
    def nbytes(self) -> int:
        """Bytes of the maps; the weight counts where it belongs to this image alone."""
        tensors = [self.input, self.pre_activation, self.activation]
        if self.own_weights:
            tensors += [self.weight, *([] if self.bias is None else [self.bias])]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


@dataclass
class Pass:
    """The result of one forward pass.

    Attributes:
        maps: The maps of the requested layers, by layer index.
        output: The net's output; None if the pass ended early.
        missing: For each requested layer without maps, by its index, a sentence with the reason.
    """

    maps: dict[int, Maps] = field(default_factory=dict)
    output: Any = None
    missing: dict[int, str] = field(default_factory=dict)


class MapKeeper:
    """Clones the maps of some layers during a pass.

    Args:
        places: The layers in execution order.
        layers: Indices of the layers whose maps are kept.
        to_the_end: Whether the pass goes on to the net's output; else it ends as soon as these maps are there.
        known: Weights that earlier passes computed, by layer: where this one computes equal ones, it has these.

    Attributes:
        watch: The `LayerWatch` that must watch the pass.
        maps: The maps of the layers that the pass reached, by layer index.
    """

    def __init__(
        self,
        places: Sequence[ConvLayer],
        layers: Iterable[int],
        to_the_end: bool,
        known: Mapping[int, Weights] | None = None,
    ) -> None:
        self._asked = set(layers)
        self._known = known or {}
        self._others: dict[int, str] = {}  # layers that were run with other options, and which
        self._empty: set[int] = set()  # layers whose input had 0 items
        self.maps: dict[int, Maps] = {}
        self.watch = LayerWatch(
            places, self._conv, on_activation=self._activation, on_empty=lambda layer, call: self._empty.add(layer)
        )
        self._places = places
        self._to_the_end = to_the_end
        self._outstanding = set(self._asked)

    def missing(self) -> dict[int, str]:
        """For each requested layer without maps after the pass, by its index, a sentence with the reason."""
        sentences = {}
        for layer in sorted(self._asked - self.maps.keys()):
            place = self._places[layer]
            call_name = f"call {place.call} of {place.name}"
            if layer in self._others:
                sentences[layer] = (
                    f"the net ran {call_name} with {self._others[layer]} for this image, and not as for the one the "
                    f"explorer was made with, {place.title}; choose another image, or give that one as image_index"
                )
            elif layer in self._empty:
                sentences[layer] = (
                    f"the net gave {call_name} nothing for this image, a batch of 0 items, as a detection net does "
                    "that finds no box; choose another layer or image"
                )
            else:
                sentences[layer] = (
                    f"the net did not reach {call_name} for this image, as it did for the one the explorer was made "
                    "with. A net whose path depends on the image shows only what it runs; choose another layer or "
                    "image."
                )
        return sentences

    def _conv(self, layer: int, call: ConvCall) -> None:
        if layer not in self._asked:
            return
        others = _other_options(self._places[layer], call)
        if others:
            self._others[layer] = others
            return
        pre_activation, kernels = _first(call.output, call.rank).clone(), call.kernels
        known_weight, known_bias = self._known.get(layer, (None, None))
        self.maps[layer] = Maps(
            # Cloned: a later in-place operation must not change it.
            input=_first(call.input, call.rank).clone(),
            weight=_lasting(kernels, isinstance(call.weight, nn.Parameter) and not call.dynamic, known_weight),
            bias=None
            if call.bias is None
            else _lasting(call.bias, isinstance(call.bias, nn.Parameter) and not call.dynamic_bias, known_bias),
            pre_activation=pre_activation,
            activation=pre_activation,
            own_weights=call.dynamic or call.dynamic_bias,
        )

    def _activation(self, layer: int, activation: torch.Tensor) -> None:
        if layer not in self._asked:
            return
        maps = self.maps.get(layer)
        if (
            maps is not None and self._places[layer].activation.path
        ):  # else it is the convolution's output, kept already
            maps.activation = _first(activation, maps.pre_activation.ndim - 1).clone()
        self._outstanding.discard(layer)
        if not self._to_the_end and not self._outstanding:
            self.watch.stop()


def _lasting(tensor: torch.Tensor, live: bool, known: torch.Tensor | None) -> torch.Tensor:
    """A weight as it is in this pass: a live parameter itself; cloned what is computed, which the net may overwrite.

    Args:
        tensor: The weight, with its axes in order.
        live: Whether it is a parameter of the net.
        known: What an earlier pass computed; returned where it is equal.
    """
    tensor = tensor.detach()
    if known is not None and _equal(known, tensor):
        return known
    return tensor if live else tensor.clone()


def _equal(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether tensors have equal values, NaN in equal places included."""
    if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
        return False
    if a.data_ptr() == b.data_ptr() and a.stride() == b.stride():
        return True
    return torch.equal(a, b) or bool(((a == b) | ((a != a) & (b != b))).all())


def _other_options(layer: ConvLayer, call: ConvCall) -> str:
    """In which options of the convolution a call differs from the layer's first one, in words; "" where in none."""
    kernels = (layer.out_channels, layer.channels, *layer.kernel_size)
    pairs = {
        "kernels (F, C_in/groups, *k)": (tuple(call.kernels.shape), kernels),
        "groups": (call.groups, layer.groups),
        "stride": (call.stride, layer.stride),
        "padding": (call.padding, layer.padding),
        "dilation": (call.dilation, layer.dilation),
    }
    return ", ".join(f"{name} = {now}" for name, (now, before) in pairs.items() if now != before)


def _first(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """The first item of a batch `(N, C, *size)`; a tensor `(C, *size)` is returned itself."""
    return tensor.detach()[0] if tensor.ndim == rank + 2 else tensor.detach()
