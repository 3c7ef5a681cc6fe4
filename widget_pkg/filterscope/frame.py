"""One frame: all that a page paints for a selection, as plain arrays, ranges and words.

Small layers go to the page in full precision, so that the filter slider needs no further message; larger ones as one
byte a value, at the size that the grid shows. The selected filter is sent in full precision, a very large map as one
byte a value. What else the page needs to answer by itself, such a map's values, the other filters of a large layer and
the prediction of a large net, it asks for afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from filterscope.engine import Engine
from filterscope.image_part import drawn_plane, image_part
from filterscope.layers import ConvLayer
from filterscope.picture import kernel_picture, layer_picture
from filterscope.response import matches_image, shown_channels
from filterscope.selection import Selection
from filterscope.value_range import ValueRange, encode, value_range

_CODED_FROM = 2**18  # values of a map, 1 MiB: a message of 4 MiB takes VS Code 3 s
_AGREEMENT_BYTES = 2**25  # that are compared at a time
_ROUNDING = 1e-3  # of a map's largest value: far above float32's rounding, far below what a wrong picture would differ


def build_frame(engine: Engine, selection: Selection, kernels_held: bool = False) -> dict[str, Any]:
    """Everything a page paints for a selection; arrays stand where the wire puts them.

    Args:
        engine: The net and the data set.
        selection: What is shown.
        kernels_held: Whether the page has the layer's kernels already, from another image; then `kernels` is None.

    Returns:
        A body for the wire. The prediction is None where it takes a pass that the pictures do not need.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    revision = engine.revision
    layer = engine.layers[selection.layer]
    place = selection.image, selection.layer
    sample = engine.sample(selection.image)
    channels = shown_channels(sample.image, layer, selection.channel, selection.source)
    whole, bias = engine.held_weights(selection.layer)
    activations = engine.activations(*place)
    blocks = engine.response_blocks(*place, selection.channel, selection.source)
    detail_response = engine.shown_response(*place, selection.filter, selection.channel, selection.source)
    agreement = agreement_of(engine, selection, bias)
    if not np.array_equal(whole, engine.held_weights(selection.layer)[0], equal_nan=True):
        agreement = None  # another thread trains the net: kernels and maps are of two moments
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    kernels, kernel_slice = planes(whole[:, channels], 2, selection.kernel_slice, layer.kernel_size[0])
    detail_response, slice_note = planes(detail_response, 0, selection.slice, depth)
    activations, activation_slice = planes(activations, 1, selection.slice, depth)
    filters = layer.out_channels
    drawn = (planes(block, 1, selection.slice, depth)[0] for block in blocks)
    pictures = {
        "responses": layer_picture(drawn, filters, selection.scale),
        "activations": layer_picture([activations], filters, selection.scale),
    }
    return {
        "revision": revision,
        **asdict(selection),
        "images": len(engine.source),
        "sample": {
            **image_part(sample, drawn_plane(sample, layer, selection), engine.source.note),
            "prediction": best_of(engine.prediction(selection.image)) if engine.predicted(selection.image) else None,
        },
        "kernels": None if kernels_held else kernel_picture(kernels, selection.scale),
        **pictures,
        "detail": {
            "kernel": kernels[selection.filter],
            "response": _shown(detail_response, pictures["responses"]["ranges"], selection.filter),
            "activation": _shown(activations[selection.filter], pictures["activations"]["ranges"], selection.filter),
        },
        "agreement": agreement,
        "notes": {
            "kernel": kernel_note(channels, layer.channels) + kernel_slice,
            "response": response_note(engine, selection, channels) + slice_note,
            "activation": activation_note(layer, activation_slice),
        },
    }


def build_filters(
    engine: Engine, selection: Selection, filters: Sequence[int], ranges: Mapping[str, Sequence[Any]] | None
) -> dict[str, Any]:
    """Kernels, response and activation of some filters, to go with a frame that the page holds.

    Args:
        engine: The net and the data set.
        selection: The frame's; its filter does not matter.
        filters: Which filters.
        ranges: The frame's ranges of `responses` and `activations`, for these maps to come as codes in them; else they
            come as float32, as kernels always do.

    Returns:
        A body for the wire: for each filter its index and its three pictures; with a map that comes as codes, its least
        and greatest value, and how many are NaN and infinite.
    """
    layer = engine.layers[selection.layer]
    place = selection.image, selection.layer
    channels = shown_channels(engine.sample(selection.image).image, layer, selection.channel, selection.source)
    kernels = engine.held_weights(selection.layer)[0]
    responses = [engine.shown_response(*place, one, selection.channel, selection.source) for one in filters]
    chosen = list(filters)
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    detail = {
        "kernel": planes(kernels[chosen][:, channels], 2, selection.kernel_slice, layer.kernel_size[0])[0],
        "response": planes(np.stack(responses), 1, selection.slice, depth)[0],
        "activation": planes(engine.activations(*place)[chosen], 1, selection.slice, depth)[0],
    }
    found: list[dict[str, Any]] = [{"filter": one} for one in chosen]
    for name, maps in detail.items():
        given = (ranges or {}).get(name)
        for one, values in zip(found, maps, strict=True):
            one[name] = values if given is None else _coded(values, given, one["filter"])
    return {"revision": engine.revision, "filters": found}


def _shown(values: np.ndarray, ranges: Sequence[Mapping[str, Any]], filter_index: int) -> np.ndarray | dict[str, Any]:
    """A map as it is, or a very large one as codes in its layer's range or its own: the same pixels."""
    return values if values.size <= _CODED_FROM else _coded(values, ranges, filter_index)


