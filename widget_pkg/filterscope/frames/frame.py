"""One frame: all that a page paints for a selection, as plain arrays, ranges and words.

From a moment's maps to the pictures of a selection; next: `wire`. Small layers go to the page in full precision, so
that the filter slider needs no further message; larger ones as one byte a value, at the size that the grid shows. The
selected filter is sent in full precision, a very large map as one byte a value. What else the page needs to answer by
itself, such a map's values, the other filters of a large layer and the prediction of a large net, it asks for later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict, cast

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.engine.moment import Moment
from filterscope.filters.agreement import Agreement, AgreementBody
from filterscope.filters.response import Source, shown_channels
from filterscope.filters.slices import planes
from filterscope.filters.value_range import ValueRange, encode, value_range
from filterscope.frames.image import ImageBody, drawn_plane, image_part
from filterscope.frames.layer_picture import PictureBody, RangeBody, kernel_picture, layer_picture
from filterscope.frames.notes import dynamic_note, kernel_note
from filterscope.frames.overlay import OverlayBody, overlay_of
from filterscope.frames.pictures import PICTURES, RESPONSE, LayerMaps, Picture, drawn
from filterscope.frames.prediction import best_of
from filterscope.nets.arrays import float32
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Scale, Selection

_CODED_FROM = 2**18  # values of a map, 1 MiB: a message of 4 MiB takes VS Code 3 s


class SampleBody(ImageBody):
    """An image with its prediction, None where that takes a pass that the pictures do not need."""

    prediction: Prediction | None
    overlay: OverlayBody | None


class SummaryBody(TypedDict):
    """Least and greatest finite value, the least above the greatest where there is none; how many others there are."""

    minimum: float
    maximum: float
    nan: int
    infinite: int


class CodedBody(TypedDict):
    """A map as codes, uint8 `(H, W)`, in a range of the frame, and what is said of its values."""

    tensor: np.ndarray
    summary: SummaryBody


Detail = dict[str, "np.ndarray | CodedBody"]
"""One filter's `kernel`, and each row of the table of pictures by its name; float32 planes, or codes."""

Ranges = dict[str, list[RangeBody]]
"""The ranges of a frame's maps, by the names of the table's rows."""


class ActivityBody(TypedDict):
    """Of each filter's activation its maximum and its mean over all positions, float32 `(F,)`."""

    maximum: np.ndarray
    mean: np.ndarray


class _ForAllFilters(LayerMaps):
    revision: int
    activity: ActivityBody | None
    agreement: AgreementBody | None
    notes: dict[str, str]


class LayerPart(_ForAllFilters):
    """What of a frame is the same for all filters of the layer."""

    sample: ImageBody
    kernels: PictureBody


class FrameBody(_ForAllFilters):
    """Everything a page paints for a selection; `kernels` is None where the page has them.

    `activity` is None where the page can tell it from the activations that it is sent.
    """

    sample: SampleBody
    kernels: PictureBody | None
    image: int
    layer: int
    filter: int
    channel: int | None
    source: Source
    checkpoint: int | None
    scale: Scale
    plane: int | None
    slice: int | None
    kernel_slice: int | None
    images: int
    detail: Detail


class FiltersBody(TypedDict):
    """Details of some filters of a frame, each with its index under `filter`."""

    revision: int
    filters: list[dict[str, Any]]


def build_frame(
    moment: Moment, selection: Selection, kernels_held: bool = False, layer_part: LayerPart | None = None
) -> FrameBody:
    """Everything a page paints for a selection; arrays stand where the wire puts them.

    Args:
        moment: The selection's image and layer.
        selection: What is shown.
        kernels_held: Whether the page has the layer's kernels already, from another image; then `kernels` is None,
            unless each image has its own.
        layer_part: What `build_layer_part` gives for this selection, where that is at hand.

    Returns:
        A body for the wire. The prediction is None where it takes a pass that the pictures do not need.
    """
    part = build_layer_part(moment, selection) if layer_part is None else layer_part
    detail: Detail = {**filter_part(moment, selection, selection.filter)}
    for name, ranges in ranges_of(part).items():
        values = detail[name]
        if isinstance(values, np.ndarray) and values.size > _CODED_FROM:  # as codes it has the same pixels
            detail[name] = _coded(values, ranges, selection.filter)
    return {
        "revision": part["revision"],
        "sample": {
            **part["sample"],
            "prediction": None if moment.prediction is None else best_of(moment.prediction),
            "overlay": None if moment.prediction is None else overlay_of(moment.tells, moment.answer, moment.sample),
        },
        "kernels": None if kernels_held and not moment.dynamic else part["kernels"],
        **_maps_of(part),
        "activity": part["activity"],
        "agreement": part["agreement"],
        "notes": part["notes"],
        "image": selection.image,
        "layer": selection.layer,
        "filter": selection.filter,
        "channel": selection.channel,
        "source": selection.source,
        "checkpoint": selection.checkpoint,
        "scale": selection.scale,
        "plane": selection.plane,
        "slice": selection.slice,
        "kernel_slice": selection.kernel_slice,
        "images": moment.images,
        "detail": detail,
    }


