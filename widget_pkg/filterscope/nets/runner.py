"""From an image to the maps of the layers that it goes through; next: `filters.response`.

The one place that runs somebody's net. Every pass runs on the twin, with random numbers of our own, called the way the
net takes images; `filterscope.engine`, the verdicts and the search for receptive fields are given a runner.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError
from filterscope.nets.calling import Calling, Convention, Forward, like_input
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.layer_watch import LayerWatch, OnActivation, OnConv
from filterscope.nets.layers import ConvLayer, ReadWeights, layers_of
from filterscope.nets.outputs import class_scores
from filterscope.nets.passes import MapKeeper, Pass
from filterscope.nets.rng import RandomStream
from filterscope.nets.supported import as_module
from filterscope.nets.tracing import Recorder
from filterscope.nets.twin import Twin

_MOST_IMAGES_AT_ONCE = 256
_BYTES_AT_ONCE = 256 * 2**20


class Pace:
    """When passes begin and how large they are: as they come. Work beside a person gives a runner another one."""

    def before_pass(self) -> None:
        """Called before each pass; what it raises ends the work."""

    def images_at_once(self, fitting: int) -> int:
        """How many images go in one pass, of so many that fit into memory."""
        return fitting

    def after_pass(self, images: int, seconds: float) -> None:
        """A pass over so many images took so many seconds of the processor."""


class NetRunner:
    """Runs a net and leaves it as it came: see `filterscope.nets.twin`.

    Args:
        net: The user's net.
        forward: The user's own way of calling it, a function of net and image; see `filterscope.nets.calling`.
        pace: When passes begin and how large they are.

    Attributes:
        net: The net that is shown; of an exported program its module.
        random: The random numbers that passes draw.
        layers: The net's convolutions in execution order, once `find_layers` has run.
        image_shape: Of the image that found them.

    Raises:
        TypeError: If `net` is no net, or `forward` no function.
        NetError: If the net's weights have no values.
        ValueError: If `forward` runs the user's net itself, and not the one that it is given.
    """

    def __init__(self, net: nn.Module, forward: Forward | None = None, pace: Pace | None = None) -> None:
        self.net = as_module(net)
        self.random = RandomStream()
        self.layers: tuple[ConvLayer, ...] = ()
        self.image_shape: tuple[int, ...] = ()
        self._calling = Calling(self.net, forward)
        self._twin = Twin(self.net)
        self._pace = pace or Pace()

    @property
    def forward(self) -> Forward | None:
        """The user's own way of calling the net."""
        return self._calling.forward

    @property
    def in_place(self) -> bool:
        """Whether the net cannot be copied: passes run on the net itself, so nothing else may run it meanwhile."""
        return self._twin.in_place

    @property
    def takes_batches(self) -> bool:
        """Whether several images may go in one pass."""
        return self._calling.takes_batches

    def images_at_once(self) -> int:
        """How many images go in one pass, so that all layers' activations and what goes with them take little."""
        if not self.takes_batches:
            return 1
        numbers = sum(int(np.prod(layer.out_shape)) for layer in self.layers) + int(np.prod(self.image_shape))
        return self._pace.images_at_once(int(np.clip(_BYTES_AT_ONCE // (numbers * 4 * 4), 1, _MOST_IMAGES_AT_ONCE)))

    def batch(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Images of one shape as the net takes them: stacked, on its device, in its dtype."""
        return like_input(self.net, torch.from_numpy(np.stack(images)))

    # Passes

    @contextmanager
    def ready(self, gradients: bool = False) -> Iterator[nn.Module]:
        """Yields the twin's module for passes of one's own, in eval mode and with the live weights and buffers."""
        with self.random.isolated_torch(), self._twin.ready() as module, torch.set_grad_enabled(gradients):
            yield module

    def call(self, module: nn.Module, batch: torch.Tensor) -> Any:
        """Calls a module that `ready` gave, the way the net takes images, and returns its output."""
        return self._calling(module, batch)

    def find_layers(self, image: np.ndarray, read_weights: ReadWeights | None = None) -> Any:
        """Lists the convolutions that a pass reaches, and finds out how the net is called.

        Args:
            image: float32 `(C, H, W)`.
            read_weights: Gives a layer's live kernels and bias by its index; by default as they are now.

        Returns:
            The net's output for that image.

        Raises:
            NetError: If the net refuses the image, or the pass reaches no convolution that can be shown.
        """
        batch = self.batch([image])
        held: list[tuple[np.ndarray, np.ndarray | None]] = []

        def attempt(convention: Convention) -> Any:
            calls: list[ConvCall] = []

            def note(call: ConvCall) -> None:
                call.input, call.output = call.input.to("meta"), call.output.to("meta")  # nothing large is held
                calls.append(call)

            recorder = Recorder(note)
            with self.ready() as module, recorder.watching(module, batch):
                output = convention(module, batch)
            trace = recorder.finish(output)
            self.layers = layers_of(self.net, calls, trace, read_weights or held.__getitem__)
            return output

        output = self._calling.find_convention(self.net, batch, attempt)
        self.image_shape = image.shape
        if read_weights is None:
            held += self.weights(batch)
        return output

    def keep(self, batch: torch.Tensor, layers: Iterable[int], to_the_end: bool = True) -> Pass:
        """Runs the net on one image and keeps the maps of some layers.

        Args:
            batch: The image as the net takes it, `(1, C, H, W)`.
            layers: Indices of the layers.
            to_the_end: Whether the pass goes on to the net's output; else it stops as soon as these maps are there.
        """
        keeper = MapKeeper(self.layers, layers, to_the_end)
        output = None
        with self.ready() as module, keeper.watch.watching(module, batch):
            output = self.call(module, batch)
        return Pass(keeper.maps, output, keeper.missing())

    def run(
        self,
        batch: torch.Tensor,
        layers: Iterable[int] = (),
        on_activation: OnActivation | None = None,
        on_conv: OnConv | None = None,
        gradients: bool = False,
        inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> Any:
        """Runs the net on a batch and hands on what layers compute.

        Args:
            batch: As from `batch`.
            layers: Layers whose activations are handed on.
            on_activation: Gets their indices and activations; what it changes in place, the net goes on with.
            on_conv: Gets each layer's index and call.
            gradients: Whether the pass can be differentiated.
            inside: Makes a context in which the net runs, inside of what records the pass.

        Returns:
            The net's output; None where one of the functions ended the pass.
        """
        self._pace.before_pass()
        start = time.thread_time()  # of the processor: what else the machine does makes no pass smaller
        output = None
        with self.ready(gradients) as module:
            if on_activation is None and on_conv is None:
                with inside():
                    output = self.call(module, batch)
            else:
                with self._watch(set(layers), on_activation, on_conv).watching(module, batch), inside():
                    output = self.call(module, batch)
        self._pace.after_pass(len(batch), time.thread_time() - start)
        return output

    def _watch(self, layers: set[int], on_activation: OnActivation | None, on_conv: OnConv | None) -> LayerWatch:
        def hand_on(layer: int, activation: torch.Tensor) -> None:
            if layer in layers and on_activation is not None:
                on_activation(layer, activation)

        # A convolution that was given a batch of 0 items has its kernels all the same.
        return LayerWatch(self.layers, on_conv, on_activation=hand_on, on_empty=on_conv)

    def weights(self, batch: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Each layer's kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None, as a pass uses them.

        Raises:
            NetError: If the pass takes another way than the one that found the layers.
        """
        calls: dict[int, ConvCall] = {}
        self.run(batch, on_conv=calls.__setitem__)
        if len(calls) < len(self.layers):
            raise NetError(
                "the net took another path when it was run again on the same image; its layers have no order"
            )
        return [
            (float32(calls[layer].kernels), None if (bias := calls[layer].bias) is None else float32(bias))
            for layer in range(len(self.layers))
        ]

    def class_scores(self, images: Sequence[np.ndarray]) -> np.ndarray | None:
        """Probabilities of the classes for images of one shape, float64 `(N, K)`; None where there are none.

        In one pass where the net takes batches, else one by one.
        """
        with self.ready() as module:
            if self.takes_batches:
                return class_scores(self.call(module, self.batch(images)), len(images))
            singles = [class_scores(self.call(module, self.batch([image])), 1) for image in images]
        scores = [single for single in singles if single is not None]
        return np.concatenate(scores) if len(scores) == len(images) else None

    def refusal(self, batch: torch.Tensor, error: Exception) -> NetError:
        """What is said of a net that raised in its forward pass."""
        return NetError(self._calling.refusal(self.net, batch, error))

    # The net's own changes

    def changed_in_structure(self) -> bool:
        """Whether modules, parameters or buffers of the net are others than when it was copied."""
        return self._twin.changed_in_structure()

    def rebuild(self) -> None:
        """Copies the net anew, as after a change of its structure or of plain attributes."""
        self._twin.rebuild()

    def checksum(self) -> int:
        """A number that changes when a weight or buffer changes; quick, and of this process alone."""
        return self._twin.checksum()

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, with tensors of its own."""
        return self._twin.snapshot()


def fingerprint(net: nn.Module) -> str:
    """16 hexadecimal digits of a SHA-256 over all names, shapes and values of a net's parameters and buffers.

    A copy of a net, also in another process, has the same.
    """
    digest = hashlib.sha256()
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.layout == torch.strided and tensor.numel():
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def float32(tensor: torch.Tensor) -> np.ndarray:
    """A float32 copy that shares no memory with the net."""
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()


def float32_shared(tensor: torch.Tensor) -> np.ndarray:
    """A float32 array of a tensor that is ours, without a copy where none is needed."""
    return tensor.detach().to("cpu", torch.float32).numpy()
