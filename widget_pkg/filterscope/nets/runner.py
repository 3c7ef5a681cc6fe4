"""From an image to the maps of the layers that it goes through; next: `filters.response`.

The only place that runs the user's net. Every pass runs on the twin, with our own random numbers, in the convention
that works for the net. The engine, the verdicts and the search for receptive fields all use a `NetRunner`.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.errors import NetError, describe_exception
from filterscope.host.sigint import defer_sigint, let_sigint_through
from filterscope.inputs import Inputs
from filterscope.nets.arrays import float32
from filterscope.nets.batching import compare
from filterscope.nets.calling import Calling, Convention, Forward, like_input
from filterscope.nets.conv_call import ConvCall
from filterscope.nets.extra_inputs import attach_inputs
from filterscope.nets.global_hooks import global_hooks, silent_global_hooks
from filterscope.nets.kernel_edits import KernelEdits
from filterscope.nets.layer_watch import LayerWatch, OnActivation, OnConv
from filterscope.nets.layers import ConvLayer, ReadWeights, layers_of
from filterscope.nets.modes import plain_modes, plain_parameters
from filterscope.nets.outputs import KnownClasses
from filterscope.nets.pace import Pace
from filterscope.nets.passes import MapKeeper, Pass, Weights
from filterscope.nets.rng import RandomStream
from filterscope.nets.supported import as_module, unseen_parts
from filterscope.nets.tracing import Recorder
from filterscope.nets.twin import Twin
from filterscope.outputs.kind import Answer

_MOST_IMAGES_AT_ONCE = 256
_BYTES_AT_ONCE = 256 * 2**20


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
        left_out: Why convolutions that ran are no layers, by name.
        image_shape: Shape `(C, H, W)` of the image that `find_layers` ran on.
        one_at_a_time: Why only one image at a time goes through the net, a sentence without full stop; "" where several
            may go together, or that is not known yet.
        known: What the data set tells of the classes, for the net's output.
        edits: Kernels that stand in all passes in place of the net's own.

    Raises:
        TypeError: If `net` is not a net, or `forward` is not a function.
        NetError: If the net's weights have no values.
        ValueError: If `forward` runs the user's net itself and not the net it receives.
    """

    def __init__(self, net: nn.Module, forward: Forward | None = None, pace: Pace | None = None) -> None:
        self.net = as_module(net)
        self.random = RandomStream(repeats=True)
        self.layers: tuple[ConvLayer, ...] = ()
        self.left_out: dict[str, str] = {}
        self.image_shape: tuple[int, ...] = ()
        self.known = KnownClasses()
        self.edits = KernelEdits()
        self._parts_note = ""
        self.one_at_a_time = ""
        self._together: bool | None = None  # whether several images may go in one pass, once that is known
        self._dynamic: frozenset[int] = frozenset()  # layers whose kernels were others for another image
        self._calling = Calling(self.net, forward)
        with plain_modes():  # a pass may write to its buffers, which it may not to inference tensors
            self._twin = Twin(self.net)
        self._pace = pace or Pace()
        hooks = global_hooks()
        if hooks:
            warnings.warn(
                f"hooks that are registered for all modules of this process do not run in filterscope's passes: "
                f"{', '.join(dict.fromkeys(hooks))}. If what the net computes needs one, register it on the net itself "
                "by net.register_forward_hook(...)",
                stacklevel=2,
            )

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

    def takes_batches(self, images: Iterable[np.ndarray | Inputs]) -> bool:
        """Whether several images may go in one pass: found out once, by two together and each of them alone.

        Args:
            images: Images `(C, H, W)` to find it out with, where it is not known; see `filterscope.nets.batching`.

        Returns:
            False also where these images do not tell.
        """
        if self._together is None and self._calling.takes_batches:
            comparison = compare(self, (image for image in images if isinstance(image, np.ndarray)))
            if comparison is not None:
                self.one_at_a_time, self._together = comparison.objection, not comparison.objection
                self._dynamic = comparison.dynamic
        return bool(self._together)

    def is_dynamic(self, layer: int) -> bool:
        """Whether each image has kernels of its own in a layer, as far as is known: `takes_batches` may find it out."""
        return self.layers[layer].dynamic or layer in self._dynamic

    def images_at_once(self, most: int = _MOST_IMAGES_AT_ONCE) -> int:
        """How many images go in one pass, so that the maps of all layers take at most about 256 MB; at most `most`.

        1 where several may not go together, or `takes_batches` has not found out yet whether they may.
        """
        if not self._together:
            return 1
        numbers = sum(int(np.prod(layer.out_shape)) for layer in self.layers) + int(np.prod(self.image_shape))
        return self._pace.images_at_once(int(np.clip(_BYTES_AT_ONCE // (numbers * 4 * 4), 1, most)))

    @property
    def call_note(self) -> str:
        """A sentence on how the net is called, for people; empty where it is given a batch of images."""
        return self._calling.note

    def batch(self, images: Sequence[np.ndarray | Inputs] | np.ndarray) -> torch.Tensor:
        """Images `(C, H, W)` of one shape stacked to a batch `(N, C, H, W)` on the net's device and in its dtype.

        Args:
            images: float32 `(C, H, W)` each, or all in one array. One alone may be the inputs of a sample that has
                several; the batch is then of the image that is shown, and has the others beside it: see
                `nets.extra_inputs`.
        """
        if isinstance(images, np.ndarray):
            with plain_modes():
                return like_input(self.net, torch.from_numpy(images.copy()))  # into which a net may write
        several = next((image for image in images if isinstance(image, Inputs)), None)
        with plain_modes():
            if several is not None:
                tensors = several.map(lambda array: like_input(self.net, torch.from_numpy(array[None])))
                return attach_inputs(tensors.shown, tensors)
            return like_input(self.net, torch.from_numpy(np.stack([np.asarray(image) for image in images])))

    # Passes

    @contextmanager
    def ready(self, gradients: bool = False) -> Iterator[nn.Module]:
        """Yields the module to call in a pass of the caller's own, in eval mode, with the live weights and buffers.

        An autocast and an inference mode of the caller's cell do not hold here: a page's pictures, made in another
        thread, know nothing of them.

        Args:
            gradients: Whether the pass can be differentiated.
        """
        with (
            defer_sigint(),
            plain_modes(),
            self.random.isolated(),
            silent_global_hooks(),
            self._twin.ready() as module,
            self.edits.applied(module),
            plain_parameters(module) if gradients else nullcontext(),
            torch.set_grad_enabled(gradients),
        ):
            yield module

    def call(self, module: nn.Module, batch: torch.Tensor) -> Any:
        """Calls the module from `ready` on a batch, in the convention that works for the net; returns its output."""
        return self._calling(module, batch)

    def find_layers(self, image: np.ndarray | Inputs, read_weights: ReadWeights | None = None) -> Any:
        """Lists the convolutions that a pass reaches, and finds the convention in which the net is called.

        Args:
            image: float32 `(C, H, W)`, or the inputs of a sample that has several.
            read_weights: Returns a layer's live kernels and bias, by the layer's index; by default as they are now.

        Returns:
            The net's output for that image.

        Raises:
            NetError: If the net refuses the image, or the pass reaches no convolution that can be shown.
        """
        batch = self.batch([image])
        self.random.look_again()
        self._twin.choose_hooks(lambda: self._plain_output(batch))
        weights: list[tuple[np.ndarray, np.ndarray | None]] = []

        def attempt(convention: Convention) -> Any:
            calls: list[ConvCall] = []

            def note(call: ConvCall) -> None:
                call.input, call.output = call.input.to("meta"), call.output.to("meta")  # keep shapes, not values
                calls.append(call)

            recorder = Recorder(note)
            with self.ready() as module, recorder.watching(module, batch):
                with let_sigint_through():
                    output = convention(module, batch)
                self._parts_note = _on_parts_made(self._twin.parts_made())
            self._calling.check(convention, batch, calls)
            trace = recorder.finish(output)
            self.layers = layers_of(self.net, calls, trace, read_weights or weights.__getitem__)
            shown = {layer.name for layer in self.layers}
            unseen = {name: reason for name, reason in unseen_parts(self.net).items() if name not in shown}
            self.left_out = unseen | trace.left_out
            return output

        self.one_at_a_time, self._together, self._dynamic = "", None, frozenset()
        copied_arrays = self._twin.copies_arrays
        try:
            output = self._calling.find_convention(self.net, batch, attempt)
        except NetError:
            if copied_arrays or not self._twin.copies_arrays:
                raise
            output = self._calling.find_convention(self.net, batch, attempt)
        self.image_shape = tuple(batch.shape[1:])
        self.known = self.known.seeing(output, 1, self.image_shape[1:])
        if read_weights is None:
            weights += self.weights(batch)
        return output

    def take_layers(self, other: NetRunner, read_weights: ReadWeights) -> None:
        """Has the layers of another net of the same architecture, and is called as that one: no pass is needed.

        Args:
            other: What `find_layers` has run on. This net is a copy of its `snapshot()`, with other weights.
            read_weights: Returns a layer's kernels and bias, by the layer's index.
        """
        modules = dict(self.net.named_modules())
        self.layers = tuple(
            replace(layer, module=None if layer.module is None else modules[layer.name], _read=read_weights)
            for layer in other.layers
        )
        self.random.look_again()
        self._calling.take(other._calling)
        self._twin.keep_all_hooks()
        self.left_out, self.image_shape, self.known = other.left_out, other.image_shape, other.known
        self.one_at_a_time, self._together, self._dynamic = other.one_at_a_time, other._together, other._dynamic

    def _plain_output(self, batch: torch.Tensor) -> Any:
        """The net's output for an image in the first convention that works."""

        def attempt(convention: Convention) -> Any:
            with self.ready() as module, let_sigint_through():
                return convention(module, batch)

        return self._calling.find_convention(self.net, batch, attempt)

    def keep(
        self,
        batch: torch.Tensor,
        layers: Iterable[int],
        to_the_end: bool = True,
        known: Mapping[int, Weights] | None = None,
    ) -> Pass:
        """Runs the net on one image and keeps the maps of some layers.

        Args:
            batch: The image, `(1, C, H, W)`, from `batch`.
            layers: Indices of the layers.
            to_the_end: Whether the pass goes on to the net's output; else it ends as soon as these maps are there.
            known: Weights that earlier passes computed, by layer: where this one computes equal ones, its maps have
                these.
        """
        keeper = MapKeeper(self.layers, layers, to_the_end, known)
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
            on_activation: Called with a layer's index and activation `(N, F, *S)`; the net goes on with what it changes
                in place.
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
                unbatched = activation.ndim == self.layers[layer].rank + 1
                on_activation(layer, activation[None] if unbatched else activation)

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

    def answers_and_scores(
        self, images: Sequence[np.ndarray | Inputs], targets: Sequence[Any] | None = None
    ) -> tuple[list[Answer | None], np.ndarray | None]:
        """What the net says of images of one shape, and how good that is.

        All images go in one pass where that gives what each gives in its own, else each in its own.

        Args:
            images: float32 `(C, H, W)` each.
            targets: Of each what its output is held against; None for no scores.

        Returns:
            What it says of each; and the scores, float64 `(N,)`, NaN where there is none, or None where it goes by
            classes alone.
        """
        together = len(images) > 1 and self.takes_batches(images)
        parts = [list(range(len(images)))] if together else [[place] for place in range(len(images))]
        scorer = None if targets is None else self.known.scorer
        answers, scores = list[Answer | None](), list[np.ndarray]()
        with self.ready() as module:
            for places in parts:
                batch = self.batch([images[place] for place in places])
                output, size = self.call(module, batch), tuple(batch.shape[2:])
                answers += self.known.answers(output, len(places), size)
                if scorer is not None and targets is not None:
                    labels = [targets[place] for place in places]
                    scores.append(scorer.of(output, scorer.targets(output, labels, size, labelled=True), size))
        return answers, np.concatenate(scores) if scores else None

    def refusal(self, batch: torch.Tensor, error: Exception) -> NetError:
        """The error for a net that raised in its forward pass on a batch."""
        return NetError(self._calling.refusal(self.net, batch, error))

    # The net's own changes

    def changed_in_structure(self) -> bool:
        """Whether the net has other modules, parameters or buffers than when it was copied."""
        return self._twin.changed_in_structure()

    def rebuild(self) -> None:
        """Copies the net again; needed after a change of its structure or of plain attributes."""
        with plain_modes():
            self._twin.rebuild()

    def sleep(self) -> None:
        """Lets go of the copy of the net until the next pass, which makes it anew."""
        self._twin.sleep()

    def checksum(self) -> int:
        """A number that changes when a weight or buffer changes; valid only in this process."""
        return self._twin.checksum()

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, with tensors of its own, which can be differentiated.

        Raises:
            NetError: If a tensor of it cannot be copied.
        """
        try:
            with plain_modes():
                return self._twin.snapshot()
        except Exception as error:
            raise NetError(
                f"the net's tensors cannot be copied ({describe_exception(error)}), so nothing may run it in the "
                "background; filterscope.diagnose(net, data) runs it as it is"
            ) from error


def _on_parts_made(names: list[str]) -> str:
    if not names:
        return ""
    return (
        f"The net makes parts of its own when it runs ({', '.join(names[:3])}). Here they are made anew in each pass, "
        "with new weights where these are random; run the net once, net(images), so that it keeps them."
    )
