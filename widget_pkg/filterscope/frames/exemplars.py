"""What a page shows of a scan, as plain values and arrays: how far it is, a filter's exemplars, their distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypedDict, cast

import cv2
import numpy as np

from filterscope.engine.classes import Classes
from filterscope.errors import SampleError
from filterscope.filters.slices import planes
from filterscope.filters.value_range import encode, value_range
from filterscope.frames.layer_picture import PictureBody, range_body
from filterscope.frames.verdict_bodies import ProgressBody, Status
from filterscope.nets.layers import ConvLayer
from filterscope.scans.crops import Crop
from filterscope.scans.exemplars import Exemplars
from filterscope.scans.identity import ACTIVATION, identify_layer
from filterscope.scans.piece import Label
from filterscope.scans.result import Scan
from filterscope.session.running_scan import RunningScan

MOST_SIDE = 64
"""A crop is sent with no more pixels a side: it is not shown larger, and of a large image it is the whole."""
GRID_SIDE = 48
"""Beside a kernel of the grid: there are many of them."""
BINS = 24
MOST_CLASSES = 12
"""Classes that are shown of many: those for which the filter fires most."""
ENDS, OF_EACH_FIFTH, OF_EACH_CLASS, OF_A_BIN = 12, 5, 4, 12
"""How many exemplars are shown."""
_LOOKED_THROUGH = 3  # so many times as many are looked through for near-duplicates

Kind = Literal["top", "bottom", "typical", "class", "bin"]
KINDS: tuple[Kind, ...] = ("top", "bottom", "typical", "class", "bin")


class ScansBody(TypedDict):
    """How far the newest scan is, of which maps; `fits`: whether it is of this layer.

    `number` goes up when there is more to see.
    """

    layer: int
    status: Status | Literal["none"]
    error: str | None
    progress: ProgressBody | None
    images: int
    asked: int
    images_in_all: int
    is_stream: bool
    earlier: bool
    fits: bool
    maps: str
    number: int
    notes: list[str]


class CropBody(TypedDict):
    """One exemplar: `shape` is that of its pixels, which follow those of the one before it; `[0, 0, 1]` with an error.

    `box` is the part of the image that is seen, `[top, left, bottom, right]`; `centre` the middle of what the position
    sees, in pixels of the image; `whole` says that this is the whole image.
    """

    image: int
    label: Label
    predicted: Label
    copies: int
    position: list[int]
    box: list[int]
    centre: list[float | None]
    status: str
    whole: bool
    shape: list[int]
    error: str | None


class GroupBody(TypedDict):
    """Exemplars that stand together, so many; of a class its name."""

    label: Label
    count: int


class ExemplarsBody(TypedDict):
    """The exemplars of a filter; `values` are float32 `(n,)`, `pixels` uint8 one crop after the other."""

    groups: list[GroupBody]
    crops: list[CropBody]
    values: np.ndarray
    pixels: np.ndarray


NOTHING_CUT: dict[str, object] = {"groups": [], "crops": [], "values": None, "pixels": None}
"""In place of the exemplars while they are being cut."""


class DistributionRow(TypedDict):
    """All images, or those of a class: in which share the filter fires, and the mean of its maxima."""

    label: Label
    images: int
    fires: float | None
    mean: float | None


class DistributionBody(TypedDict):
    """How a filter's maxima are distributed, and where it fires.

    `edges` is float32 `(bins + 1,)`, `counts` float32 `(rows, bins)`; the first row is of all images. Of many classes
    those are left out for which the filter fires least. `why` says why there is no mean map.
    """

    rows: list[DistributionRow]
    classes: int
    edges: np.ndarray
    counts: np.ndarray
    nan: int
    infinite: int
    mean_map: PictureBody | None
    why: str


def build_scans(
    layer: ConvLayer, images_in_all: int, is_stream: bool, scan: RunningScan | None, earlier: bool
) -> ScansBody:
    """How far the newest scan is.

    Args:
        layer: The layer on screen.
        images_in_all: How many images there are.
        is_stream: Whether that is only as many as are known.
        scan: The newest, running or not; None where there is none.
        earlier: Whether net or data set are no longer those of the scan.
    """
    if scan is None:
        status: Status | Literal["none"] = "none"
    else:
        status = "running" if not scan.done else "failed" if scan.error else "cancelled" if scan.cancelled else "done"
    return {
        "layer": layer.index,
        "status": status,
        "error": None if scan is None or scan.error is None else str(scan.error),
        "progress": None if scan is None else cast(ProgressBody, vars(scan.progress).copy()),
        "images": 0 if scan is None else scan.images,
        "asked": 0 if scan is None else scan.asked,
        "images_in_all": images_in_all,
        "is_stream": is_stream,
        "earlier": earlier,
        "fits": scan is not None and fits(scan, layer),
        "maps": ACTIVATION if scan is None else scan.identity.maps,
        "number": 0 if scan is None else scan.version,
        "notes": list(scan.notes) if scan is not None and scan.done else [],
    }


def fits(scan: Scan, layer: ConvLayer) -> bool:
    """Whether a scan is of a layer."""
    return identify_layer(layer) in scan.identity.layers


def exemplar_groups(
    scan: Scan, layer: int, filter_index: int, kind: Kind, at: BinPlace
) -> list[tuple[Label, Exemplars]]:
    """The exemplars of one kind, in groups; near-duplicates folded.

    Args:
        scan: The scan.
        layer: Index of the layer.
        filter_index: The filter.
        kind: Which exemplars.
        at: For those of a bin, which one, and of which class.
    """
    if kind == "typical":
        return [(None, group.fold()) for group in scan.typical(layer, filter_index, OF_EACH_FIFTH) if len(group)]
    if kind == "class":
        shown = classes_shown(scan, layer, filter_index)
        most = _LOOKED_THROUGH * OF_EACH_CLASS
        of_classes = [(name, scan.by_class(layer, filter_index, name, most)) for name in shown]
        return [(name, group.fold()[:OF_EACH_CLASS]) for name, group in of_classes if len(group)]
    if kind == "bin":
        found = scan.in_bin(layer, filter_index, at["bin"], BINS, at["label"], OF_A_BIN)
        return [(at["label"], found.fold())] if len(found) else []
    end = scan.top if kind == "top" else scan.bottom
    found = end(layer, filter_index, _LOOKED_THROUGH * ENDS)
    return [(None, found.fold()[:ENDS])] if len(found) else []


class BinPlace(TypedDict):
    """A bin of the distribution: its number, and of which class; None for all images."""

    bin: int
    label: str | int | None


def classes_shown(scan: Scan, layer: int, filter_index: int) -> list[str | int]:
    """The classes in their order; of many those for which the filter's maxima are greatest on average, best first."""
    moments = scan.moments(layer, filter_index)
    names = [name for name in moments if name is not None]
    if len(names) <= MOST_CLASSES:
        return names
    mean = {name: -math.inf if math.isnan(moments[name].mean) else moments[name].mean for name in names}
    return sorted(names, key=lambda name: -mean[name])[:MOST_CLASSES]


