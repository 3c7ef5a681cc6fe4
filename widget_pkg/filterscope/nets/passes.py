"""What one forward pass gives: the maps of layers, cloned at the moment when they hold what the pictures need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, Place


@dataclass
class Maps:
    """What one layer did to one image, still as the net's own tensors, without the batch axis, cloned.

    Attributes:
        input: The layer's own input, `(C_in, H, W)`.
        weight: The weight that was used, `(F, C_in/groups, *k)`.
        bias: `(F,)` or None.
        pre_activation: The convolution's output, `(F, H', W')`.
        activation: After the normalisation and nonlinearity, `(F, H'', W'')`.
    """

    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None
    pre_activation: torch.Tensor
    activation: torch.Tensor

    @property
    def nbytes(self) -> int:
        """Bytes held, without the weight, which is the net's own."""
        held = (self.input, self.pre_activation, self.activation)
        return sum(tensor.numel() * tensor.element_size() for tensor in held)


@dataclass
class Pass:
    """What one forward pass gave.

    Attributes:
        maps: Of the layers that were asked for.
        output: The net's; None if the pass was cut short.
        missing: Layers that were asked for and have none, each with the sentence that says why.
    """

    maps: dict[int, Maps] = field(default_factory=dict)
    output: Any = None
    missing: dict[int, str] = field(default_factory=dict)


class MapKeeper:
    """Clones, during a pass, the tensors of some layers at the moment when they hold what is asked for.

    Args:
        places: Which call each layer is, and where its activation is found, in execution order.
        layers: Indices of the layers to keep.
        to_the_end: Whether the pass goes on to the net's output; else it stops as soon as these maps are there.

    Attributes:
        watch: What is to watch the pass.
        maps: Of the layers that the pass reached.
    """

    def __init__(self, places: Sequence[Place], layers: Iterable[int], to_the_end: bool) -> None:
        self._asked = set(layers)
        self._empty: set[int] = set()  # layers that were given a batch of 0 items
        self.maps: dict[int, Maps] = {}
        self.watch = LayerWatch(
            places, self._conv, on_activation=self._activation, on_empty=lambda layer, call: self._empty.add(layer)
        )
        self._places = places
        self._to_the_end = to_the_end
        self._outstanding = set(self._asked)

    def missing(self) -> dict[int, str]:
        """Layers that have no maps after the pass, each with the sentence that says why."""
        sentences = {}
        for layer in sorted(self._asked - self.maps.keys()):
            place = self._places[layer]
            which = f"call {place.call} of {place.name}"
            sentences[layer] = (
                f"the net gave {which} nothing for this image, a batch of 0 items, as a detection net does that finds "
                "no box; choose another layer or image"
                if layer in self._empty
                else f"the net did not reach {which} for this image, as it did for the one the explorer was made with. "
                "A net whose path depends on the image shows only what it runs; choose another layer or image."
            )
        return sentences

    def _conv(self, layer: int, call: ConvCall) -> None:
        if layer not in self._asked:
            return
        pre_activation = _first(call.output, call.rank).clone()
        self.maps[layer] = Maps(
            # Cloned: an in-place operation further on must not alter them.
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
        if self._places[layer].activation.path:  # else it is the convolution's output, held already
            maps = self.maps[layer]
            maps.activation = _first(activation, maps.pre_activation.ndim - 1).clone()
        self._outstanding.discard(layer)
        if not self._to_the_end and not self._outstanding:
            self.watch.stop()


def _first(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """Our image's part of a tensor: a batch of one has an axis more than channels and space."""
    return tensor.detach()[0] if tensor.ndim == rank + 2 else tensor.detach()
