"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds what was computed lately, and notices when the weights changed.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource
from filterscope.engine.classes import Classes, Looked, Prediction
from filterscope.engine.live_net import LiveNet
from filterscope.engine.lock import EngineLock
from filterscope.engine.map_store import MapStore, kept_maps
from filterscope.engine.moment import Moment
from filterscope.engine.responses import ResponseStore
from filterscope.engine.samples import Samples
from filterscope.engine.showing import Showing
from filterscope.engine.shown_net import CheckpointNets, ShownNet
from filterscope.errors import NetError
from filterscope.filters import response
from filterscope.filters.response import Source
from filterscope.nets.arrays import float32
from filterscope.nets.calling import Forward
from filterscope.nets.kernel_edits import KernelEdit
from filterscope.nets.layers import ConvLayer
from filterscope.nets.net_state import template_of
from filterscope.nets.passes import Maps
from filterscope.nets.runner import NetRunner
from filterscope.outputs.kind import Answer
from filterscope.timeline.checkpoints import Checkpoints


class Engine:
    """Computes what a net does to the images of a data set.

    All methods may be called from any thread. Arrays are the caller's own, but those that are said to be shared.

    Args:
        net: The user's net; it is never changed, see `filterscope.nets.twin`.
        source: The data set.
        first_image: Index of the image with which the layers are found.
        forward: The user's own way of calling the net, a function of net and image; see `filterscope.nets.calling`.
        checkpoints: States of the net at other moments; see `filterscope.timeline.checkpoints`.

    Attributes:
        lock: Held while the net runs, and while what was computed is kept or dropped; set down while a sample is read.
        showing: Which net is shown, and its revision.
        live: The user's own net; hold the lock.
        source: The data set.
        samples: The samples looked at last.
        response_store: The responses of recent layers.
        checkpoints: The net's states at other moments.
        trials: How many of these revisions are trials: another kernel or image, of the same weights and data.
        selected_image: Gives the image whose kernels a layer has of which each image has others; by default the first
            image.
        moved: When somebody last waited for a picture, in seconds of `time.monotonic`.

    Raises:
        TypeError: If `net` is no net, or `forward` no function.
        NetError: If it cannot be shown, refuses the image, or has no convolution that the pass reaches.
        SampleError: If the image cannot be read.
        ValueError: If there are fewer class names than the net has classes.
    """

    def __init__(
        self,
        net: nn.Module,
        source: SampleSource,
        first_image: int = 0,
        forward: Forward | None = None,
        checkpoints: Any = None,
    ) -> None:
        runner = NetRunner(net, forward)
        self.lock = EngineLock()
        self.trials = 0
        self.moved = -math.inf
        self.selected_image: Callable[[], int] = lambda: self.first_image
        self.closed = False
        self.source = source
        self.samples = Samples(source, self.lock)
        self.response_store = ResponseStore(self.lock)
        kept = kept_maps()
        live = ShownNet(runner, MapStore(runner, self.samples, self.lock, kept))
        self.live = LiveNet(live, source, self.samples, first_image, self.weights)
        for sentence in self.live.peculiarities:
            warnings.warn(sentence, stacklevel=3)
        self.checkpoints = Checkpoints(checkpoints, template_of(runner.net))
        nets = CheckpointNets(live, self.checkpoints, self.samples, self.lock, kept, self.weights)
        self.showing = Showing(live, self.checkpoints, nets, self.lock)

    # Which net is shown

    @property
    def revision(self) -> int:
        """Stands for the weights that are shown: what was computed under another one no longer holds."""
        return self.showing.revision

    @property
    def runner(self) -> NetRunner:
        """Runs the net that is shown."""
        return self.showing.net.runner

    @property
    def map_store(self) -> MapStore:
        """The maps of recent images in the net that is shown."""
        return self.showing.net.map_store

    @property
    def net(self) -> nn.Module:
        """The net that is shown: the user's own, or a copy with a checkpoint's weights."""
        return self.runner.net

    @property
    def forward(self) -> Forward | None:
        """The user's own way of calling the net."""
        return self.live.runner.forward

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions in execution order; their weights are those of the net that is shown."""
        return self.live.runner.layers

    @property
    def classes(self) -> Classes:
        """The classes among which the net chooses."""
        return self.live.classes

    @property
    def first_image(self) -> int:
        """The image with which the layers were found."""
        return self.live.first_image

    @property
    def note(self) -> str:
        """Sentences about the whole data set and how the net is called with it; empty where there is none to say."""
        trial = self.live.runner.edits.note if self.showing.checkpoint is None else ""
        return " ".join(filter(None, [self.source.note, self.live.runner.call_note, trial]))

    @property
    def runs_the_net_itself(self) -> bool:
        """Whether the net cannot be copied, so that nothing may run it in the background."""
        return not self.closed and self.live.runner.in_place

    # Whether it still holds

    def check(self, within: float = 0.0) -> bool:
        """Whether weights or buffers of the net changed since the last look; then what was computed is dropped.

        Args:
            within: A look that is no more than so many seconds old counts as this one.
        """
        with self.lock:
            self._stay_open()
            if time.monotonic() - self.live.looked < within:
                return False
            if self.showing.checkpoint is not None:  # its weights are a copy of our own
                self.live.looked = time.monotonic()
                return False
            structure = self.live.structure
            changed = self.live.look(self._forget)
            if self.live.structure != structure:
                self.showing.drop()
            return changed

    def check_structure(self) -> bool:
        """Whether the net's structure changed, which `check` then takes in; quick, whatever the net's size."""
        with self.lock:
            self._stay_open()
            return self.showing.checkpoint is None and self.live.outdated and self.check()

    def refresh(self) -> None:
        """Reads net and data set anew: changed structure, attributes and samples are seen too.

        Raises:
            NetError: If the net can no longer be shown.
            SampleError: If none of the first images can be read any more.
            ValueError: If the data set is empty now.
        """
        with self.lock:
            self._stay_open()
            self.live.outdate()
            self.samples.clear()
            self._forget()
            self.samples.measure()
            self._stay_open()  # meanwhile the lock was set down
            self.samples.clear()
            try:
                self.live.find_layers_anew()
            finally:
                self.showing.drop()

    def sleep(self) -> None:
        """Lets go of all that can be computed anew, and of the copy of the net; whoever asks for something wakes it.

        The newest sample is kept where another reading might give another image.
        """
        with self.lock:
            if self.closed:
                return
            self.samples.sleep(keep_newest=self.source.random or self.source.is_stream)
            self.live.sleep()
            self.showing.drop()
            self.response_store.clear()

    def close(self) -> None:
        """Lets go of the net, the data set and all that was computed."""
        with self.lock:
            if self.closed:
                return
            self._forget()
            self.live.close()
            self.showing.close()
            self.samples.close()
            self.closed = True
            del self.checkpoints, self.source

    def _stay_open(self) -> None:
        if self.closed:
            raise RuntimeError("this explorer is closed; make a new one")

    def _stay_whole(self) -> None:
        """Sees to it that the layers are the net's.

        Raises:
            ValueError: If they cannot be found any more: what `refresh` would say.
        """
        self._stay_open()
        self.live.check_layers(self.check)

    def _forget(self) -> None:
        self.showing.begin_revision()
        self.live.forget()
        self.response_store.clear()

    # A trial

    @property
    def edits(self) -> tuple[KernelEdit, ...]:
        """The kernels that stand in place of the net's own; a checkpoint is shown without them."""
        return () if self.closed else self.live.runner.edits.edits

    def edit(self, edits: Sequence[KernelEdit]) -> None:
        """Runs the twin with other kernels from now on; the user's net stays as it is.

        Args:
            edits: All of them, at most one a filter, each of an `editable` layer.

        Raises:
            NetError: If the net cannot be copied.
            ValueError: If a checkpoint is shown.
        """
        with self.lock:
            self._stay_whole()
            if edits and self.showing.checkpoint is not None:
                raise ValueError(
                    "a checkpoint is shown, and a kernel is edited in the net itself; select checkpoint None first"
                )
            self.live.edit(edits)
            self.trials += 1
            self._forget()

    def try_image(self, sample: Sample | None) -> None:
        """Shows an image in place of one of the data set's, whose index it has; None: those of the data set again."""
        with self.lock:
            self._stay_open()
            self.samples.trial = sample
            self.trials += 1
            self._forget()
            self.showing.drop()

    # Samples

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among those looked at last.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self.samples.sample(image)

    # One image and one layer

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image, as the net's tensors; see `MapStore.maps`."""
        with self.lock:
            if (image, layer) not in self.map_store:
                self.sample(image)  # first, as in `moment`
            self._stay_whole()
            return self.map_store.maps(image, layer)

    def complete(self, image: int) -> None:
        """One pass to the end; see `MapStore.complete`."""
        with self.lock:
            self.sample(image)  # first, as in `moment`
            self._stay_whole()
            self.map_store.complete(image)

    def moment(self, image: int, layer: int) -> Moment:
        """What a layer does to an image now; whether the weights changed is for the caller to `check`.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self.lock:
            sample = self.sample(image)  # first: while it is read the lock is set down, and the net may change
            self._stay_whole()
            return Moment.of(
                self.map_store,
                image,
                self.layers[layer],
                sample,
                self.classes,
                revision=self.revision,
                images=len(self.source),
                note=self.note,
                tells=self.live.tells,
                store=self.response_store,
            )

    def weights(self, layer: int, image: int | None = None) -> tuple[np.ndarray, np.ndarray | None]:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None.

        Args:
            layer: Index of the layer.
            image: Whose kernels they are, where each image has its own; None for the selected one.
        """
        with self.lock:
            self.check()
            self._stay_whole()
            weight, bias = self.map_store.weights(layer, self.selected_image() if image is None else image)
            return float32(weight), None if bias is None else float32(bias)

    def kernels(self, layer: int, image: int | None = None) -> np.ndarray:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`; see `weights`."""
        return self.weights(layer, image)[0]

    def response(self, image: int, layer: int, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """The response of one filter by `cv2.filter2D` alone, as `filterscope.filters.response` computes it."""
        with self.lock:
            pixels = self.sample(image).image  # first, as in `moment`
            self._stay_whole()
            record = self.layers[layer]
            kernel = float32(self.map_store.weights(layer, image)[0][filter_index])
            if source == "image":
                return response.response_over_image(pixels, kernel, record, channel)
            layer_input = float32(self.map_store.maps(image, layer).input)
        return response.response_over_input(layer_input, kernel, record, filter_index, channel)

    # The net's output

    def prediction(self, image: int) -> Prediction:
        """Every class with its probability, best first; of boxes each object's, of masks each class's share of pixels.

        Empty where the net's output says none of these.
        """
        return self.classes.ranked(self.answer(image))

    def answer(self, image: int) -> Answer | None:
        """What the net says of an image: probabilities of the classes, objects in boxes, or a class for each pixel."""
        with self.lock:
            if not self.map_store.has_scores(image):
                self.sample(image)  # first, as in `moment`
            self._stay_whole()
            return self.map_store.answer(image)

    def look_at(self, samples: Sequence[Sample]) -> list[Looked]:
        """What the net says of each of some images of one shape, and whether it is right.

        Raises:
            Exception: What the net or the user's score raises.
        """
        with self.lock:
            return self.classes.look_at(self.runner, samples)

    # For passes of one's own

    @contextmanager
    def passing(self, image: int) -> Iterator[tuple[NetRunner, torch.Tensor]]:
        """The runner, and an image as a batch, for a pass of one's own under the lock.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the body raises: what the net refuses, in words.
        """
        with self.lock:
            sample = self.sample(image)  # first, as in `moment`
            self._stay_whole()
            batch = self.runner.batch([sample.net_input])
            try:
                yield self.runner, batch
            except Exception as error:
                raise self.runner.refusal(batch, error) from error

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, for work beside the person: whatever becomes of the net.

        Raises:
            NetError: If it cannot be copied.
        """
        with self.lock:
            self._stay_whole()
            if self.runner.in_place:
                raise NetError(
                    "this net cannot be copied, so nothing may run it in the background; filterscope.diagnose(net, "
                    "data) runs it while nothing else does"
                )
            return self.runner.snapshot()
