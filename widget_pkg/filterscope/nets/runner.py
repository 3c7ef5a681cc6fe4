"""From an image to the maps of the layers that it goes through; next: `filters.response`.

The only place that runs the user's net. Every pass runs on the twin, with our own random numbers, in the convention
that works for the net. The engine, the verdicts and the search for receptive fields all use a `NetRunner`.
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
    """When passes begin and how large they are: here at once, and as large as fits. A subclass may wait for people."""

    def before_pass(self) -> None:
        """Called before each pass; may wait, and may raise to end the work."""

    def images_at_once(self, fitting: int) -> int:
        """How many images go in one pass, where `fitting` images fit into memory."""
        return fitting

    def after_pass(self, images: int, seconds: float) -> None:
        """Called after each pass with its number of images and the seconds of processor time that it took."""


class NetRunner:
    """Runs a net without changing it; see `filterscope.nets.twin`.

    Args:
        net: The user's net.
        forward: The user's function of a net and an image, which calls the net; see `filterscope.nets.calling`.
        pace: When passes begin and how large they are.

    Attributes:
        net: The user's net, as a module: for an exported program its module.
        random: The stream of random numbers that passes draw from.
        layers: The net's convolutions in execution order, once `find_layers` has run.
        image_shape: Shape `(C, H, W)` of the image that `find_layers` ran on.

    Raises:
        TypeError: If `net` is not a net, or `forward` is not a function.
        NetError: If the net's weights have no values.
        ValueError: If `forward` runs the user's net itself and not the net it receives.
    """

    def __init__(self, net: nn.Module, forward: Forward | None = None, pace: Pace | None = None) -> None:
        self.net = as_module(net)
        self.random = RandomStream()
        self.layers: tuple[ConvLayer, ...] = ()
        self.image_shape: tuple[int, ...] = ()
        self._parts_note = ""
        self._calling = Calling(self.net, forward)
        self._twin = Twin(self.net)
        self._pace = pace or Pace()

    @property
    def forward(self) -> Forward | None:
        """The user's function that calls the net, or None."""
        return self._calling.forward

    @property
    def in_place(self) -> bool:
        """Whether passes run on the net itself, because it cannot be copied; then nothing else may run it meanwhile."""
        return self._twin.in_place

    @property
    def note(self) -> str:
        """Sentences on what of the net may be shown otherwise than people expect; empty where there is nothing to say.

        They are about hooks from outside of the net, and about parts that it makes in its first pass.
        """
        return " ".join(filter(None, [self._twin.hooks.note, self._parts_note]))

    @property
    def takes_batches(self) -> bool:
        """Whether several images may go in one pass."""
        return self._calling.takes_batches

    def images_at_once(self) -> int:
        """How many images go in one pass, so that the maps of all layers take at most about 256 MB; at most 256."""
        if not self.takes_batches:
            return 1
        numbers = sum(int(np.prod(layer.out_shape)) for layer in self.layers) + int(np.prod(self.image_shape))
        return self._pace.images_at_once(int(np.clip(_BYTES_AT_ONCE // (numbers * 4 * 4), 1, _MOST_IMAGES_AT_ONCE)))

    def batch(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """Images `(C, H, W)` of one shape stacked to a batch `(N, C, H, W)` on the net's device and in its dtype."""
        return like_input(self.net, torch.from_numpy(np.stack(images)))

    # Passes

    @contextmanager
    def ready(self, gradients: bool = False) -> Iterator[nn.Module]:
        """Yields the module to call in a pass of the caller's own, in eval mode, with the live weights and buffers.

        Args:
            gradients: Whether the pass can be differentiated.
        """
        with self.random.isolated_torch(), self._twin.ready() as module, torch.set_grad_enabled(gradients):
            yield module

    def call(self, module: nn.Module, batch: torch.Tensor) -> Any:
        """Calls the module from `ready` on a batch, in the convention that works for the net; returns its output."""
        return self._calling(module, batch)

    def find_layers(self, image: np.ndarray, read_weights: ReadWeights | None = None) -> Any:
        """Lists the convolutions that a pass reaches, and finds the convention in which the net is called.

        Args:
            image: float32 `(C, H, W)`.
            read_weights: Returns a layer's live kernels and bias, by the layer's index; by default as they are now.

        Returns:
            The net's output for that image.

        Raises:
            NetError: If the net refuses the image, or the pass reaches no convolution that can be shown.
        """
        batch = self.batch([image])
        self._twin.choose_hooks(lambda: self._plain_output(batch))
        weights: list[tuple[np.ndarray, np.ndarray | None]] = []

        def attempt(convention: Convention) -> Any:
            calls: list[ConvCall] = []

            def note(call: ConvCall) -> None:
                call.input, call.output = call.input.to("meta"), call.output.to("meta")  # keep shapes, not values
                calls.append(call)

            recorder = Recorder(note)
            with self.ready() as module, recorder.watching(module, batch):
                output = convention(module, batch)
                self._parts_note = _on_parts_made(self._twin.parts_made())
            trace = recorder.finish(output)
            self.layers = layers_of(self.net, calls, trace, read_weights or weights.__getitem__)
            return output

        copied_arrays = self._twin.copies_arrays
        try:
            output = self._calling.find_convention(self.net, batch, attempt)
        except NetError:
            if copied_arrays or not self._twin.copies_arrays:
                raise
            output = self._calling.find_convention(self.net, batch, attempt)
        self.image_shape = image.shape
        if read_weights is None:
            weights += self.weights(batch)
        return output

    def _plain_output(self, batch: torch.Tensor) -> Any:
        """The net's output for an image in the first convention that works, always with the random numbers from now."""

        def attempt(convention: Convention) -> Any:
            with self.ready() as module:
                return convention(module, batch)

        random, self.random = self.random, RandomStream()
        try:
            return self._calling.find_convention(self.net, batch, attempt)
        finally:
            self.random = random

    def keep(self, batch: torch.Tensor, layers: Iterable[int], to_the_end: bool = True) -> Pass:
        """Runs the net on one image and keeps the maps of some layers.

        Args:
            batch: The image, `(1, C, H, W)`, from `batch`.
            layers: Indices of the layers.
            to_the_end: Whether the pass goes on to the net's output; else it ends as soon as these maps are there.
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
        """Runs the net on a batch and calls functions with what its layers compute.

        Args:
            batch: Images `(N, C, H, W)`, from `batch`.
            layers: Indices of the layers for which `on_activation` is called.
            on_activation: Called with a layer's index and activation; the net goes on with what it changes in place.
            on_conv: Called with the index and the convolution call of every layer.
            gradients: Whether the pass can be differentiated.
            inside: Returns a context manager in which the net runs, entered after the one that records the pass.

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

        # A convolution has its kernels also where its input has 0 items.
        return LayerWatch(self.layers, on_conv, on_activation=hand_on, on_empty=on_conv)

    def weights(self, batch: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Each layer's kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None, as a pass uses them.

        Raises:
            NetError: If the pass does not reach all the layers that the first pass reached.
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
        """Probabilities of the classes for images of one shape, float64 `(N, K)`.

        All images go in one pass where the net takes batches, else each in its own.

        Args:
            images: float32 `(C, H, W)` each.

        Returns:
            The probabilities; None where the net's output is not one score per class.
        """
        with self.ready() as module:
            if self.takes_batches:
                return class_scores(self.call(module, self.batch(images)), len(images))
            singles = [class_scores(self.call(module, self.batch([image])), 1) for image in images]
        scores = [single for single in singles if single is not None]
        return np.concatenate(scores) if len(scores) == len(images) else None

    def refusal(self, batch: torch.Tensor, error: Exception) -> NetError:
        """The error for a net that raised in its forward pass on a batch."""
        return NetError(self._calling.refusal(self.net, batch, error))

    # The net's own changes

    def changed_in_structure(self) -> bool:
        """Whether the net has other modules, parameters or buffers than when it was copied."""
        return self._twin.changed_in_structure()

    def rebuild(self) -> None:
        """Copies the net again; needed after a change of its structure or of plain attributes."""
        self._twin.rebuild()

    def sleep(self) -> None:
        """Lets go of the copy of the net until the next pass, which makes it anew."""
        self._twin.sleep()

    def checksum(self) -> int:
        """A number that changes when a weight or buffer changes; valid only in this process."""
        return self._twin.checksum()

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, with tensors of its own."""
        return self._twin.snapshot()


def _on_parts_made(names: list[str]) -> str:
    if not names:
        return ""
    return (
        f"The net makes parts of its own when it runs ({', '.join(names[:3])}). Here they are made anew in each pass, "
        "with new weights where these are random; run the net once, net(images), so that it keeps them."
    )


def fingerprint(net: nn.Module) -> str:
    """16 hexadecimal digits of a SHA-256 over names, shapes, dtypes and values of a net's parameters and buffers.

    Copies of a net have equal fingerprints, also in another process.
    """
    digest = hashlib.sha256()
    for name, tensor in [*net.named_parameters(), *net.named_buffers()]:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.layout == torch.strided and tensor.numel():
            digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def float32(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values as a float32 array that shares no memory with it."""
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()


def float32_shared(tensor: torch.Tensor) -> np.ndarray:
    """A tensor's values as a float32 array, which may share memory with it: only for tensors that are not the net's."""
    return tensor.detach().to("cpu", torch.float32).numpy()
