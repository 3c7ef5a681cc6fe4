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
from filterscope.engine.moment import Moment
from filterscope.filters.agreement import Agreement
from filterscope.filters.response import matches_image, shown_channels
from filterscope.filters.value_range import ValueRange, encode, value_range
from filterscope.frames.image import drawn_plane, image_part
from filterscope.frames.picture import kernel_picture, layer_picture
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection

_CODED_FROM = 2**18  # values of a map, 1 MiB: a message of 4 MiB takes VS Code 3 s


def build_frame(
    moment: Moment, selection: Selection, kernels_held: bool = False, layer_part: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Everything a page paints for a selection; arrays stand where the wire puts them.

    Args:
        moment: The selection's image and layer.
        selection: What is shown.
        kernels_held: Whether the page has the layer's kernels already, from another image; then `kernels` is None.
        layer_part: What `build_layer_part` gives for this selection, where that is at hand.

    Returns:
        A body for the wire. The prediction is None where it takes a pass that the pictures do not need.
    """
    shared = build_layer_part(moment, selection) if layer_part is None else layer_part
    detail = filter_part(moment, selection, selection.filter)
    for name, ranges in ranges_of(shared).items():
        detail[name] = _shown(detail[name], ranges, selection.filter)
    prediction = None if moment.prediction is None else best_of(moment.prediction)
    return {
        **shared,
        **asdict(selection),
        "images": moment.images,
        "sample": {**shared["sample"], "prediction": prediction},
        "kernels": None if kernels_held else shared["kernels"],
        "detail": detail,
    }


def build_layer_part(moment: Moment, selection: Selection) -> dict[str, Any]:
    """What of a frame is the same for all filters of the layer, and takes nearly all of the frame's time."""
    layer, sample = moment.layer, moment.sample
    channels = shown_channels(sample.image, layer, selection.channel, selection.source)
    weights = moment.kernels
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    activations, activation_slice = planes(moment.activations, 1, selection.slice, depth)
    agreement = agreement_of(moment, selection)
    blocks = moment.responses.in_blocks(selection.channel, selection.source)
    slice_note = ""

    def drawn() -> Iterator[np.ndarray]:
        nonlocal slice_note
        for block in blocks if agreement is None else agreement.watching(blocks):
            maps, slice_note = planes(block, 1, selection.slice, depth)
            yield maps

    responses = layer_picture(drawn(), layer.out_channels, selection.scale)
    proof = None if agreement is None else agreement.proof()
    if not moment.stands:
        proof = None  # another thread trains the net: kernels and maps are of two moments
    kernels, kernel_slice = planes(weights[:, channels], 2, selection.kernel_slice, layer.kernel_size[0])
    return {
        "revision": moment.revision,
        "sample": image_part(sample, drawn_plane(sample, layer, selection), moment.note),
        "kernels": kernel_picture(kernels, selection.scale),
        "responses": responses,
        "activations": layer_picture([activations], layer.out_channels, selection.scale),
        "agreement": proof,
        "notes": {
            "kernel": kernel_note(channels, layer.channels) + kernel_slice,
            "response": response_note(moment, selection, channels) + slice_note,
            "activation": activation_note(layer, activation_slice),
        },
    }


def agreement_of(moment: Moment, selection: Selection) -> Agreement | None:
    """What compares a layer's responses with its pre-activation; None where they are of one channel or of the image.

    These are nothing that the net computes.
    """
    if selection.source != "input" or selection.channel is not None:
        return None
    return Agreement(moment.pre_activations, moment.maps.pre_activation.dtype, moment.bias)


def build_filters(
    moment: Moment, selection: Selection, filters: Sequence[int], ranges: Mapping[str, Sequence[Any]] | None
) -> dict[str, Any]:
    """Kernels, response and activation of some filters, to go with a frame that the page holds.

    Args:
        moment: The selection's image and layer.
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
        part = filter_part(moment, selection, one)
        for name, given in (ranges or {}).items():
            part[name] = _coded(part[name], given, one)
        found.append({"filter": one, **part})
    return {"revision": moment.revision, "filters": found}


def filter_part(moment: Moment, selection: Selection, filter_index: int) -> dict[str, Any]:
    """One filter's kernels, response and activation, float32, as planes."""
    layer = moment.layer
    asked = selection.channel, selection.source
    channels = shown_channels(moment.sample.image, layer, *asked)
    kernels = moment.kernel(filter_index)[channels]
    depth = layer.out_shape[1] if layer.rank == 3 else 1
    return {
        "kernel": planes(kernels, 1, selection.kernel_slice, layer.kernel_size[0])[0],
        "response": planes(moment.responses.of_filter(filter_index, *asked), 0, selection.slice, depth)[0],
        "activation": planes(moment.activation(filter_index), 0, selection.slice, depth)[0],
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


def response_note(moment: Moment, selection: Selection, channels: list[int]) -> str:
    """What filter2D runs over, in words."""
    layer = moment.layer
    several = len(channels) > 1
    if selection.source == "input":
        where = "the layer's own input, summed over its channels" if several else "its channel of the layer's own input"
        where += "; without the bias"
    else:
        image = moment.sample.image
        if image.shape[0] == 1:
            where = "the image itself"
        elif matches_image(image, layer):
            where = "the image, summed over its channels" if several else "its channel of the image"
        else:
            where = "the image's luma" if image.shape[0] == 3 else "the mean of the image's channels"
    return f"cv2.filter2D of {kernel_note(channels, layer.channels)} over {where}"
