"""What a page is told of two nets, plain data; its twin in the page is `js/src/wire/comparison.ts`."""

from __future__ import annotations

import math
from typing import TypedDict

import numpy as np

from filterscope.filters.slices import planes
from filterscope.frames.pictures import drawn
from filterscope.frames.timeline import small_kernel, small_map
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.session.comparison import FilterPair, MapSwaps, Relation
from filterscope.session.selection import Selection
from filterscope.timeline.comparison import Comparison

MOST_IMAGES = 24
"""Of the images on which one net alone is right a page is told so many."""
MOST_SWAPS = 5
"""Of the filters whose maps change most what b says."""


class ComparedFilter(TypedDict):
    """A filter of net a, and which one of net b it is; None where that is not known, or there is none."""

    filter: int
    partner: int | None
    merged_into: int | None
    correlation: float | None
    distance: float | None
    damage: float | None


class ComparisonBody(TypedDict):
    """A layer of two nets: `filters` has those that changed most first, `lines` is the comparison in words.

    `only_a` and `only_b` are the first images on which one net alone is right.
    """

    layer: int
    lines: list[str]
    filters: list[ComparedFilter]
    only_a: list[int]
    only_b: list[int]


class PairBody(TypedDict):
    """A filter of a, its partner in b, and b minus a, float32 each; None where there is none, or the shapes differ."""

    image: int
    layer: int
    filter: int
    filter_b: int | None
    relation: Relation
    correlation: float | None
    kernels: list[np.ndarray | None]
    activations: list[np.ndarray | None]


class SwapBody(TypedDict):
    """A filter whose partner in b has its map, and the class's probability in b then."""

    filter: int
    partner: int
    probability: float


class SwapsBody(TypedDict):
    """Which filters explain that two nets disagree on an image."""

    image: int
    layer: int
    class_name: str | int
    of_a: float
    of_b: float
    swaps: list[SwapBody]


def build_comparison(comparison: Comparison, layer: ConvLayer) -> ComparisonBody:
    """What is known of a layer of two nets."""
    title = layer_title(layer)
    return {
        "layer": layer.index,
        "lines": str(comparison).splitlines(),
        "filters": [
            {
                "filter": row["filter"],
                "partner": row["partner"],
                "merged_into": row["merged_into"],
                "correlation": _known(row["correlation"]),
                "distance": _known(row["distance"]),
                "damage": _known(row["damage"]),
            }
            for row in comparison.rows()
            if row["layer"] == title
        ],
        "only_a": comparison.only_a[:MOST_IMAGES].tolist(),
        "only_b": comparison.only_b[:MOST_IMAGES].tolist(),
    }


def build_pair(pair: FilterPair, selection: Selection) -> PairBody:
    """The pictures of a filter and its partner, of the selected slices."""
    layer = pair.layer
    kernels = [
        None if kernel is None else small_kernel(planes(kernel, 1, selection.kernel_slice, layer.kernel_size[0])[0])
        for kernel in _with_difference(*pair.kernels)
    ]
    activations = [
        None if values is None else small_map(drawn(values, 0, layer, selection)[0])
        for values in _with_difference(*pair.activations)
    ]
    return {
        "image": selection.image,
        "layer": selection.layer,
        "filter": selection.filter,
        "filter_b": pair.filter_b,
        "relation": pair.relation,
        "correlation": _known(pair.correlation),
        "kernels": kernels,
        "activations": activations,
    }


def build_swaps(swaps: MapSwaps, image: int, layer: int) -> SwapsBody:
    """The filters whose maps change most what b says."""
    rows = zip(swaps.filters.tolist(), swaps.partners.tolist(), swaps.swapped.tolist(), strict=True)
    return {
        "image": image,
        "layer": layer,
        "class_name": swaps.class_name,
        "of_a": swaps.of_a,
        "of_b": swaps.of_b,
        "swaps": [
            {"filter": filter_index, "partner": partner, "probability": probability}
            for filter_index, partner, probability in list(rows)[:MOST_SWAPS]
        ],
    }


def _with_difference(a: np.ndarray, b: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    return a, b, None if b is None or b.shape != a.shape else b - a


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
