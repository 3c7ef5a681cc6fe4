"""The responses of a layer to an image: computed by `filterscope.filters.response`, the recent ones kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

import numpy as np

from filterscope.engine.cache import Cache
from filterscope.engine.lock import EngineLock
from filterscope.filters import response
from filterscope.filters.response import Source
from filterscope.nets.arrays import float32_shared
from filterscope.nets.layers import ConvLayer
from filterscope.nets.passes import Maps

RESPONSES_BYTES = 32 * 2**20
"""Most that the responses of recent layers may take; those of a layer that take more alone are not kept."""

# Of responses too many for memory so many are computed at a time; by fewer filters at a time torch takes twice as long.
_BLOCK_BYTES = 2**28
_FILTERS_A_BLOCK = 8

Place = tuple[int, int, int]
"""Revision of the engine, image and layer."""


class ResponseStore(Cache[tuple[Place, "int | None", Source], np.ndarray]):
    """Responses computed lately, by place, channel and source.

    Args:
        lock: Held while they are computed, kept or dropped.
    """

    def __init__(self, lock: EngineLock) -> None:
        super().__init__(RESPONSES_BYTES, lambda maps: maps.nbytes)
        self.lock = lock


class LayerResponses:
    """What filter2D gives for the filters of one layer and one image, computed when it is asked for.

    Arrays for all filters are shared, since copies would take as long as what is drawn of them: they are not to be
    written to.

    Args:
        store: Keeps them.
        place: Under which they are kept.
        pixels: The image, float32 `(C, H, W)`.
        layer: The layer.
        maps: What it did to the image.
        kernels: Gives its kernels, float32 `(F, C_in/groups, *k)`.
        kernel: Gives those of one filter, float32 `(C_in/groups, *k)`.
    """

    def __init__(
        self,
        store: ResponseStore,
        place: Place,
        pixels: np.ndarray,
        layer: ConvLayer,
        maps: Maps,
        kernels: Callable[[], np.ndarray],
        kernel: Callable[[int], np.ndarray],
    ) -> None:
        self._store, self._place = store, place
        self._pixels, self._layer, self._maps = pixels, layer, maps
        self._kernels, self._kernel = kernels, kernel

    def of_all_filters(self, channel: int | None, source: Source) -> np.ndarray:
        """The responses of every filter of the layer, float32 `(F, H', W')`."""
        key = self._place, channel, source
        with self._store.lock:
            if key not in self._store:
                self._store[key] = self._compute(channel, source)
            return self._store[key]

    def in_blocks(self, channel: int | None, source: Source) -> Iterator[np.ndarray]:
        """The responses of every filter, float32 `(n, H', W')`, in blocks of filters that follow one another.

        Where all together would be too many for memory no more than a block is there at a time: a layer has as many
        responses over the image as it has filters, each as large as the image.
        """
        filters, size = self._layer.out_channels, self._bytes(source)
        if size <= RESPONSES_BYTES:
            yield self.of_all_filters(channel, source)
            return
        step = max(_FILTERS_A_BLOCK, _BLOCK_BYTES * filters // size)
        for first in range(0, filters, step):
            yield self._compute(channel, source, range(first, min(first + step, filters)))

    def of_filter(self, filter_index: int, channel: int | None, source: Source) -> np.ndarray:
        """One filter's response as its picture has it; `Engine.response` may differ by float32 rounding."""
        if source == "image":
            return response.response_over_image(self._pixels, self._kernel(filter_index), self._layer, channel)
        response_map: np.ndarray
        if self._bytes(source) <= RESPONSES_BYTES:
            response_map = self.of_all_filters(channel, source)[filter_index]
        else:
            (response_map,) = self._compute(channel, source, [filter_index])
        return response_map

    def _bytes(self, source: Source) -> int:
        """What the responses of all filters take."""
        shape = self._pixels.shape if source == "image" else self._maps.pre_activation.shape
        return 4 * self._layer.out_channels * prod(shape[1:])

    def _compute(self, channel: int | None, source: Source, filters: Sequence[int] | None = None) -> np.ndarray:
        layer_input = float32_shared(self._maps.input) if source == "input" else self._pixels
        return response.layer_responses(
            self._pixels, layer_input, self._kernels(), self._layer, channel, source, filters
        )
