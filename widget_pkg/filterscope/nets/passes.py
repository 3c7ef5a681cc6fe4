"""One forward pass of the twin that keeps what the pictures need, and one that lists the net's convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, Place
from filterscope.nets.tracing import Recorder, Trace
from filterscope.nets.twin import Twin


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


Feed = Callable[[nn.Module, torch.Tensor], Any]
"""Gives a batch to a module, the way it takes it."""


def run(
    twin: Twin,
    batch: torch.Tensor,
    places: Sequence[Place],
    wanted: Iterable[int],
    to_the_end: bool = True,
    feed: Feed = nn.Module.__call__,
) -> Pass:
    """Runs the twin on one image and keeps the maps of the wanted layers.

    Args:
        twin: The net's twin.
        batch: The image as the net takes it, `(1, C, H, W)`.
        places: Which call each layer is, and where its activation is found, in execution order.
        wanted: Indices of the layers to keep.
        to_the_end: Whether the pass goes on to the net's output; else it stops as soon as the wanted maps are there.
        feed: Gives the batch to the twin's module; by default calls it.
    """
    keeper = _Keeper(places, set(wanted), to_the_end)
    result = Pass(keeper.maps)
    with twin.ready() as module, torch.no_grad(), keeper.watch.watching(module, batch):
        result.output = feed(module, batch)
    for layer in sorted(keeper.wanted - keeper.maps.keys()):
        which = f"call {places[layer].call} of {places[layer].name}"
        result.missing[layer] = (
            f"the net gave {which} nothing for this image, a batch of 0 items, as a detection net does that finds no "
            "box; choose another layer or image"
            if layer in keeper.empty
            else f"the net did not reach {which} for this image, as it did for the one the explorer was made with. A "
            "net whose path depends on the image shows only what it runs; choose another layer or image."
        )
    return result


class _Keeper:
    """Clones, during a pass, the tensors of the wanted layers at the moment when they hold what is wanted."""

    def __init__(self, places: Sequence[Place], wanted: set[int], to_the_end: bool) -> None:
        self.wanted = wanted
        self.empty: set[int] = set()  # layers that were given a batch of 0 items
        self.maps: dict[int, Maps] = {}
        self.watch = LayerWatch(
            places, self._conv, on_activation=self._activation, on_empty=lambda layer, call: self.empty.add(layer)
        )
        self._places = places
        self._to_the_end = to_the_end
        self._missing = set(wanted)

    def _conv(self, layer: int, call: ConvCall) -> None:
        if layer not in self.wanted:
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
        if layer not in self.wanted:
            return
        if self._places[layer].activation.path:  # else it is the convolution's output, held already
            maps = self.maps[layer]
            maps.activation = _first(activation, maps.pre_activation.ndim - 1).clone()
        self._missing.discard(layer)
        if not self._to_the_end and not self._missing:
            self.watch.stop()


def _first(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    """Our image's part of a tensor: a batch of one has an axis more than channels and space."""
    return tensor.detach()[0] if tensor.ndim == rank + 2 else tensor.detach()


def list_calls(twin: Twin, batch: torch.Tensor, feed: Feed = nn.Module.__call__) -> tuple[list[ConvCall], Trace, Any]:
    """One complete pass that lists the calls of convolutions in execution order.

    Returns:
        The calls (their tensors reduced to shapes, so that nothing large is held), the trace, and the net's output.
    """
    calls: list[ConvCall] = []

    def note(call: ConvCall) -> None:
        call.input, call.output = call.input.to("meta"), call.output.to("meta")
        calls.append(call)

    recorder = Recorder(note)
    with twin.ready() as module, torch.no_grad(), recorder.watching(module, batch):
        output = feed(module, batch)
    return calls, recorder.finish(output), output
