"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds the twin, the list of layers and what was computed lately, and notices when the weights changed.
"""

from __future__ import annotations

import math
import threading
import time
import warnings
from contextlib import suppress

import torch
from torch import nn

from filterscope.data.source import Sample, SampleSource
from filterscope.engine.arrays import responses_cache
from filterscope.engine.cache import Cache
from filterscope.engine.forward_passes import MAPS_BYTES, ForwardPasses, bytes_kept, first_scores
from filterscope.engine.samples import HeldSamples
from filterscope.errors import NetError, SampleError
from filterscope.nets.calling import Feeding, Forward
from filterscope.nets.layers import find_layers
from filterscope.nets.passes import Maps
from filterscope.nets.rng import RandomStream
from filterscope.nets.supported import as_module, unseen_parts
from filterscope.nets.twin import Twin

_TRIED_FIRST = 20


class Engine(ForwardPasses):
    """Computes what a net does to the images of a data set.

    All methods may be called from any thread. Arrays are the caller's own, but those that are said to be shared.

    Args:
        net: The user's net; it is never changed, see `filterscope.nets.twin`.
        source: The data set.
        first_image: Index of the image with which the layers are found.
        forward: The user's own way of calling the net, a function of net and image; see `filterscope.nets.calling`.

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
        self._scores = {}
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
        scores = first_scores(output)
        given = self.source.given_classes
        if scores is not None and given is not None and len(given) < len(scores):
            raise ValueError(
                f"classes has {len(given)} name{'s' * (len(given) != 1)}, the net's output {len(scores)} classes; give "
                "one name for each"
            )
        self._class_names = () if scores is None else self.source.names_for(len(scores))
        # Maps of four images at least, so that the neighbours stay beside the one that is looked at.
        self._fits_memory = sum(map(bytes_kept, self.layers)) <= MAPS_BYTES // 4
        if not self._fits_memory:  # else the pass that would find them keeps the maps of all layers too
            self._scores[image] = scores
            self._complete.add(image)

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

    def has(self, image: int) -> bool:
        """Whether there is an image of that index; a stream is read on until that is known, without the lock."""
        return self._samples.has(image)

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

    def close(self) -> None:
        """Lets go of the net, the data set and all that was computed."""
        with self.lock:
            if self.closed:
                return
            self._forget()
            self._samples.close()
            self.closed = True
            del self._twin, self.source, self.layers