def _coded(values: np.ndarray, ranges: Sequence[Mapping[str, Any]], filter_index: int) -> dict[str, Any]:
    shown = ranges[filter_index if len(ranges) > 1 else 0]
    own = value_range(values)
    # Where no value is finite the least is above the greatest, as in the page.
    none = own.minimum is None
    ends = {"minimum": 1 if none else own.minimum, "maximum": 0 if none else own.maximum}
    summary = {**ends, "nan": own.nan, "infinite": own.infinite}
    return {"tensor": encode(values, ValueRange(**shown)), "summary": summary}


def ranges_of(frame: Mapping[str, Any]) -> dict[str, Any]:
    """The ranges of a frame's maps, for more of its filters."""
    return {"response": frame["responses"]["ranges"], "activation": frame["activations"]["ranges"]}


def predict(engine: Engine, image: int) -> dict[str, Any]:
    """An image's prediction, which a frame came without; the pass serves the image's other layers too."""
    engine.complete(image)
    return {"revision": engine.revision, "image": image, "prediction": best_of(engine.prediction(image))}


def planes(maps: np.ndarray, leading: int, chosen: int | None, of: int) -> tuple[np.ndarray, str]:
    """Maps as planes `(…, H, W)` behind so many leading axes: a signal as one row, of a volume one slice.

    Args:
        maps: Maps or kernels of any rank.
        leading: How many axes come before the map's own.
        chosen: The slice, `0 … of − 1`; None for the middle one. Of a volume with another depth (what a pool after the
            convolution leaves, or filter2D over the image) it is the slice at the same height.
        of: The depth in which `chosen` counts.

    Returns:
        The planes, and for the note below them which slice they are.
    """
    rank = maps.ndim - leading
    if rank == 1:
        return maps[..., None, :], ""
    if rank == 3:
        depth = maps.shape[leading]
        k = slice_of(depth, chosen, of)
        return np.ascontiguousarray(maps.take(k, axis=leading)), f"; slice {k} of {depth}"
    return maps, ""


def slice_of(depth: int, chosen: int | None, of: int) -> int:
    """Which slice of a volume of this depth is drawn: the middle one, or that at the height of `chosen` of so many."""
    return depth // 2 if chosen is None else (2 * chosen + 1) * depth // (2 * of)


def agreement_of(engine: Engine, selection: Selection, bias: np.ndarray | None) -> dict[str, Any] | None:
    """The proof that the pictures are what the net computes, for each filter of the layer.

    Its bias, and the largest difference between the response plus that bias and the pre-activation; the share of the
    values that is rounding in the dtype in which the net computes; None where the response is of one channel alone or
    of the image.
    """
    if selection.source != "input" or selection.channel is not None:
        return None
    responses = engine.responses(selection.image, selection.layer, None, "input")
    pre_activations = engine.pre_activations(selection.image, selection.layer)
    difference = np.empty(len(responses), np.float32)
    step = max(1, _AGREEMENT_BYTES // max(1, responses[0].nbytes))
    for first in range(0, len(responses), step):
        some = slice(first, first + step)
        gap = responses[some] + (0 if bias is None else bias[some].reshape((-1,) + (1,) * (responses.ndim - 1)))
        with np.errstate(invalid="ignore"):  # infinite less infinite; the page says that it cannot be compared
            gap -= pre_activations[some]
        difference[some] = np.abs(gap, out=gap).reshape(len(gap), -1).max(axis=1)
    computed_in = engine.maps(selection.image, selection.layer).pre_activation.dtype
    return {
        "bias": np.zeros_like(difference) if bias is None else bias,
        "difference": difference,
        "rounding": max(_ROUNDING, 4 * torch.finfo(computed_in).eps),
        "dtype": str(computed_in).removeprefix("torch."),
    }


def outline(engine: Engine, version: str) -> dict[str, Any]:
    """What does not change with the selection: the layers, and how many images there are."""
    return {
        "version": version,
        "revision": engine.revision,
        "images": len(engine.source),
        "input": list(engine.sample(engine.first_image).image.shape),
        "layers": [
            {
                "name": layer.name,
                "call": layer.call,
                "title": layer.title,
                "filters": layer.out_channels,
                "channels": layer.channels,
                "kernel": list(layer.kernel_size),
                "out_shape": list(layer.out_shape),
                "activation_name": layer.activation.name,
            }
            for layer in engine.layers
        ],
    }


def best_of(prediction: list[tuple[str | int, float]]) -> list[tuple[str | int, float]]:
    """The ten best; none where the net's output is not finite, which no bar can show."""
    return prediction[:10] if all(np.isfinite(probability) for _, probability in prediction) else []


def activation_note(layer: ConvLayer, which_slice: str = "") -> str:
    """Which tensor of the net the activation is, in words."""
    items = f"; the first of {layer.items} that the net made of the image" if layer.items > 1 else ""
    return f"{layer.activation.name}{which_slice}{items}"


def kernel_note(channels: list[int], of: int) -> str:
    """Which of a filter's kernels are shown, in words."""
    return f"kernel {channels[0]} of {of}" if len(channels) == 1 else f"all {of} kernels"


def response_note(engine: Engine, selection: Selection, channels: list[int]) -> str:
    """What filter2D runs over, in words."""
    layer = engine.layers[selection.layer]
    several = len(channels) > 1
    if selection.source == "input":
        where = "the layer's own input, summed over its channels" if several else "its channel of the layer's own input"
        where += "; without the bias"
    else:
        image = engine.sample(selection.image).image
        if image.shape[0] == 1:
            where = "the image itself"
        elif matches_image(image, layer):
            where = "the image, summed over its channels" if several else "its channel of the image"
        else:
            where = "the image's luma" if image.shape[0] == 3 else "the mean of the image's channels"
    return f"cv2.filter2D of {kernel_note(channels, layer.channels)} over {where}"
