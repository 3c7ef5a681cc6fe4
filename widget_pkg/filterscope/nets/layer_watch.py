"""Follows layers through a pass: the convolution, and each operation from there to the activation."""

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
    """What identifies a layer in a pass; a `ConvLayer` is one."""

    @property
    def name(self) -> str:
        """Name of the layer's module."""

    @property
    def call(self) -> int:
        """Number of the call of that module, from 0."""

    @property
    def activation(self) -> Activation:
        """The operations that lead to the layer's activation."""


class LayerWatch:
    """Calls functions for the layers that a pass reaches; they must clone the tensors that they keep.

    Args:
        places: The layers in execution order.
        on_conv: Called right after a layer's convolution, with the layer's index and the call.
        on_step: Called after each operation between a layer's convolution and its activation, with the layer's index,
            the operation, its output and whether that output is the activation.
        on_activation: Called once for each layer that the pass reaches, with the layer's index and its activation,
            before the net goes on with it. Where no operation follows the convolution, that is its output.
        on_empty: Called instead of all these where the convolution's input has 0 items, with the layer's index and the
            call.
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
        self._followed: dict[int, tuple[int, tuple[int, ...]]] = {}  # value → (layer, the rest of its path)

    @contextmanager
    def watching(self, module: nn.Module, image: torch.Tensor) -> Iterator[None]:
        """Watches while the body runs `module` on `image`, or until `stop`. A watch can be used only once."""
        try:
            with self._recorder.watching(module, image):
                yield
        except (StopPass, Exception):
            # TorchScript's interpreter turns everything that is raised in it into an error of its own.
            if not self._stopped:
                raise
        finally:
            # Every tensor of the pass refers to the recorder. The functions it calls may refer to tensors, and such a
            # reference cycle stays in memory, gigabytes of it, until Python's garbage collector looks for cycles.
            self._on_conv = self._on_step = self._on_activation = self._on_empty = None
            self._recorder.let_go()

    def stop(self) -> NoReturn:
        """Ends the pass; to be called from one of the functions that the watch calls.

        Raises:
            StopPass: Always; `watching` catches it.
        """
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
            if others:  # this consumer (a copy, a check for NaN) is not on the path: a later one is
                self._followed[value] = (layer, (others - 1, *path))
                continue
            if path:
                self._followed[operation.outputs[0]] = (layer, tuple(path))
            if self._on_step is not None:
                self._on_step(layer, operation, outputs[0], not path)
            if not path and self._on_activation is not None:
                self._on_activation(layer, outputs[0])
