"""The forward passes of an engine: what is kept of each, and how far it goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from filterscope.engine.arrays import Arrays
from filterscope.errors import NetError
from filterscope.nets.calling import Feeding, like_input
from filterscope.nets.layers import ConvLayer
from filterscope.nets.outputs import class_scores
from filterscope.nets.passes import Maps, Pass, run
from filterscope.nets.rng import RandomStream
from filterscope.nets.twin import Twin

MAPS_BYTES = 128 * 2**20
"""Most that the maps of recent images may take; the newest are kept whatever they take."""

_SCORES_KEPT = 1024
# A pass is cheap to bring to its end where this many multiplications are left: 2 to 5 ms on one core.
_CHEAP_MULTIPLICATIONS = 10**8


class ForwardPasses(Arrays):
    """The part of an engine that runs the net: its methods may be called from any thread, one pass at a time."""

    _twin: Twin
    _feed: Feeding
    _random: RandomStream
    _complete: set[int]  # images of which a pass was run for all layers
    _fits_memory: bool  # whether the maps of all layers are kept for several images

    def _stay_open(self) -> None:
        raise NotImplementedError

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
        if any(not self.keeps_neighbours(layer) for layer in wanted):
            self._maps.clear()  # before the pass: the old ones and the new ones may not fit the machine together
        try:
            with self._random.instead():
                result = run(self._twin, batch, self.layers, wanted, to_the_end, self._feed)
        except Exception as error:
            raise NetError(self._feed.refusal(self._twin.net, batch, error)) from error
        if to_the_end:
            self._scores[image] = first_scores(result.output)
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

    def keeps_neighbours(self, layer: int) -> bool:
        """Whether a layer's maps of one image leave room for those of others."""
        return bytes_kept(self.layers[layer]) <= MAPS_BYTES // 2


def bytes_kept(layer: ConvLayer) -> int:
    """About how many bytes a layer's maps of one image take."""
    return 3 * 4 * math.prod(layer.out_shape)  # input, pre-activation, activation: about alike


def first_scores(output: object) -> np.ndarray | None:
    """The class scores of the first image of a net's output, None where there are none."""
    scores = class_scores(output, 1)
    return None if scores is None else scores[0]