def build_exemplars(
    groups: Sequence[tuple[Label, Exemplars]],
    classes: Classes,
    check: Callable[[], None] = lambda: None,
    most_side: int = MOST_SIDE,
) -> ExemplarsBody:
    """Exemplars with their crops.

    Args:
        groups: The exemplars; each group with its class.
        classes: Names the classes that the net tells.
        check: Called before each crop is cut; what it raises ends the work.
        most_side: Pixels that a crop has a side at most.
    """
    crops: list[CropBody] = []
    pixels: list[np.ndarray] = []
    for _, exemplars in groups:
        for exemplar in exemplars:
            check()
            try:
                crop = exemplar.crop()
            except SampleError as error:
                seen = _not_seen(str(error))
            else:
                levels = levels_of(crop, most_side)
                pixels.append(levels.ravel())
                seen = _seen(crop, levels)
            crops.append(
                {
                    "image": exemplar.image,
                    "label": exemplar.label,
                    "predicted": None if exemplar.predicted < 0 else classes[exemplar.predicted],
                    "copies": exemplar.copies,
                    "position": list(exemplar.position),
                    **seen,
                }
            )
    values = [exemplars.values for _, exemplars in groups]
    return {
        "groups": [{"label": label, "count": len(exemplars)} for label, exemplars in groups],
        "crops": crops,
        "values": np.concatenate([np.zeros(0, np.float32), *values]),
        "pixels": np.concatenate([np.zeros(0, np.uint8), *pixels]),
    }


def levels_of(crop: Crop, most_side: int = MOST_SIDE) -> np.ndarray:
    """A crop as it is sent, uint8 `(h, w, 1)` or `(h, w, 3)`: as it is, or of a large one the means of areas."""
    pixels = crop.pixels
    height, width = pixels.shape[:2]
    if max(height, width) > most_side:
        scale = most_side / max(height, width)
        small = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = cv2.resize(np.ascontiguousarray(pixels), small, interpolation=cv2.INTER_AREA)
    levels: np.ndarray = np.floor(pixels * 255 + 0.5).astype(np.uint8)
    return levels if levels.ndim == 3 else levels[:, :, None]


class _Seen(TypedDict):
    box: list[int]
    centre: list[float | None]
    status: str
    whole: bool
    shape: list[int]
    error: str | None


def _not_seen(error: str) -> _Seen:
    return {"box": [0, 0, 0, 0], "centre": [], "status": "", "whole": False, "shape": [0, 0, 1], "error": error}


def _seen(crop: Crop, levels: np.ndarray) -> _Seen:
    box = crop.box
    return {
        "box": [box.top, box.left, box.bottom, box.right],
        "centre": list(crop.centre),
        "status": crop.status,
        "whole": crop.whole,
        "shape": list(levels.shape),
        "error": None,
    }


def build_distribution(scan: Scan, layer: int, filter_index: int) -> DistributionBody:
    """How a filter's maxima are distributed, and where it fires."""
    histogram, moments = scan.histogram(layer, filter_index, BINS), scan.moments(layer, filter_index)
    known = [name for name in classes_shown(scan, layer, filter_index) if name in histogram.by_class]
    shown: list[Label] = [None, *known]
    counts = np.stack([histogram.counts, *(histogram.by_class[name] for name in known)])
    mean_map, why = _mean_map(scan, layer, filter_index)
    return {
        "rows": [
            {
                "label": name,
                "images": moments[name].images,
                "fires": _number(moments[name].fires),
                "mean": _number(moments[name].mean),
            }
            for name in shown
        ],
        "classes": len(histogram.by_class),
        "edges": histogram.edges.astype(np.float32),
        "counts": counts.astype(np.float32),
        "nan": histogram.nan,
        "infinite": histogram.infinite,
        "mean_map": mean_map,
        "why": why,
    }


def _mean_map(scan: Scan, layer: int, filter_index: int) -> tuple[PictureBody | None, str]:
    try:
        values, _ = planes(scan.mean_map(layer, filter_index), 0, None, 1)
    except ValueError as error:
        return None, str(error)
    shown = value_range(values)
    picture = {"tensor": encode(values, shown), "encoding": "codes", "reduced": 1, "ranges": [range_body(shown)]}
    return cast(PictureBody, picture), ""


def _number(value: float) -> float | None:
    """JSON has no NaN."""
    return value if math.isfinite(value) else None
