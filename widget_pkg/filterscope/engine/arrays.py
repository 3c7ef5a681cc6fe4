"""What an engine has computed, as arrays: kernels, responses, maps, and the net's prediction."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from filterscope.data.source import Sample, SampleSource
from filterscope.engine.cache import Cache
from filterscope.engine.samples import HeldSamples
from filterscope.filters import response
from filterscope.filters.response import Source
from filterscope.nets.conv_call import in_order
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps

RESPONSES_BYTES = 32 * 2**20
"""Most that the responses of recent layers may take; those of a layer that take more alone are not kept."""

# Of responses too many for memory so many are computed at a time; by fewer filters at a time torch takes twice as long.
_BLOCK_BYTES = 2**28
_FILTERS_A_BLOCK = 8

Responses = Cache[tuple[int, int, "int | None", Source], np.ndarray]
"""By image, layer, channel and source."""


def responses_cache() -> Responses:
    """An empty one with its limit."""
    return Cache(RESPONSES_BYTES, lambda maps: maps.nbytes)


class Arrays:
    """The part of an engine that reads: its methods may be called from any thread, and give the caller's own arrays.

    Those of all filters of a layer are shared instead, since copies would take as long as what is drawn of them.
    """

    lock: threading.RLock
    source: SampleSource
    layers: tuple[ConvLayer, ...]
    first_image: int
    _responses: Responses
    _maps: Cache[tuple[int, int], Maps]
    _samples: HeldSamples
    _scores: dict[int, np.ndarray | None]
    _weights: dict[int, tuple[torch.Tensor, torch.Tensor | None]]
    _class_names: Sequence[str]

    def check(self, within: float = 0.0) -> bool:
        """Whether weights changed since the last look."""
        raise NotImplementedError

    def sample(self, image: int) -> Sample:
        """A sample, the same one while it is among those looked at last."""
        raise NotImplementedError

    def maps(self, image: int, layer: int) -> Maps:
        """What a layer did to an image."""
        raise NotImplementedError

    def complete(self, image: int) -> None:
        """One pass to the end."""
        raise NotImplementedError

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

    def held_kernels(self, layer: int, filter_index: int) -> np.ndarray:
        """One filter's live kernels, float32 `(C_in/groups, *k)`, likewise."""
        with self.lock:
            return _array(self._layer_weights(layer)[0][filter_index])

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
                newest = self._samples.newest()
                image = self.first_image if newest is None else newest
                self._maps.pop((image, layer))
                maps = self.maps(image, layer)
                self._weights[layer] = maps.weight, maps.bias
        return self._weights[layer]

    def response(self, image: int, layer: int, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """The response of one filter, as `filterscope.filters.response` computes it."""
        record = self.layers[layer]
        with self.lock:
            kernels = self.held_kernels(layer, filter_index)
            if source == "image":
                return response.response_over_image(self.sample(image).image, kernels, record, channel)
            layer_input = _array(self.maps(image, layer).input)
        return response.response_over_input(layer_input, kernels, record, filter_index, channel)

    def responses(self, image: int, layer: int, channel: int | None, source: Source) -> np.ndarray:
        """The responses of every filter of a layer, float32 `(F, H', W')`; shared, so not to be written to."""
        key = image, layer, channel, source
        with self.lock:
            if key not in self._responses:
                self._responses[key] = self._some_responses(image, layer, channel, source)
            return self._responses[key]

    def response_blocks(self, image: int, layer: int, channel: int | None, source: Source) -> Iterator[np.ndarray]:
        """The same in blocks of filters that follow one another; not to be written to.

        Where all together would be too many for memory no more than a block is there at a time: a layer has as many
        responses over the image as it has filters, each as large as the image.
        """
        filters = self.layers[layer].out_channels
        size = self._responses_bytes(image, layer, source)
        if size <= RESPONSES_BYTES:
            yield self.responses(image, layer, channel, source)
            return
        step = max(_FILTERS_A_BLOCK, _BLOCK_BYTES * filters // size)
        for first in range(0, filters, step):
            yield self._some_responses(image, layer, channel, source, range(first, min(first + step, filters)))

    def shown_response(
        self, image: int, layer: int, filter_index: int, channel: int | None, source: Source
    ) -> np.ndarray:
        """One of the layer's responses, as its picture has it; `response` may differ by float32 rounding."""
        if source == "image":
            return self.response(image, layer, filter_index, channel, source)
        if self._responses_bytes(image, layer, source) <= RESPONSES_BYTES:
            return self.responses(image, layer, channel, source)[filter_index]
        return self._some_responses(image, layer, channel, source, [filter_index])[0]

    def _responses_bytes(self, image: int, layer: int, source: Source) -> int:
        """What those of all filters take."""
        alike = self.sample(image).image if source == "image" else self.maps(image, layer).pre_activation
        return 4 * self.layers[layer].out_channels * math.prod(alike.shape[1:])

    def _some_responses(
        self, image: int, layer: int, channel: int | None, source: Source, filters: Sequence[int] | None = None
    ) -> np.ndarray:
        with self.lock:
            pixels = self.sample(image).image
            kernels = _array(self._layer_weights(layer)[0])
            layer_input = _shared(self.maps(image, layer).input) if source == "input" else pixels
        return response.layer_responses(pixels, layer_input, kernels, self.layers[layer], channel, source, filters)

    def pre_activation(self, image: int, layer: int, filter_index: int) -> np.ndarray:
        """The convolution's output at one filter, float32 `(H', W')`."""
        return _array(self.maps(image, layer).pre_activation[filter_index])

    def pre_activations(self, image: int, layer: int) -> np.ndarray:
        """The convolution's output, float32 `(F, H', W')`; shared, so not to be written to."""
        return _shared(self.maps(image, layer).pre_activation)

    def activation(self, image: int, layer: int, filter_index: int) -> np.ndarray:
        """One filter's activation, float32 `(H'', W'')`."""
        return _array(self.maps(image, layer).activation[filter_index])

    def activations(self, image: int, layer: int) -> np.ndarray:
        """The activation of every filter, float32 `(F, H'', W'')`; shared, so not to be written to."""
        return _shared(self.maps(image, layer).activation)

    def predicted(self, image: int) -> bool:
        """Whether the prediction of an image is at hand, without a pass."""
        with self.lock:
            return image in self._scores

    def prediction(self, image: int) -> list[tuple[str | int, float]]:
        """Every class with its probability, best first; empty where the net's output is not one score a class."""
        with self.lock:
            if image not in self._scores:
                self.complete(image)
            scores = self._scores[image]
        return self.named_scores(scores)

    def named_scores(self, scores: np.ndarray | None) -> list[tuple[str | int, float]]:
        """The classes with their probabilities `(K,)`, best first; empty where there are none."""
        if scores is None:
            return []
        order = np.argsort(-scores, kind="stable")
        return [(self._class_name(int(number)), float(scores[number])) for number in order]

    def knows_class(self, label: str | int) -> bool:
        """Whether a label is one of the classes among which the net chooses: else no prediction is right or wrong."""
        return label in self._class_names if self._class_names else isinstance(label, int)

    def _class_name(self, number: int) -> str | int:
        return self._class_names[number] if number < len(self._class_names) else number


def _array(tensor: torch.Tensor) -> np.ndarray:
    """A float32 copy that shares no memory with the net."""
    return tensor.detach().to("cpu", torch.float32, copy=True).numpy()


def _shared(tensor: torch.Tensor) -> np.ndarray:
    """A float32 array of a tensor that is ours, without a copy where none is needed."""
    return tensor.detach().to("cpu", torch.float32).numpy()