def build_layer_part(
    moment: Moment, selection: Selection, over_time: Mapping[str, ValueRange] | None = None
) -> LayerPart:
    """What of a frame is the same for all filters of the layer, and takes nearly all of the frame's time.

    Args:
        moment: The selection's image and layer.
        selection: What is shown.
        over_time: The ranges over all checkpoints, by what they are of; see `CheckpointRanges`.
    """
    over_time = over_time or {}
    layer, sample = moment.layer, moment.sample
    channels = shown_channels(sample.image, layer, selection.channel, selection.source)
    weights = moment.kernels
    agreement = agreement_of(moment, selection)
    maps: dict[str, PictureBody] = {}
    notes: dict[str, str] = {}
    for picture in PICTURES:
        blocks = picture.blocks(moment, selection)
        if picture is RESPONSE and agreement is not None:
            blocks = agreement.watching(blocks)
        range_over_time = over_time.get(picture.plural)
        maps[picture.plural], notes[picture.name] = _layer_maps(picture, moment, selection, blocks, range_over_time)
    proof = None if agreement is None else agreement.proof()
    if not moment.stands:
        proof = None  # another thread trains the net: kernels and maps are of two moments
    kernels, kernel_slice = planes(weights[:, channels], 2, selection.kernel_slice, layer.kernel_size[0])
    return {
        "revision": moment.revision,
        "sample": image_part(sample, drawn_plane(sample, layer, selection), moment.note),
        "kernels": kernel_picture(kernels, selection.scale, over_time.get("kernels")),
        **cast(LayerMaps, maps),
        "activity": None if _holds_activations(maps, layer) else _activity(moment),
        "agreement": proof,
        "notes": {
            "kernel": kernel_note(channels, layer.channels) + kernel_slice + dynamic_note(moment.dynamic),
            **notes,
        },
    }


def _holds_activations(maps: dict[str, PictureBody], layer: ConvLayer) -> bool:
    """Whether the page has every value of the activations, and finds their maxima and means by itself."""
    return maps["activations"]["encoding"] == "float32" and layer.rank < 3


def _activity(moment: Moment) -> ActivityBody:
    values = moment.maps.activation.detach().reshape(moment.layer.out_channels, -1).float()
    return {"maximum": float32(values.amax(1)), "mean": float32(values.mean(1))}


def _layer_maps(
    picture: Picture,
    moment: Moment,
    selection: Selection,
    blocks: Iterable[np.ndarray],
    over_time: ValueRange | None,
) -> tuple[PictureBody, str]:
    """One map of all filters, drawn while its blocks pass by, and its note."""
    slice_words = ""

    def as_planes() -> Iterator[np.ndarray]:
        nonlocal slice_words
        for block in blocks:
            maps, slice_words = drawn(block, 1, moment.layer, selection)
            yield maps

    body = layer_picture(as_planes(), moment.layer.out_channels, selection.scale, over_time)
    return body, picture.note(moment, selection, slice_words)


def _maps_of(part: LayerMaps) -> LayerMaps:
    pictures: dict[str, Any] = {picture.plural: picture_of(part, picture) for picture in PICTURES}
    return cast(LayerMaps, pictures)


def picture_of(part: LayerMaps, picture: Picture) -> PictureBody:
    """A row's picture in a frame, or in the part of it that all filters share."""
    return cast("dict[str, PictureBody]", part)[picture.plural]


def ranges_of(part: LayerMaps) -> Ranges:
    """The ranges of a frame's maps, for more of its filters."""
    return {picture.name: picture_of(part, picture)["ranges"] for picture in PICTURES}


def agreement_of(moment: Moment, selection: Selection) -> Agreement | None:
    """What compares a layer's responses with its pre-activation; None where they are of one channel or of the image.

    These are nothing that the net computes.
    """
    if selection.source != "input" or selection.channel is not None:
        return None
    return Agreement(moment.layer, moment.maps, moment.pre_activations, moment.kernels, moment.bias)


def build_filters(
    moment: Moment, selection: Selection, filters: Sequence[int], ranges: Mapping[str, Sequence[RangeBody]] | None
) -> FiltersBody:
    """Kernels and maps of some filters, to go with a frame that the page holds.

    Args:
        moment: The selection's image and layer.
        selection: The frame's; its filter does not matter.
        filters: Which filters.
        ranges: The ranges of the frame's maps, for these to come as codes in them; else they come as float32, as
            kernels always do.

    Returns:
        A body for the wire: for each filter its index, its kernels and its maps; with a map that comes as codes, its
        least and greatest value, and how many are NaN and infinite.
    """
    details: list[dict[str, Any]] = []
    for index in filters:
        values = filter_part(moment, selection, index)
        coded = {name: _coded(values[name], of_layer, index) for name, of_layer in (ranges or {}).items()}
        details.append({"filter": index, **values, **coded})
    return {"revision": moment.revision, "filters": details}


def filter_part(moment: Moment, selection: Selection, filter_index: int) -> dict[str, np.ndarray]:
    """One filter's `kernel`, and its map of each row of the table, float32, as planes."""
    layer = moment.layer
    channels = shown_channels(moment.sample.image, layer, selection.channel, selection.source)
    kernels = moment.kernel(filter_index)[channels]
    part = {"kernel": planes(kernels, 1, selection.kernel_slice, layer.kernel_size[0])[0]}
    for picture in PICTURES:
        part[picture.name] = drawn(picture.of_filter(moment, selection, filter_index), 0, layer, selection)[0]
    return part


def _coded(values: np.ndarray, ranges: Sequence[RangeBody], filter_index: int) -> CodedBody:
    """A map as codes in its layer's range or its own."""
    own = value_range(values)
    summary: SummaryBody = {
        # Where no value is finite the least is above the greatest, as in the page.
        "minimum": 1 if own.minimum is None else own.minimum,
        "maximum": 0 if own.maximum is None else own.maximum,
        "nan": own.nan,
        "infinite": own.infinite,
    }
    shared = ranges[filter_index if len(ranges) > 1 else 0]
    return {"tensor": encode(values, ValueRange(**shared)), "summary": summary}
