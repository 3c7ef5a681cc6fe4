"""A net and a data set, and everything the explorer can ask of them; knows no widget.

Holds the twin, the list of layers and what was computed lately, and notices when the weights changed.
"""

from __future__ import annotations

import threading
import warnings
from collections import OrderedDict
from contextlib import suppress

import numpy as np
import torch
from torch import nn

from filterscope import response
from filterscope.convolutions import in_order
from filterscope.dataset import Sample, SampleSource
from filterscope.errors import NetError, SampleError
from filterscope.feeding import Feeding, Forward, like_input
from filterscope.given_net import as_module, unseen_parts
from filterscope.layers import ConvLayer, find_layers
from filterscope.passes import Maps, Pass, run
from filterscope.prediction import class_scores
from filterscope.randomness import RandomStream
from filterscope.response import Source
from filterscope.twin import Twin

CACHE_BYTES = 128 * 2**20
"""Most that the maps of recent images may take, besides the newest ones."""

_SAMPLES_KEPT = 16
_SAMPLE_BYTES = 256 * 2**20  # of these, but for the last four
_TRIED_FIRST = 20


class Engine:
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
        self.closed = False
        self.source = source
        self._random = RandomStream()
        self._reading = threading.RLock()  # a data set reads one sample at a time; nobody who holds it waits for `lock`
        self._reading_random = RandomStream()
        self._samples: OrderedDict[int, Sample] = OrderedDict()
        self._maps: OrderedDict[tuple[int, int], Maps] = OrderedDict()  # (image, layer), oldest first
        self._scores: dict[int, np.ndarray | None] = {}
        self._weights: dict[int, tuple[torch.Tensor, torch.Tensor | None]] = {}
        self.first_image = first_image
        self._feed = Feeding(net, forward)
        self._twin = Twin(net)
        self._fingerprint = self._twin.fingerprint()
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
        self._fits_memory = sum(self._size(layer) for layer in self.layers) <= CACHE_BYTES // 4

    @staticmethod
    def _size(layer: ConvLayer) -> int:
        return 3 * 4 * int(np.prod(layer.out_shape))  # input, pre-activation, activation: about alike

    def check(self) -> bool:
        """Whether weights or buffers of the net changed since the last look; then what was computed is dropped."""
        with self.lock:
            self._stay_open()
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
        self._scores.clear()
        self._weights.clear()

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among the 16 looked at last.

        Raises:
            SampleError: If it cannot be read.
        """
        with self.lock:
            self._stay_open()
            if image not in self._samples:
                self._samples[image] = self._fresh(image)
                held = sum(sample.nbytes for sample in self._samples.values())
                while len(self._samples) > (4 if held > _SAMPLE_BYTES else _SAMPLES_KEPT):
                    held -= self._samples.popitem(last=False)[1].nbytes
            self._samples.move_to_end(image)
            return self._samples[image]

    def read(self, image: int) -> Sample:
        """A sample that is not kept, as for a look at many; it is read without the lock.

        Raises:
            SampleError: If it cannot be read.
        """
        with self.lock:
            self._stay_open()
            if image in self._samples:
                return self._samples[image]
        return self._fresh(image)

    def _fresh(self, image: int) -> Sample:
        with self._reading:
            with self._reading_random.instead_of_all():
                sample = self.source.read(image)
            while self.source.looks_again():
                # Each with a random stream's own beginning: some data sets seed it with the sample's index.
                with suppress(SampleError), self._reading_random.instead_of_all():
                    self.source.read(image)
            return sample

    def _batch(self, *images: np.ndarray) -> torch.Tensor:
        """Images as the net takes them: on the net's device, in its dtype."""
        return like_input(self._twin.net, torch.from_numpy(np.stack(images)))

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image.

        Where the maps of all layers take little memory, one pass serves them all; else it stops at the layer.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it, or does not reach the layer with it.
        """
        with self.lock:
            if (image, layer) not in self._maps:
                missing = self._run(image, layer).missing
                if layer in missing:
                    raise NetError(missing[layer])
            self._maps.move_to_end((image, layer))
            return self._maps[image, layer]

    def _run(self, image: int, layer: int | None) -> Pass:
        """One pass; `layer=None` only for the net's output."""
        batch = self._batch(self.sample(image).image)
        wanted = range(len(self.layers)) if self._fits_memory else [] if layer is None else [layer]
        to_the_end = self._fits_memory or layer is None
        try:
            with self._random.instead():
                result = run(self._twin, batch, self.layers, wanted, to_the_end, self._feed)
        except Exception as error:
            raise NetError(self._feed.refusal(self._twin.net, batch, error)) from error
        if to_the_end:
            self._scores[image] = _first(class_scores(result.output, 1))
        for index, maps in result.maps.items():
            self._weights[index] = maps.weight, maps.bias
            self._maps[image, index] = maps
            self._maps.move_to_end((image, index))
        newest = {(image, index) for index in result.maps}
        held = sum(maps.nbytes for maps in self._maps.values())
        while held > CACHE_BYTES and next(iter(self._maps)) not in newest:
            held -= self._maps.popitem(last=False)[1].nbytes
        while len(self._scores) > 1024:
            self._scores.pop(next(iter(self._scores)))
        return result

    def weights(self, layer: int) -> tuple[np.ndarray, np.ndarray | None]:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`, and bias, float32 `(F,)` or None."""
        with self.lock:
            self.check()
            return self.held_weights(layer)

    def held_weights(self, layer: int) -> tuple[np.ndarray, np.ndarray | None]:
        """The same, without a look at whether the net changed in structure meanwhile."""
        with self.lock:
            weight, bias = self._layer_weights(layer)
            return _array(weight), None if bias is None else _array(bias)

    def kernels(self, layer: int) -> np.ndarray:
        """A layer's live kernels, float32 `(F, C_in/groups, *k)`."""
        return self.weights(layer)[0]

    def _layer_weights(self, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The tensors that the convolution uses, as the net holds or computes them."""
        if layer not in self._weights:
            record = self.layers[layer]
            module = record.module
            held = None if module is None or not record.plain else module._parameters.get("weight")
            if module is not None and held is not None:
                weight = in_order(held, record.groups, record.transposed)
                self._weights[layer] = weight, module._parameters.get("bias")
            else:  # computed in the forward pass: weight norm, parametrisations, functional calls
                image = next(reversed(self._samples), self.first_image)
                self._maps.pop((image, layer), None)
                maps = self.maps(image, layer)
                self._weights[layer] = maps.weight, maps.bias
        return self._weights[layer]

    def response(self, image: int, layer: int, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """The response of one filter, as `filterscope.response` computes it."""
        record = self.layers[layer]
        with self.lock:
            kernels = _array(self._layer_weights(layer)[0][filter_index])
            if source == "image":
                return response.response_over_image(self.sample(image).image, kernels, record, channel)
            layer_input = _array(self.maps(image, layer).input)
        return response.response_over_input(layer_input, kernels, record, filter_index, channel)

    def responses(self, image: int, layer: int, channel: int | None, source: Source) -> np.ndarray:
        """The responses of every filter of a layer, float32 `(F, H', W')`."""
        with self.lock:
            pixels = self.sample(image).image
            kernels = _array(self._layer_weights(layer)[0])
            layer_input = _array(self.maps(image, layer).input) if source == "input" else pixels
        return response.layer_responses(pixels, layer_input, kernels, self.layers[layer], channel, source)

    def pre_activation(self, image: int, layer: int, filter_index: int) -> np.ndarray:
        """The convolution's output at one filter, float32 `(H', W')`."""
        return _array(self.maps(image, layer).pre_activation[filter_index])

    def pre_activations(self, image: int, layer: int) -> np.ndarray:
        """The convolution's output, float32 `(F, H', W')`."""
        return _array(self.maps(image, layer).pre_activation)

    def activation(self, image: int, layer: int, filter_index: int) -> np.ndarray:
        """One filter's activation, float32 `(H'', W'')`."""
        return _array(self.maps(image, layer).activation[filter_index])

    def activations(self, image: int, layer: int) -> np.ndarray:
        """The activation of every filter, float32 `(F, H'', W'')`."""
        return _array(self.maps(image, layer).activation)

    def prediction(self, image: int) -> list[tuple[str | int, float]]:
        """Every class with its probability, best first; empty where the net's output is not one score a class."""
        with self.lock:
            if image not in self._scores:
                self._run(image, None)
            scores = self._scores[image]
        if scores is None:
            return []
        order = np.argsort(-scores, kind="stable")
        return [(self._class_name(int(number)), float(scores[number])) for number in order]

    def _class_name(self, number: int) -> str | int:
        return self._class_names[number] if number < len(self._class_names) else number

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
            self._samples.clear()
            self.closed = True
            del self._twin, self.source, self.layers


def _first(scores: np.ndarray | None) -> np.ndarray | None:
    return None if scores is None else scores[0]


def _array(tensor: torch.Tensor) -> np.ndarray:
    """A float32 copy that shares no memory with the net."""
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()
