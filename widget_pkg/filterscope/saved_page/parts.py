"""What a saved page holds, in parts that it reads when it needs them: an outline, each layer, each image, and both.

Maps are saved as codes over each map's own range, or as float32. Its twin in the page is `js/src/saved/types.ts`;
`kernel.ts` there makes of these parts the answers that a notebook's kernel would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

import numpy as np

from filterscope.data.sample import Sample
from filterscope.data.thumbnails import Thumbnail
from filterscope.engine.classes import Prediction
from filterscope.engine.moment import Moment
from filterscope.filters.response import Source, matches_image, shown_channels
from filterscope.filters.value_range import encode, encode_finely, value_range
from filterscope.frames.frame import agreement_of
from filterscope.frames.image import ImageBody, image_part
from filterscope.frames.layer_picture import FULL_PRECISION_BYTES, kernels_are_summed, summed_kernels
from filterscope.frames.notes import dynamic_note, kernel_note
from filterscope.frames.outline import OutlineBody
from filterscope.frames.overlay import OverlayBody
from filterscope.frames.pictures import NET_MAPS, RESPONSE
from filterscope.frames.prediction import best_of
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection

PRECISIONS = (8, 16, 32)
Precision = int
"""Bits a value: 8 and 16 are codes over the range of the map, 32 the value itself."""


@dataclass(frozen=True)
class Contents:
    """What of an explorer is saved.

    Attributes:
        images: Indices of images in the data set; in the page they are 0, 1, ….
        layers: Indices of layers; in the page they are 0, 1, ….
        channels: Input channels of which the response is saved alone, beside that of all.
        sources: What filter2D runs over.
        precision: Bits a value of a map.
        exemplars: Whether the exemplars of the newest scan are saved, where there is one.
        lab: Index of the layer whose kernels can be edited in the page; None where none can.
        timeline: Index of the layer that is shown over the checkpoints; None where none is.
    """

    images: Sequence[int]
    layers: Sequence[int]
    channels: Sequence[int]
    sources: Sequence[Source]
    precision: Precision
    exemplars: bool = True
    lab: int | None = None
    timeline: int | None = None

    def channels_of(self, layer: ConvLayer) -> list[int | None]:
        """The channels of one layer; a filter with one kernel has no others."""
        return [None, *(channel for channel in self.channels if channel < layer.channels)]


class SavedMaps(TypedDict):
    """Maps or kernels, one a filter, each over its own range.

    `values` are codes or float32 `(F, …)`; `ends` float32 `(F, 4)`: for each map its least and its greatest finite
    value (NaN where there is none), and how many are NaN and infinite.
    """

    values: np.ndarray
    ends: np.ndarray


class SavedKernels(TypedDict):
    """A layer's kernels, of too many their root mean square, their notes (all, and each alone), and the bias."""

    kernels: SavedMaps
    summed: SavedMaps | None
    notes: list[str]
    bias: np.ndarray


class SavedImage(TypedDict):
    """An image: one picture, or one a channel where they cannot be drawn together; and its prediction."""

    planes: list[ImageBody]
    prediction: Prediction
    overlay: OverlayBody | None


class SavedProof(TypedDict):
    """An `AgreementBody` without the bias, which the layer's part has."""

    difference: np.ndarray
    rounding: np.ndarray
    dtype: str


class SavedResponse(TypedDict):
    """The responses of one source and channel; `kernels` are the channels whose kernels are summed."""

    source: Source
    channel: int | None
    kernels: list[int]
    maps: SavedMaps
    note: str
    agreement: SavedProof | None


@dataclass(frozen=True, eq=False)
class StripRow:
    """What the strip shows of one image."""

    thumbnail: Thumbnail
    predicted: str | int | None


