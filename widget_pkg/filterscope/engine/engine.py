"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds what was computed lately, and notices when the weights changed.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import torch
from torch import nn

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource, first_readable
from filterscope.engine.map_store import MapStore, first_scores
from filterscope.engine.moment import Moment, Prediction
from filterscope.engine.responses import ResponseStore
from filterscope.engine.samples import Samples
from filterscope.errors import NetError
from filterscope.filters import response
from filterscope.filters.response import Source
from filterscope.nets.calling import Forward
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps
from filterscope.nets.runner import NetRunner, float32
from filterscope.nets.supported import unseen_parts


class Engine:
    """Computes what a net does to the images of a data set.

    All methods may be called from any thread. Arrays are the caller's own, but those that are said to be shared.

    Args:
        net: The user's net; it is never changed, see `filterscope.nets.twin`.
        source: The data set.
        first_image: Index of the image with which the layers are found.
        forward: The user's own way of calling the net, a function of net and image; see `filterscope.nets.calling`.

    Attributes:
        lock: Held while the net runs, and while what was computed is kept or dropped.
        revision: Goes up whenever what was computed before no longer holds.
        source: The data set.
        samples: The samples looked at last.
        map_store: The maps of recent images.
        response_store: The responses of recent layers.
        runner: Runs the net.
        first_image: The image with which the layers were found.
        net_name: The net's class.
        structure: Goes up whenever the layers are found anew, as after a change of the net's structure.
        moved: When somebody last waited for a picture, in seconds of `time.monotonic`.

    Raises:
        TypeError: If `net` is no net, or `forward` no function.
        NetError: If it cannot be shown, refuses the image, or has no convolution that the pass reaches.
        SampleError: If the image cannot be read.
        ValueError: If there are fewer class names than the net has classes.
    """

    def __init__(
        self, net: nn.Module, source: SampleSource, first_image: int = 0, forward: Forward | None = None
    ) -> None:
        self.runner = NetRunner(net, forward)
        self.lock = threading.RLock()
        self.revision = 0
        self.structure = 0
        self.moved = -math.inf
        self.closed = False
        self.net_name = type(self.net).__name__
        self.source = source
        self.samples = Samples(source, self.lock)
        self.map_store = MapStore(self.runner, self.samples, self.lock)
        self.response_store = ResponseStore(self.lock)
        self._checksum = self.runner.checksum()
        self._checked = time.monotonic()
        self.first_image = first_readable(self.sample, len(source), first_image).index
        self._find_layers()
        if self.runner.checksum() != self._checksum:
            warnings.warn(
                "this net writes to its own weights or buffers when it runs, through filterscope as well", stacklevel=3
            )
        if self.runner.note:
            warnings.warn(self.runner.note, stacklevel=3)
        hidden = unseen_parts(self.net)
        if hidden:
            warnings.warn(
                f"quantised convolutions cannot be shown, and are left out: {', '.join(hidden)}", stacklevel=3
            )

    @property
    def net(self) -> nn.Module:
        """The user's net."""
        return self.runner.net

    @property
    def forward(self) -> Forward | None:
        """The user's own way of calling the net."""
        return self.runner.forward

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions in execution order."""
        return self.runner.layers

    @property
    def runs_the_net_itself(self) -> bool:
        """Whether the net cannot be copied, so that nothing may run it in the background."""
        return self.runner.in_place

    def _find_layers(self) -> None:
        self.structure += 1
        output = self.runner.find_layers(self.sample(self.first_image).image, self.weights)
        if output is None and self.forward is None:
            raise NetError(
                f"the net returned None for an image; does {self.net_name}.forward lack its return? A net that gives "
                "nothing on purpose is shown with forward=lambda net, image: net(image)"
            )
        scores = first_scores(output)
        names = self.source.given_classes
        if scores is not None and names is not None and len(names) < len(scores):
            raise ValueError(
                f"classes has {len(names)} name{'s' * (len(names) != 1)}, the net's output {len(scores)} classes; give "
                "one name for each"
            )
        self._class_names: Sequence[str] = () if scores is None else self.source.names_for(len(scores))
        self.map_store.begin(self.first_image, output)

    # Whether it still holds

    @property
    def looked(self) -> float:
        """When somebody last asked for something that depends on the weights, in seconds of `time.monotonic`."""
        return self._checked

    def check(self, within: float = 0.0) -> bool:
        """Whether weights or buffers of the net changed since the last look; then what was computed is dropped.

        Args:
            within: A look that is no more than so many seconds old counts as this one.
        """
        with self.lock:
            self._stay_open()
            if time.monotonic() - self._checked < within:
                return False
            self._checked = time.monotonic()
            checksum = self.runner.checksum()
            if checksum == self._checksum:
                return False
            self._checksum = checksum
            self._forget()
            if self.runner.changed_in_structure():
                self.runner.rebuild()
                # What is wrong with the new net is said where it is asked for.
                with suppress(ValueError):
                    self._find_layers()
            return True

    def check_structure(self) -> bool:
        """Whether the net's structure changed, which `check` then takes in; quick, whatever the net's size."""
        with self.lock:
            self._stay_open()
            return self.runner.changed_in_structure() and self.check()

    def refresh(self) -> None:
        """Reads net and data set anew: changed structure, attributes and samples are seen too.

        Raises:
            NetError: If the net can no longer be shown.
            SampleError: If the image with which the layers are found can no longer be read.
            ValueError: If the data set is empty now.
        """
        with self.lock:
            self._stay_open()
            self.runner.rebuild()
            self._checksum = self.runner.checksum()
            self.samples.clear()
            self._forget()
            self.source.measure()
            images = len(self.source)
            self.first_image = first_readable(self.sample, images, min(self.first_image, images - 1)).index
            self._find_layers()

    def sleep(self) -> None:
        """Lets go of all that can be computed anew, and of the copy of the net; whoever asks for something wakes it.

        The newest sample is kept where another reading might give another image.
        """
        with self.lock:
            if self.closed:
                return
            self.samples.sleep(keep_newest=self.source.random or self.source.is_stream)
            self.map_store.clear()
            self.response_store.clear()
            self.runner.sleep()

    def close(self) -> None:
        """Lets go of the net, the data set and all that was computed."""
        with self.lock:
            if self.closed:
                return
            self._forget()
            self.map_store.close()
            self.samples.close()
            self.closed = True
            del self.runner, self.source

    def _stay_open(self) -> None:
        if self.closed:
            raise RuntimeError("this explorer is closed; make a new one")

    def _forget(self) -> None:
        self.revision += 1
        self.map_store.clear()
        self.response_store.clear()

    # Samples

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among those looked at last.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self.samples.sample(image)

    def preload(self, image: int) -> None:
        """Reads a sample that `sample` will be asked for, without the lock: a slow one keeps nobody waiting.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        self.samples.preload(image)

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many; it is read without the lock.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self.samples.read(image)

    def has(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known, without the lock."""
        return self.samples.has(image)

    def labels(self) -> list[str | int | None] | None:
        """The classes of all samples, where the data set holds them beside its images and some samples agree."""
        return self.source.labels(lambda image: self.read(image).label)

    # One image and one layer

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image, as the net's tensors; see `MapStore.maps`."""
        return self.map_store.maps(image, layer)

    def complete(self, image: int) -> None:
        """One pass to the end; see `MapStore.complete`."""
        self.map_store.complete(image)

    def moment(self, image: int, layer: int) -> Moment:
        """What a layer does to an image now; whether the weights changed is for the caller to `check`.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self.lock:
            self._stay_open()
            sample, maps = self.sample(image), self.map_store.maps(image, layer)
            weight, bias = self._live_weights(layer)
            return Moment(
                revision=self.revision,
                image=image,
                images=len(self.source),
                sample=sample,
                note=self.source.note,
                layer=self.layers[layer],
                maps=maps,
                weight=weight,
                live_bias=bias,
                prediction=self.prediction(image) if self.predicted(image) else None,
                store=self.response_store,
            )

    def weights(self, layer: int) -> tuple[np.ndarray, np.ndarray | None]:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None."""
        with self.lock:
            self.check()
            weight, bias = self._live_weights(layer)
            return float32(weight), None if bias is None else float32(bias)

    def kernels(self, layer: int) -> np.ndarray:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`."""
        return self.weights(layer)[0]

    def _live_weights(self, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        newest = self.samples.newest()
        return self.map_store.weights(layer, self.first_image if newest is None else newest)

    def response(self, image: int, layer: int, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """The response of one filter by `cv2.filter2D` alone, as `filterscope.filters.response` computes it."""
        record = self.layers[layer]
        with self.lock:
            kernel = float32(self._live_weights(layer)[0][filter_index])
            if source == "image":
                return response.response_over_image(self.sample(image).image, kernel, record, channel)
            layer_input = float32(self.map_store.maps(image, layer).input)
        return response.response_over_input(layer_input, kernel, record, filter_index, channel)

    def keeps_neighbours(self, layer: int) -> bool:
        """Whether a layer's maps of one image leave room for those of others."""
        return self.map_store.keeps_neighbours(layer)

    # The net's output

    def predicted(self, image: int) -> bool:
        """Whether the prediction of an image is at hand, without a pass."""
        return self.map_store.has_scores(image)

    def prediction(self, image: int) -> Prediction:
        """Every class with its probability, best first; empty where the net's output is not one score a class."""
        return self.named_scores(self.map_store.scores(image))

    def named_scores(self, scores: np.ndarray | None) -> Prediction:
        """The classes with their probabilities `(K,)`, best first; empty where there are none."""
        if scores is None:
            return []
        order = np.argsort(-scores, kind="stable")
        return [(self._class_name(int(number)), float(scores[number])) for number in order]

    def classify(self, images: Sequence[np.ndarray]) -> list[str | int | None]:
        """The predicted class of each of some images of one shape; None where there is no score a class.

        Raises:
            Exception: What the net raises.
        """
        with self.lock:
            scores = self.runner.class_scores(images)
        if scores is None:
            return [None] * len(images)
        return [None if np.isnan(row).any() else self._class_name(int(row.argmax())) for row in scores]

    def knows_class(self, label: str | int) -> bool:
        """Whether a label is one of the classes among which the net chooses: else no prediction is right or wrong."""
        return label in self._class_names if self._class_names else isinstance(label, int)

    def _class_name(self, number: int) -> str | int:
        return self._class_names[number] if number < len(self._class_names) else number

    # For passes of one's own

    @contextmanager
    def passing(self, image: int) -> Iterator[tuple[NetRunner, torch.Tensor]]:
        """The runner, and an image as a batch, for a pass of one's own under the lock.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the body raises: what the net refuses, in words.
        """
        with self.lock:
            batch = self.runner.batch([self.sample(image).image])
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
            self._stay_open()
            if self.runner.in_place:
                raise NetError(
                    "this net cannot be copied, so nothing may run it in the background; filterscope.diagnose(net, "
                    "data) runs it while nothing else does"
                )
            return self.runner.snapshot()
