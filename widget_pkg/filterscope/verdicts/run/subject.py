"""The net under examination: its twin, its layers, and passes over batches that hand on each layer's activation."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.data.source import SampleSource
from filterscope.errors import NetError, SampleError
from filterscope.nets.calling import Feeding, Forward, like_input
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, OnActivation, OnConv
from filterscope.nets.layers import find_layers
from filterscope.nets.rng import RandomStream
from filterscope.nets.supported import as_module
from filterscope.nets.twin import Twin


class Subject:
    """A net to diagnose; it is never changed, see `filterscope.nets.twin`.

    Args:
        net: The user's net.
        source: The data set; its first readable image finds the layers.
        forward: The user's own way of calling the net.

    Attributes:
        layers: The net's convolutions in execution order.
        kernels: Of each layer, float32 `(F, C_in/groups, *k)`.
        biases: Of each layer, float32 `(F,)` or None.
        image_shape: Of the image that found the layers.

    Raises:
        TypeError: If `net` is no net.
        NetError: If it refuses the image, or has no convolution that the pass reaches.
        SampleError: If none of the first images can be read.
    """

    def __init__(self, net: nn.Module, source: SampleSource, forward: Forward | None = None) -> None:
        net = as_module(net)
        self.twin = Twin(net)
        self.random = RandomStream()
        self._feed = Feeding(net, forward)
        image = self._first_image(source)
        self.image_shape = image.shape
        batch = self.batch([image])
        with self.random.instead():
            self.layers, _ = self._feed.settle(
                net, batch, lambda way: find_layers(self.twin, batch, lambda k: (self.kernels[k], self.biases[k]), way)
            )
        self.kernels, self.biases = self._weights(batch)

    def _first_image(self, source: SampleSource) -> np.ndarray:
        first: SampleError | None = None
        for index in range(min(len(source), 10)):
            try:
                with self.random.instead_of_all():
                    return source.read(index).image
            except SampleError as error:
                first = first or error
        assert first is not None  # a data set is never empty
        raise first

    def _weights(self, batch: torch.Tensor) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
        found: dict[int, ConvCall] = {}
        self.run(batch, range(len(self.layers)), lambda layer, activation: None, found.__setitem__)
        if len(found) < len(self.layers):
            raise NetError(
                "the net took another path when it was run again on the same image; its layers have no order"
            )
        calls = [found[layer] for layer in range(len(self.layers))]
        return [_array(call.kernels) for call in calls], [
            None if call.bias is None else _array(call.bias) for call in calls
        ]

    def batch(self, images: list[np.ndarray]) -> torch.Tensor:
        """Images of one shape as the net takes them: on its device, in its dtype."""
        return like_input(self.twin.net, torch.from_numpy(np.stack(images)))

    @property
    def takes_batches(self) -> bool:
        """Whether several images may go in one pass."""
        return self._feed.takes_batches

    def images_at_once(self, megabytes: int = 256) -> int:
        """How many images go in one pass, so that all layers' activations and what goes with them take little."""
        if not self.takes_batches:
            return 1
        numbers = sum(int(np.prod(layer.out_shape)) for layer in self.layers) + int(np.prod(self.image_shape))
        return int(np.clip(megabytes * 2**20 // (numbers * 4 * 4), 1, 256))

    def run(
        self,
        batch: torch.Tensor,
        wanted: Iterable[int],
        on_activation: OnActivation,
        on_conv: OnConv | None = None,
        gradients: bool = False,
        inside: Callable[[], Any] | None = None,
    ) -> Any:
        """Runs the twin on a batch.

        Args:
            batch: As from `batch`.
            wanted: Layers whose activations are handed on.
            on_activation: Gets them, and may raise `Enough`.
            on_conv: Gets each layer's call.
            gradients: Whether the pass can be differentiated; by default it is not.
            inside: Makes a context in which the net runs, inside of the recorder.

        Returns:
            The net's output, None where it was ended early.
        """
        chosen = set(wanted)

        def activation_of(layer: int, activation: torch.Tensor) -> None:
            if layer in chosen:
                on_activation(layer, activation)

        # A convolution that was given a batch of 0 items has its kernels all the same.
        watch = LayerWatch(self.layers, on_conv, on_activation=activation_of, on_empty=on_conv)
        output = None
        with (
            self.random.instead(),
            self.twin.ready() as module,
            torch.set_grad_enabled(gradients),
            watch.watching(module, batch),
        ):
            if inside is None:
                output = self._feed(module, batch)
            else:
                with inside():
                    output = self._feed(module, batch)
        return output

    def run_plain(self, batch: torch.Tensor, inside: Callable[[], Any] = nullcontext) -> Any:
        """Runs the twin without recording anything, in a context."""
        with self.random.instead(), self.twin.ready() as module, torch.no_grad(), inside():
            return self._feed(module, batch)

    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for the net's weights."""
        return fingerprint_of(self.twin.net)


def fingerprint_of(net: nn.Module) -> str:
    """16 hexadecimal digits of a SHA-256 over all names, shapes and values of a net's parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.layout == torch.strided and tensor.numel():
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()
