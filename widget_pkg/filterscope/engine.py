"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds the twin, the list of layers and what was computed lately, and notices when the weights changed.
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

from filterscope.arrays import Arrays, responses_cache
from filterscope.cache import Cache
from filterscope.dataset import Sample, SampleSource
from filterscope.errors import NetError, SampleError
from filterscope.feeding import Feeding, Forward, like_input
from filterscope.given_net import as_module, unseen_parts
from filterscope.held_samples import HeldSamples
from filterscope.layers import ConvLayer, find_layers
from filterscope.passes import Maps, Pass, run
from filterscope.prediction import class_scores
from filterscope.randomness import RandomStream
from filterscope.twin import Twin

MAPS_BYTES = 128 * 2**20
"""Most that the maps of recent images may take."""

_TRIED_FIRST = 20
_SCORES_KEPT = 1024
# A pass is cheap to bring to its end where this many multiplications are left: 2 to 5 ms on one core.
_CHEAP_MULTIPLICATIONS = 10**8


class Engine(Arrays):
    """Computes what a net does to the images of a data set.

    All methods may be called from any thread. Arrays are the caller's own.

    Args:
        net: The user's net; it is never changed, see `filterscope.twin`.
        source: The data set.
        first_image: Index of the image with which the layers are found.
        forward: The user's own way of calling the net, a function of net and image; see `filterscope.feeding`.

    Attributes:
        layers: The net's convolutions in execution order.
        revision: Goes up whenever what was computed before no longer holds.
        source: The data set.
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
        net = as_module(net)
        self.lock = threading.RLock()
        self.revision = 0
        self.structure = 0
        self.moved = -math.inf
        self.closed = False
        self.net_name = type(net).__name__
        self.source = source
        self._random = RandomStream()
        self._samples = HeldSamples(source, self.lock)
        self._maps: Cache[tuple[int, int], Maps] = Cache(MAPS_BYTES, lambda maps: maps.nbytes)  # (image, layer)
        self._responses = responses_cache()
        self._scores: dict[int, np.ndarray | None] = {}
        self._complete: set[int] = set()  # images of which a pass was run for all layers
        self._weights: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}
        self.first_image = first_image
        self._feed = Feeding(net, forward)
        self._twin = Twin(net)
        self._fingerprint = self._twin.fingerprint()
        self._checked = time.monotonic()
        self.first_image = self._readable(first_image)
        self._find_layers(self.first_image)
        if self._twin.fingerprint() != self._fingerprint:
            warnings.warn(
                "this net writes to its own weights or buffers when it runs, through filterscope as well", stacklevel=3
            )
        hidden = unseen_parts(net)
        if hidden:
            warnings.warn(
                f"quantised convolutions cannot be shown, and are left out: {', '.join(hidden)}", stacklevel=3
            )

    def _readable(self, image: int) -> int:
        """The image of that index, or where it cannot be read, the first that can: one bad file ends no session."""
        try:
            self.sample(image)
        except SampleError:
            for other in range(min(_TRIED_FIRST, len(self.source))):
                with suppress(SampleError):
                    self.sample(other)
                    return other
            raise
        return image

    def _find_layers(self, image: int) -> None:
        self.structure += 1
        batch = self._batch(self.sample(image).image)
        net = self._twin.net
        with self._random.instead():
            self.layers, output = self._feed.settle(
                net, batch, lambda way: find_layers(self._twin, batch, self.weights, way)
            )
        if output is None and self._feed.forward is None:
            raise NetError(
                f"the net returned None for an image; does {type(net).__name__}.forward lack its return? A net that "
                "gives nothing on purpose is shown with forward=lambda net, image: net(image)"
            )
        scores = _first(class_scores(output, 1))
        given = self.source.given_classes
        if scores is not None and given is not None and len(given) < len(scores):
            raise ValueError(
                f"classes has {len(given)} names, the net's output {len(scores)} classes; give one name for each"
            )
        self._class_names = () if scores is None else self.source.names_for(len(scores))
        # Maps of four images at least, so that the neighbours stay beside the one that is looked at.
        self._fits_memory = sum(self._size(layer) for layer in self.layers) <= MAPS_BYTES // 4

    @staticmethod
    def _size(layer: ConvLayer) -> int:
        return 3 * 4 * int(np.prod(layer.out_shape))  # input, pre-activation, activation: about alike

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
            fingerprint = self._twin.fingerprint()
            if fingerprint == self._fingerprint:
                return False
            self._fingerprint = fingerprint
            self._forget()
            if self._twin.changed_in_structure():
                self._twin.rebuild()
                # What is wrong with the new net is said where it is asked for.
                with suppress(ValueError):
                    self._find_layers(self.first_image)
            return True

    def check_structure(self) -> bool:
        """The same, for what depends on the net's structure and not on its weights: quick, whatever its size."""
        with self.lock:
            self._stay_open()
            return self._twin.changed_in_structure() and self.check()

    def _stay_open(self) -> None:
        if self.closed:
            raise RuntimeError("this explorer is closed; make a new one")

    def refresh(self) -> None:
        """Reads net and data set anew: changed structure, attributes and samples are seen too.

        Raises:
            NetError: If the net can no longer be shown.
            SampleError: If the image with which the layers are found can no longer be read.
            ValueError: If the data set is empty now.
        """
        with self.lock:
            self._stay_open()
            self._twin.rebuild()
            self._fingerprint = self._twin.fingerprint()
            self._samples.clear()
            self._forget()
            self.source.measure()
            self.first_image = self._readable(min(self.first_image, len(self.source) - 1))
            self._find_layers(self.first_image)

    def _forget(self) -> None:
        self.revision += 1
        self._maps.clear()
        self._responses.clear()
        self._scores.clear()
        self._complete.clear()
        self._weights.clear()

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among those looked at last.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self._samples.sample(image)

    def preload(self, image: int) -> None:
        """Reads a sample that `sample` will be asked for, without the lock: a slow one keeps nobody waiting.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        self._samples.preload(image)

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many; it is read without the lock.

        Raises:
            SampleError: If it cannot be read.
        """
        self._stay_open()
        return self._samples.read(image)

    def _batch(self, *images: np.ndarray) -> torch.Tensor:
        """Images as the net takes them: on the net's device, in its dtype."""
        return like_input(self._twin.net, torch.from_numpy(np.stack(images)))

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image.

        The pass stops at the layer, unless what is left of it is cheap; then it gives the net's output too, and where
        the whole of it is cheap and fits memory, the maps of all layers.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self.lock:
            if (image, layer) not in self._maps:
                everything = self._fits_memory and self._work() <= _CHEAP_MULTIPLICATIONS
                wanted = range(len(self.layers)) if everything else [layer]
                to_the_end = self._work(layer + 1) <= _CHEAP_MULTIPLICATIONS
                result = self._run(image, wanted, to_the_end)
                if layer in result.missing:
                    raise NetError(result.missing[layer])
                return result.maps[layer]
            return self._maps[image, layer]

    def _work(self, first: int = 0) -> int:
        """Multiplications in the layers from this one on, for an image like the first."""
        return sum(
            math.prod(layer.out_shape) * layer.channels * math.prod(layer.kernel_size) for layer in self.layers[first:]
        )

    def complete(self, image: int) -> None:
        """One pass to the end, which serves all layers of this image where memory allows.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
        """
        with self.lock:
            if image not in self._complete:
                layers = range(len(self.layers)) if self._fits_memory else []
                self._run(image, [layer for layer in layers if (image, layer) not in self._maps], True)
                self._complete.add(image)

    def _run(self, image: int, wanted: Sequence[int], to_the_end: bool) -> Pass:
        batch = self._batch(self.sample(image).image)
        try:
            with self._random.instead():
                result = run(self._twin, batch, self.layers, wanted, to_the_end, self._feed)
        except Exception as error:
            raise NetError(self._feed.refusal(self._twin.net, batch, error)) from error
        if to_the_end:
            self._scores[image] = _first(class_scores(result.output, 1))
            while len(self._scores) > _SCORES_KEPT:
                oldest = next(iter(self._scores))
                del self._scores[oldest]
                self._complete.discard(oldest)
        for index, maps in result.maps.items():
            self._weights[index] = maps.weight, maps.bias
            self._maps[image, index] = maps
        return result

    @contextmanager
    def passing(self, image: int) -> Iterator[tuple[Twin, torch.Tensor, Feeding]]:
        """For a pass of one's own: the twin, an image as a batch, and how it is given to the net.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the body raises: what the net refuses, in words.
        """
        with self.lock:
            batch = self._batch(self.sample(image).image)
            try:
                with self._random.instead():
                    yield self._twin, batch, self._feed
            except Exception as error:
                raise NetError(self._feed.refusal(self._twin.net, batch, error)) from error

    def reach(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known, without the lock."""
        return self._samples.reach(image)

    def snapshot(self) -> nn.Module:
        """A copy of the net as it is now, in eval mode, for work beside the person: whatever becomes of the net.

        Raises:
            NetError: If it cannot be copied.
        """
        with self.lock:
            self._stay_open()
            if self._twin.in_place:
                raise NetError(
                    "this net cannot be copied, so nothing may run it in the background; filterscope.diagnose(net, "
                    "data) runs it while nothing else does"
                )
            return self._twin.snapshot()

    @property
    def net(self) -> nn.Module:
        """The user's net."""
        return self._twin.net

    @property
    def forward(self) -> Forward | None:
        """The user's own way of calling the net."""
        return self._feed.forward

    @property
    def runs_the_net_itself(self) -> bool:
        """Whether the net cannot be copied, so that nothing may run it in the background."""
        return self._twin.in_place

    def labels(self) -> list[str | int | None] | None:
        """The classes of all samples, where the data set holds them beside its images and some samples agree."""
        return self.source.labels(lambda image: self.read(image).label)

    def classify(self, images: list[np.ndarray]) -> list[str | int | None]:
        """The predicted class of each of some images of one shape, in one pass; None where there is no score a class.

        Raises:
            Exception: What the net raises.
        """
        with self.lock, self._random.instead(), self._twin.ready() as module, torch.no_grad():
            if self._feed.takes_batches:
                scores = class_scores(self._feed(module, self._batch(*images)), len(images))
            else:
                singles = [class_scores(self._feed(module, self._batch(image)), 1) for image in images]
                scores = None if any(one is None for one in singles) else np.concatenate(singles)  # type: ignore[arg-type]
        if scores is None:
            return [None] * len(images)
        return [None if np.isnan(one).any() else self._class_name(int(one.argmax())) for one in scores]

    def close(self) -> None:
        """Lets go of the net, the data set and all that was computed."""
        with self.lock:
            if self.closed:
                return
            self._forget()
            self._samples.close()
            self.closed = True
            del self._twin, self.source, self.layers


def _first(scores: np.ndarray | None) -> np.ndarray | None:
    return None if scores is None else scores[0]
