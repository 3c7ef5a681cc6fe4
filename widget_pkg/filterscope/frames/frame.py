"""One frame: all that a page paints for a selection, as plain arrays, ranges and words.

Small layers go to the page in full precision, so that the filter slider needs no further message; larger ones as one
byte a value, at the size that the grid shows. The selected filter is sent in full precision, a very large map as one
byte a value. What else the page needs to answer by itself, such a map's values, the other filters of a large layer and
the prediction of a large net, it asks for afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.filters.agreement import Agreement
from filterscope.filters.response import matches_image, shown_channels
from filterscope.filters.value_range import ValueRange, encode, value_range
from filterscope.frames.image import drawn_plane, image_part
from filterscope.frames.picture import kernel_picture, layer_picture
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection

_CODED_FROM = 2**18  # values of a map, 1 MiB: a message of 4 MiB takes VS Code 3 s


def build_frame(
    engine: Engine, selection: Selection, kernels_held: bool = False, layer_part: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything a page paints for a selection; arrays stand where the wire puts them.

    Args:
        engine: The net and the data set.
        selection: What is shown.
        kernels_held: Whether the page has the layer's kernels already, from another image; then `kernels` is None.
        layer_part: What `build_layer_part` gives for this selection, where that is at hand.

    Returns:
        A body for the wire. The prediction is None where it takes a pass that the pictures do not need.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    shared = build_layer_part(engine, selection) if layer_part is None else layer_part
    detail = filter_part(engine, selection, selection.filter)
    for name, ranges in ranges_of(shared).items():
        detail[name] = _shown(detail[name], ranges, selection.filter)
    prediction = best_of(engine.prediction(selection.image)) if engine.predicted(selection.image) else None
    return {
        **shared,
        **asdict(selection),
        "images": len(engine.source),
        "sample": {**shared["sample"], "prediction": prediction},
        "kernels": None if kernels_held else shared["kernels"],
        "detail": detail,
    }


def build_layer_part(engine: Engine, selection: Selection) -> dict[str, Any]:
    """What of a frame is the same for all filters of the layer, and takes nearly all of the frame's time.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    revision = engine.revision
    layer = engine.layers[selection.layer]
    place = selection.image, selection.layer
    sample = engine.sample(selection.image)
    channels = shown_channels(sample.image, layer, selection.channel, selection.source)
    weights, bias = engine.held_weights(selection.layer)
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    activations, activation_slice = planes(engine.activations(*place), 1, selection.slice, depth)
    agreement = agreement_of(engine, selection, bias)
    blocks = engine.response_blocks(*place, selection.channel, selection.source)
    slice_note = ""

    def drawn() -> Iterator[np.ndarray]:
        nonlocal slice_note
        for block in blocks if agreement is None else agreement.watching(blocks):
            maps, slice_note = planes(block, 1, selection.slice, depth)
            yield maps

    responses = layer_picture(drawn(), layer.out_channels, selection.scale)
    proof = None if agreement is None else agreement.found()
    if not np.array_equal(weights, engine.held_weights(selection.layer)[0], equal_nan=True):
        proof = None  # another thread trains the net: kernels and maps are of two moments
    kernels, kernel_slice = planes(weights[:, channels], 2, selection.kernel_slice, layer.kernel_size[0])
    return {
        "revision": revision,
        "sample": image_part(sample, drawn_plane(sample, layer, selection), engine.source.note),
        "kernels": kernel_picture(kernels, selection.scale),
        "responses": responses,
        "activations": layer_picture([activations], layer.out_channels, selection.scale),
        "agreement": proof,
        "notes": {
            "kernel": kernel_note(channels, layer.channels) + kernel_slice,
            "response": response_note(engine, selection, channels) + slice_note,
            "activation": activation_note(layer, activation_slice),
        },
    }


def agreement_of(engine: Engine, selection: Selection, bias: np.ndarray | None) -> Agreement | None:
    """What compares a layer's responses with its pre-activation; None where they are of one channel or of the image.

    These are nothing that the net computes.
    """
    if selection.source != "input" or selection.channel is not None:
        return None
    place = selection.image, selection.layer
    return Agreement(engine.pre_activations(*place), engine.maps(*place).pre_activation.dtype, bias)


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
    found = []
    for one in filters:
        part = filter_part(engine, selection, one)
        for name, given in (ranges or {}).items():
            part[name] = _coded(part[name], given, one)
        found.append({"filter": one, **part})
    return {"revision": engine.revision, "filters": found}


def filter_part(engine: Engine, selection: Selection, filter_index: int) -> dict[str, Any]:
    """One filter's kernels, response and activation, float32, as planes."""
    layer = engine.layers[selection.layer]
    place = selection.image, selection.layer
    asked = selection.channel, selection.source
    channels = shown_channels(engine.sample(selection.image).image, layer, *asked)
    kernels = engine.held_kernels(selection.layer, filter_index)[channels]
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    return {
        "kernel": planes(kernels, 1, selection.kernel_slice, layer.kernel_size[0])[0],
        "response": planes(engine.shown_response(*place, filter_index, *asked), 0, selection.slice, depth)[0],
        "activation": planes(engine.activation(*place, filter_index), 0, selection.slice, depth)[0],
    }


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
