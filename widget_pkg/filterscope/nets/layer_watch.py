"""Follows layers through a pass: the convolution, and each step from there to the activation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn, Protocol

import torch
from torch import nn

from filterscope.nets.activations import Activation
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.interruption import StopPass
from filterscope.nets.tracing import Operation, Recorder

OnConv = Callable[[int, ConvCall], None]
OnStep = Callable[[int, Operation, torch.Tensor, bool], None]
OnActivation = Callable[[int, torch.Tensor], None]


class Place(Protocol):
    """What tells a layer in a pass; a `ConvLayer` is one."""

    @property
    def name(self) -> str:
        """The name of its module."""

    @property
    def call(self) -> int:
        """Which call of that name it is."""

    @property
    def activation(self) -> Activation:
        """Where its activation is found."""


class LayerWatch:
    """Tells of the layers that a pass reaches; what is to be kept must be cloned.

    Args:
        places: Which call each layer is, and where its activation is found, in execution order.
        on_conv: Called with a layer's index and its call, right after the convolution.
        on_step: Called after each operation between a layer's convolution and its activation, with the layer's index,
            the operation, its output and whether that is the activation.
        on_activation: Called once for each layer that the pass reaches, with its activation as the net computes it,
            before anything else happens to it. Where nothing follows the convolution that is the convolution's output.
        on_empty: Called in place of all these with a call that was given a batch of 0 items.
    """

    def __init__(
        self,
        places: Sequence[Place],
        on_conv: OnConv | None = None,
        on_step: OnStep | None = None,
        on_activation: OnActivation | None = None,
        on_empty: OnConv | None = None,
    ) -> None:
        self._recorder = Recorder(self._conv, self._value)
        self._stopped = False
        self._places = places
        self._on_conv, self._on_step, self._on_empty = on_conv, on_step, on_empty
        self._on_activation = on_activation
        self._layers = {(place.name, place.call): index for index, place in enumerate(places)}
        self._calls: Counter[str] = Counter()
        self._followed: dict[int, tuple[int, tuple[int, ...]]] = {}  # value → (layer, the way still to go)

    @contextmanager
    def watching(self, module: nn.Module, image: torch.Tensor) -> Iterator[None]:
        """Watches while the body runs `module` on `image`, at most until `stop`. Once only."""
        try:
            with self._recorder.watching(module, image):
                yield
        except (StopPass, Exception):
            # TorchScript's interpreter makes an error of its own of whatever is raised in it.
            if not self._stopped:
                raise
        finally:
            # Every tensor of the pass knows the recorder. What is called back may hold tensors in its turn, and such a
            # circle stays in memory, gigabytes of it, until Python looks for circles.
            self._on_conv = self._on_step = self._on_activation = self._on_empty = None
            self._recorder.let_go()

    def stop(self) -> NoReturn:
        """Ends the pass, from inside of one of the functions that are called in it."""
        self._stopped = True
        raise StopPass

    def _conv(self, call: ConvCall) -> None:
        layer = self._layers.get((call.name, self._calls[call.name]))
        self._calls[call.name] += 1
        if layer is None:
            return
        if call.items == 0:
            if self._on_empty is not None:
                self._on_empty(layer, call)
            return
        if self._on_conv is not None:
            self._on_conv(layer, call)
        path, value = self._places[layer].activation.path, self._recorder.value_of(call.output)
        if path and value is not None:
            self._followed[value] = (layer, path)
        elif self._on_activation is not None:
            self._on_activation(layer, call.output)

    def _value(self, operation: Operation, outputs: list[torch.Tensor]) -> None:
        for value in operation.inputs:
            if value not in self._followed:
                continue
            layer, (others, *path) = self._followed.pop(value)
            if others:  # a copy that is kept, a look for NaN: the way goes through one that comes later
                self._followed[value] = (layer, (others - 1, *path))
                continue
            if path:
                self._followed[operation.outputs[0]] = (layer, tuple(path))
            if self._on_step is not None:
                self._on_step(layer, operation, outputs[0], not path)
            if not path and self._on_activation is not None:
                self._on_activation(layer, outputs[0])