def outline_part(
    description: OutlineBody,
    layers: Sequence[ConvLayer],
    classes: Sequence[str],
    contents: Contents,
    rows: Sequence[StripRow],
    selection: dict[str, Any],
    verdicts: bool,
    exemplars: bool,
    shapes: Sequence[int | None],
    timeline: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the page needs at once: the layers, what was saved, thumbnails, classes and shapes of the images.

    Args:
        description: Of the whole explorer, as a notebook's page would be told.
        layers: All of the net's.
        classes: The data set's names, in their order.
        contents: What is saved.
        rows: Of the strip, one an image.
        selection: What is selected when the page opens, in the page's own indices.
        verdicts: Whether filters were judged.
        exemplars: Whether exemplars were saved.
        shapes: For each image the number of its shape, None for one that cannot be shown.
        timeline: `SavedTimeline.outline`; where it has images, the page has the checkpoint slider.
    """
    boxes = np.stack([row.thumbnail.box for row in rows])
    gray = bool((boxes == boxes[..., :1]).all())
    labels = [row.thumbnail.label for row in rows]
    labels_there = {label for label in labels if label is not None}
    over_time = timeline if timeline is not None and timeline["images"] else {"titles": [], "shown": None}
    return {
        "description": {
            **description,
            "images": len(rows),
            "revision": 0,
            "layers": [description["layers"][layer] for layer in contents.layers],
            "checkpoints": over_time["titles"],
        },
        "selection": {**selection, "checkpoint_index": over_time["shown"]},
        "saved": {
            "images": list(contents.images),
            "of_images": description["images"],
            "layers": len(contents.layers),
            "of_layers": len(layers),
            "channels": [contents.channels_of(layers[layer]) for layer in contents.layers],
            "sources": list(contents.sources),
            "precision": contents.precision,
            "verdicts": verdicts,
            "exemplars": exemplars,
            "lab": None if contents.lab is None else contents.layers.index(contents.lab),
            "timeline": timeline,
        },
        "shapes": list(shapes),
        "strip": {
            "thumbs": boxes[..., :1] if gray else boxes,
            "sizes": [row.thumbnail.size for row in rows],
            "labels": labels,
            "predicted": [row.predicted for row in rows],
            "errors": [row.thumbnail.error for row in rows],
            "classes": [name for name in classes if name in labels_there] or sorted(labels_there, key=str),
        },
    }


def layer_part(
    layer: ConvLayer, kernels: np.ndarray, bias: np.ndarray | None, dynamic: bool, precision: Precision
) -> dict[str, Any]:
    """A layer's kernels and bias, and of too many kernels their root mean square, which the grid shows.

    Args:
        layer: The layer.
        kernels: Its kernels, float32 `(F, C_in/groups, *k)`.
        bias: Its bias, float32 `(F,)`, or None.
        dynamic: Whether each image has kernels of its own.
        precision: Bits a value of a map; few kernels are saved exactly, whatever it is.
    """
    return {
        "rank": layer.rank,
        **{f"{picture.name}_note": picture.net_note(layer, "{slice}") for picture in NET_MAPS if picture.net_note},
        **kernels_part(layer, kernels, bias, dynamic, precision),
    }


def kernels_part(
    layer: ConvLayer, kernels: np.ndarray, bias: np.ndarray | None, dynamic: bool, precision: Precision
) -> SavedKernels:
    """What a layer's part has of its weights; see `layer_part`."""
    every = list(range(layer.channels))
    kernels = _with_rows(kernels, 2)
    full = kernels.nbytes <= FULL_PRECISION_BYTES
    summed = kernels_are_summed(kernels)
    return {
        "kernels": saved_maps(kernels, 32 if full else precision),
        "summed": saved_maps(summed_kernels(kernels), 32) if summed else None,
        "notes": [
            kernel_note(shown, layer.channels) + dynamic_note(dynamic)
            for shown in (every, *([channel] for channel in every))
        ],
        "bias": np.zeros(len(kernels), np.float32) if bias is None else bias,
    }


def image_part_of(
    sample: Sample, prediction: Prediction, overlay: OverlayBody | None, number: str, more: str
) -> SavedImage:
    """An image as it is drawn, each of its channels where they cannot be drawn together, and its prediction.

    Args:
        sample: The image.
        prediction: The net's classes, best first.
        overlay: What is laid over the image.
        number: Which image of the data set it is, in words; "" where the page has it under that number.
        more: What is to be said besides, of the data set.
    """
    first = image_part(sample, 0, more)
    planes = [first] + [image_part(sample, plane, more) for plane in range(1, first["planes"])]
    for plane in planes:
        plane["note"] = " ".join(filter(None, [number, plane["note"]]))
    return {"planes": planes, "prediction": best_of(prediction), "overlay": overlay}


def maps_part(moment: Moment, contents: Contents) -> dict[str, Any]:
    """What a layer does to an image: the net's own maps, and the responses of each source and channel.

    Where each image has kernels or a bias of its own, they are here, as `own_kernels`, instead of in the layer's part.
    """
    own_kernels = None
    if moment.own_weights:
        own_kernels = kernels_part(moment.layer, moment.kernels, moment.bias, moment.dynamic, contents.precision)
    at = Selection(moment.image, moment.layer.index)
    responses = [
        _saved_response(moment, replace(at, channel=channel, source=source), contents)
        for source in contents.sources
        for channel in contents.channels_of(moment.layer)
    ]
    return {
        **{picture.plural: _saved(picture.blocks(moment, at), contents.precision) for picture in NET_MAPS},
        "responses": responses,
        "own_channels": matches_image(moment.sample.image, moment.layer),
        "own_kernels": own_kernels,
    }


def _saved_response(moment: Moment, selection: Selection, contents: Contents) -> SavedResponse:
    agreement = agreement_of(moment, selection)
    blocks = RESPONSE.blocks(moment, selection)
    maps = _saved(blocks if agreement is None else agreement.watching(blocks), contents.precision)
    proof: SavedProof | None = None
    if agreement is not None:
        found = agreement.proof()
        proof = {"difference": found["difference"], "rounding": found["rounding"], "dtype": found["dtype"]}
    return {
        "source": selection.source,
        "channel": selection.channel,
        "kernels": shown_channels(moment.sample.image, moment.layer, selection.channel, selection.source),
        "maps": maps,
        "note": RESPONSE.note(moment, selection, "{slice}"),
        "agreement": proof,
    }


def _saved(blocks: Iterable[np.ndarray], precision: Precision) -> SavedMaps:
    """One map of all filters of a layer, from its blocks."""
    parts = list(blocks)
    return saved_maps(_with_rows(parts[0] if len(parts) == 1 else np.concatenate(parts), 1), precision)


def _with_rows(maps: np.ndarray, leading: int) -> np.ndarray:
    """A signal is one row."""
    return maps[..., None, :] if maps.ndim - leading == 1 else maps


def saved_maps(maps: np.ndarray, precision: Precision) -> SavedMaps:
    """Maps `(F, …)`, each over its own range."""
    ranges = [value_range(values) for values in maps]
    rows = [(own.minimum, own.maximum, own.nan, own.infinite) for own in ranges]
    ends = np.array(rows, np.float32)  # None is NaN
    if precision == 32:
        return {"values": maps, "ends": ends}
    coded = encode if precision == 8 else encode_finely
    return {"values": np.stack([coded(values, own) for values, own in zip(maps, ranges, strict=True)]), "ends": ends}
