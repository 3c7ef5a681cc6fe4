"""What a page needs to point at positions, as plain arrays, numbers and words.

The fields of a whole map are a few numbers for each of its rows and columns, so that a page which holds them draws the
box of any position at once, without asking.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from filterscope.receptive_field.fields import ReceptiveFields
from filterscope.session.positions import Map, Pointer

MAPS: tuple[Map, Map] = ("pre_activation", "activation")


def build_fields(pointer: Pointer, image: int, layer: int, filter_index: int) -> dict[str, Any]:
    """The receptive fields of every position of a filter's map, before and after the way to its activation.

    `fields` has for each of the two maps what `ReceptiveFields` says: `shape`, `image`, `everywhere`, `place` (a
    sentence where the map has none over the image) and for each axis of the image `along`, `inside` and `theoretical`
    `(n, 2)`, `doubt` `(n,)`, `centres` `(n,)` or None. A position `(r, c)` sees `inside[r]` of the axis that goes along
    the rows and `inside[c]` of that along the columns; where `along` is None entry 0; nothing if either is empty.
    `error` says why there are none.
    """
    try:
        found = {of: pointer.fields(image, layer, filter_index, of) for of in MAPS}
        return {"fields": {of: _fields(fields) for of, fields in found.items()}, "error": ""}
    except ValueError as error:
        return {"fields": None, "error": str(error)}


def _fields(fields: ReceptiveFields) -> dict[str, Any]:
    return {
        "shape": list(fields.shape),
        "image": list(fields.image),
        "everywhere": fields.everywhere,
        "place": fields.place,
        "axes": [
            {
                "along": axis.along,
                "inside": axis.inside.astype(np.float32),
                "theoretical": axis.theoretical.astype(np.float32),
                "doubt": axis.doubt.astype(np.uint8),
                "centres": None if axis.centres is None else axis.centres.astype(np.float32),
            }
            for axis in fields.axes
        ],
    }


def build_arithmetic(
    pointer: Pointer, image: int, layer: int, filter_index: int, position: tuple[int, ...]
) -> dict[str, Any]:
    """How the value of a position comes about; the channels are in the order of `order`, the one that adds most first.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    a = pointer.arithmetic(image, layer, filter_index, position)
    numbers: dict[str, Any] = {
        "bias": a.bias,
        "pre_activation": a.pre_activation,
        "activation": a.activation,
        "recomputed": a.recomputed,
        "difference": a.difference,
        "rounding": a.rounding,
    }
    return {
        "layer": layer,
        "filter": filter_index,
        "position": list(position),
        "patch": a.patch,
        "kernel": a.kernel,
        "products": a.products,
        "channel_sums": a.channel_sums,
        "order": a.order.tolist(),
        "first_channel": a.channels[0],
        "sources": [source.tolist() for source in a.sources],
        "padding": a.padding.astype(np.uint8),
        "between": a.between.astype(np.uint8),
        "padding_mode": a.padding_mode,
        # Arrays, because a number that is not finite cannot go as JSON.
        "numbers": {name: np.array([value], np.float32) for name, value in numbers.items()},
        "agrees": a.agrees,
        "steps": [{**asdict(step), "value": np.array([step.value], np.float32)} for step in a.steps],
        "activation_name": a.activation_name,
        "text": str(a),
    }
