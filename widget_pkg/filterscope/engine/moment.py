"""What a layer does to an image at one moment, as a record: frames, figures and saved pages are made of it alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from filterscope.data.sample import Sample
from filterscope.engine.classes import Classes, Prediction
from filterscope.engine.map_store import MapStore
from filterscope.engine.responses import LayerResponses, ResponseStore
from filterscope.nets.arrays import float32, float32_shared
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps
from filterscope.outputs.kind import Answer


@dataclass(frozen=True, eq=False)
class Moment:
    """One image and one layer, with the weights that made the maps.

    Arrays for all filters are shared and not to be written to; those for one filter are the caller's own.

    Attributes:
        revision: Of the engine: what was computed under another one no longer holds.
        image: Index of the image.
        images: How many images the data set has, as far as is known.
        sample: The image.
        note: What was done to the data set's images, in words; "" where there is nothing to say.
        layer: The layer.
        maps: What it did to the image, as the net's tensors.
        dynamic: Whether each image has kernels of its own.
        own_weights: Whether each image has kernels or a bias of its own.
        weight: Its kernels `(F, C_in/groups, *k)`, the net's own tensor or what it computed for this image.
        live_bias: Its bias `(F,)`, likewise, or None.
        prediction: The net's classes, best first; empty where there are none, None where it takes a pass.
        store: Keeps responses.
        answer: What the net says of the image: objects in boxes, a class for each pixel; None where it takes a pass.
        tells: What its output is: `"classes"`, `"boxes"`, `"masks"` or `"embedding"`.
    """

    revision: int
    image: int
    images: int
    sample: Sample
    note: str
    layer: ConvLayer
    maps: Maps
    dynamic: bool
    own_weights: bool
    weight: torch.Tensor
    live_bias: torch.Tensor | None
    prediction: Prediction | None
    store: ResponseStore
    answer: Answer | None = None
    tells: str = "classes"

    @classmethod
    def of(
        cls,
        map_store: MapStore,
        image: int,
        layer: ConvLayer,
        sample: Sample,
        classes: Classes,
        *,
        revision: int,
        images: int,
        note: str,
        tells: str,
        store: ResponseStore,
    ) -> Moment:
        """What a layer does to an image now: the maps that are kept, or those of a pass.

        Raises:
            NetError: If the net refuses the image, or does not reach the layer with it.
        """
        maps = map_store.maps(image, layer.index)
        weight, bias = map_store.weights(layer.index, image)
        has_scores = map_store.has_scores(image)
        answer = map_store.answer(image) if has_scores else None
        return cls(
            revision=revision,
            image=image,
            images=images,
            sample=sample,
            note=note,
            layer=layer,
            maps=maps,
            dynamic=map_store.is_dynamic(layer.index),
            own_weights=map_store.has_own_weights(layer.index),
            weight=weight,
            live_bias=bias,
            prediction=classes.ranked(answer) if has_scores else None,
            store=store,
            answer=answer,
            tells=tells,
        )

    @cached_property
    def kernels(self) -> np.ndarray:
        """The layer's kernels, float32 `(F, C_in/groups, *k)`, as they were when this was first read."""
        return float32(self.weight)

    @cached_property
    def bias(self) -> np.ndarray | None:
        """The layer's bias, float32 `(F,)`, or None."""
        return None if self.live_bias is None else float32(self.live_bias)

    def kernel(self, filter_index: int) -> np.ndarray:
        """One filter's live kernels, float32 `(C_in/groups, *k)`."""
        return float32(self.weight[filter_index])

    @property
    def stands(self) -> bool:
        """Whether the weights are still those of `kernels`; else another thread trains the net."""
        return np.array_equal(self.kernels, float32_shared(self.weight), equal_nan=True)

    @cached_property
    def responses(self) -> LayerResponses:
        """What filter2D gives for the layer's filters."""
        place = self.revision, self.image, self.layer.index
        pixels, kernels = self.sample.image, lambda: self.kernels
        return LayerResponses(self.store, place, pixels, self.layer, self.maps, kernels, self.kernel)

    @property
    def pre_activations(self) -> np.ndarray:
        """The convolution's output, float32 `(F, H', W')`."""
        return float32_shared(self.maps.pre_activation)

    @property
    def activations(self) -> np.ndarray:
        """The activation of every filter, float32 `(F, H'', W'')`."""
        return float32_shared(self.maps.activation)

    def pre_activation(self, filter_index: int) -> np.ndarray:
        """The convolution's output at one filter, float32 `(H', W')`."""
        return float32(self.maps.pre_activation[filter_index])

    def activation(self, filter_index: int) -> np.ndarray:
        """One filter's activation, float32 `(H'', W'')`."""
        return float32(self.maps.activation[filter_index])
