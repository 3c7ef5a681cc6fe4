"""What a saved page holds, in parts that it reads when it needs them: an outline, each layer, each image, and both.

Maps are saved as codes over each map's own range, or as float32. Its twin in the page is `js/src/page/saved_types.ts`;
`saved_kernel.ts` there makes of these parts the answers that a notebook's kernel would give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filterscope._version import __version__
from filterscope.data.thumbnails import Thumbnail, no_thumbnail, thumbnail_of
from filterscope.engine.engine import Engine
from filterscope.errors import NetError, SampleError
from filterscope.filters.response import Source, matches_image, shown_channels
from filterscope.filters.value_range import encode, encode_finely, value_range
from filterscope.frames.frame import activation_note, agreement_of, best_of, kernel_note, outline, response_note
from filterscope.frames.image import image_part
from filterscope.frames.picture import FULL_PRECISION_BYTES, kernels_are_summed, summed_kernels
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
    """

    images: Sequence[int]
    layers: Sequence[int]
    channels: Sequence[int]
    sources: Sequence[Source]
    precision: Precision

    def channels_of(self, engine: Engine, layer: int) -> list[int | None]:
        """The channels of one layer; a filter with one kernel has no others."""
        of = engine.layers[layer].channels
        return [None, *(channel for channel in self.channels if channel < of)]


@dataclass(frozen=True, eq=False)
class StripRow:
    """What the strip shows of one image."""

    thumbnail: Thumbnail
    predicted: str | int | None


def strip_row(engine: Engine, image: int) -> StripRow:
    """An image's thumbnail and classes; where it cannot be shown, the reason."""
    try:
        sample = engine.sample(image)
        scores = best_of(engine.prediction(image))
        known = sample.label is None or engine.knows_class(sample.label)
        return StripRow(thumbnail_of(sample), scores[0][0] if scores and known else None)
    except (SampleError, NetError) as error:
        return StripRow(no_thumbnail(str(error)), None)


def outline_part(
    engine: Engine,
    contents: Contents,
    rows: Sequence[StripRow],
    selection: dict[str, Any],
    verdicts: bool,
    shapes: Sequence[int | None],
) -> dict[str, Any]:
    """What the page needs at once: the layers, what was saved, thumbnails, classes and shapes of the images."""
    description = outline(engine, __version__)
    boxes = np.stack([row.thumbnail.box for row in rows])
    gray = bool((boxes == boxes[..., :1]).all())
    labels = [row.thumbnail.label for row in rows]
    known = {label for label in labels if label is not None}
    return {
        "description": {
            **description,
            "images": len(rows),
            "revision": 0,
            "layers": [description["layers"][layer] for layer in contents.layers],
        },
        "selection": selection,
        "saved": {
            "images": list(contents.images),
            "of_images": description["images"],
            "layers": len(contents.layers),
            "of_layers": len(engine.layers),
            "channels": [contents.channels_of(engine, layer) for layer in contents.layers],
            "sources": list(contents.sources),
            "precision": contents.precision,
            "verdicts": verdicts,
        },
        "shapes": list(shapes),
        "strip": {
            "thumbs": boxes[..., :1] if gray else boxes,
            "sizes": [row.thumbnail.size for row in rows],
            "labels": labels,
            "predicted": [row.predicted for row in rows],
            "errors": [row.thumbnail.error for row in rows],
            "classes": [one for one in engine.source.classes if one in known] or sorted(known, key=str),
        },
    }


def layer_part(engine: Engine, contents: Contents, layer: int) -> dict[str, Any]:
    """A layer's kernels and bias, and of too many kernels their root mean square, which the grid shows."""
    record = engine.layers[layer]
    every = list(range(record.channels))
    kernels, bias = engine.weights(layer)
    kernels = _with_rows(kernels, 2)
    full = kernels.nbytes <= FULL_PRECISION_BYTES
    summed = kernels_are_summed(kernels)
    return {
        "rank": record.rank,
        "kernels": saved_maps(kernels, 32 if full else contents.precision),
        "summed": saved_maps(summed_kernels(kernels), 32) if summed else None,
        "notes": [kernel_note(every, record.channels), *(kernel_note([one], record.channels) for one in every)],
        "activation_note": activation_note(record, "{slice}"),
        "bias": np.zeros(len(kernels), np.float32) if bias is None else bias,
    }


def image_part_of(engine: Engine, image: int, place: int) -> dict[str, Any]:
    """An image as it is drawn, each of its channels where they cannot be drawn together, and its prediction."""
    sample = engine.sample(image)
    number = "" if image == place else f"Image {image} of the data set."
    first = image_part(sample, 0, engine.source.note)
    planes = [first] + [image_part(sample, plane, engine.source.note) for plane in range(1, first["planes"])]
    for plane in planes:
        plane["note"] = " ".join(filter(None, [number, plane["note"]]))
    return {
        "planes": planes,
        "prediction": best_of(engine.prediction(image)),
    }


def maps_part(engine: Engine, contents: Contents, image: int, layer: int) -> dict[str, Any]:
    """What a layer does to an image: the activations, and the responses of each source and channel."""
    moment = engine.moment(image, layer)
    record, pixels = moment.layer, moment.sample.image
    responses = []
    for source in contents.sources:
        for channel in contents.channels_of(engine, layer):
            selection = Selection(image, layer, 0, channel, source)
            channels = shown_channels(pixels, record, channel, source)
            comparison = agreement_of(moment, selection)
            passing = moment.responses.in_blocks(channel, source)
            blocks = list(passing if comparison is None else comparison.watching(passing))
            maps = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
            agreement = None if comparison is None else comparison.proof()
            responses.append(
                {
                    "source": source,
                    "channel": channel,
                    "kernels": channels,
                    "maps": saved_maps(_with_rows(maps, 1), contents.precision),
                    "note": response_note(moment, selection, channels) + "{slice}",
                    "agreement": agreement and {key: agreement[key] for key in ("difference", "rounding", "dtype")},
                }
            )
    return {
        "activations": saved_maps(_with_rows(moment.activations, 1), contents.precision),
        "responses": responses,
        "own_channels": matches_image(pixels, record),
    }


def _with_rows(maps: np.ndarray, leading: int) -> np.ndarray:
    """A signal is one row."""
    return maps[..., None, :] if maps.ndim - leading == 1 else maps


def saved_maps(maps: np.ndarray, precision: Precision) -> dict[str, Any]:
    """Maps `(F, …)`, each over its own range.

    Returns:
        `values` (codes or float32), and for each map float32 `ends` `(F, 4)`: its least and its greatest finite value
        (NaN where there is none), and how many are NaN and infinite.
    """
    ranges = [value_range(one) for one in maps]
    ends = np.array([(one.minimum, one.maximum, one.nan, one.infinite) for one in ranges], np.float32)  # None is NaN
    if precision == 32:
        values = maps
    else:
        coded = encode if precision == 8 else encode_finely
        values = np.stack([coded(one, shown) for one, shown in zip(maps, ranges, strict=True)])
    return {"values": values, "ends": ends}
