"""Keeps the maps of layers from one forward pass, cloned before the net changes them in place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, Place


@dataclass
class Maps:
    """The tensors of one layer for one image: without the batch axis, on the net's device, in the net's dtype.

    Attributes:
        input: The layer's own input, `(C_in, H, W)`.
        weight: The weight that was used, `(F, C_in/groups, *k)`; not a clone.
        bias: The bias that was used, `(F,)`, or None.
        pre_activation: The convolution's output, `(F, H', W')`.
        activation: The output after normalisation and nonlinearity, `(F, H'', W'')`.
    """

    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    pre_activation: torch.Tensor
    activation: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes of the maps, without the weight, which belongs to the net."""
        tensors = (self.input, self.pre_activation, self.activation)
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

    Attributes:
        watch: The `LayerWatch` that must watch the pass.
        maps: The maps of the layers that the pass reached, by layer index.
    """

    def __init__(self, places: Sequence[Place], layers: Iterable[int], to_the_end: bool) -> None:
        self._asked = set(layers)
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
            sentences[layer] = (
                f"the net gave {call_name} nothing for this image, a batch of 0 items, as a detection net does that "
                "finds no box; choose another layer or image"
                if layer in self._empty
                else f"the net did not reach {call_name} for this image, as it did for the one the explorer was made "
                "with. A net whose path depends on the image shows only what it runs; choose another layer or image."
            )
        return sentences

    def _conv(self, layer: int, call: ConvCall) -> None:
        if layer not in self._asked:
            return
        pre_activation = _first(call.output, call.rank).clone()
        self.maps[layer] = Maps(
            # Cloned: a later in-place operation must not change it.
            input=_first(call.input, call.rank).clone(),
            # Not cloned: either the net's live parameter or, with weight norm and the like, computed for this pass.
            weight=call.kernels.detach(),
            bias=None if call.bias is None else call.bias.detach(),
            pre_activation=pre_activation,
            activation=pre_activation,
        )

    def _activation(self, layer: int, activation: torch.Tensor) -> None:
        if layer not in self._asked:
            return
        if self._places[layer].activation.path:  # else it is the convolution's output, which is kept already
            maps = self.maps[layer]
            maps.activation = _first(activation, maps.pre_activation.ndim - 1).clone()
        self._outstanding.discard(layer)
        if not self._to_the_end and not self._outstanding:
            self.watch.stop()


def _first(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """The first item of a batch `(N, C, *size)`; a tensor `(C, *size)` is returned itself."""
    return tensor.detach()[0] if tensor.ndim == rank + 2 else tensor.detach()
