"""What a page needs to point at positions, as plain arrays, numbers and words.

The fields of a whole map are a few numbers for each of its rows and columns, so that a page which holds them draws the
box of any position at once, without asking.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.filters.arithmetic import Arithmetic
from filterscope.receptive_field.fields import ReceptiveFields
from filterscope.session.positions import MAPS, Map, Positions


class AxisBody(TypedDict):
    """Along one axis of the image what each index of a map sees: `inside` and `theoretical` `(n, 2)`, `doubt` `(n,)`.

    `along` is which of the map's axes it goes along, None where all positions see entry 0; `centres` is `(n,)` or None.
    """

    along: int | None
    inside: np.ndarray
    theoretical: np.ndarray
    doubt: np.ndarray
    centres: np.ndarray | None


class MapFieldsBody(TypedDict):
    """A `ReceptiveFields`; `place` is a sentence where the map has no place over the image.

    A position `(r, c)` sees `inside[r]` of the axis that goes along the rows and `inside[c]` of that along the columns;
    nothing if either is empty.
    """

    shape: list[int]
    image: list[int]
    everywhere: bool
    place: str
    axes: list[AxisBody]


class FieldsBody(TypedDict):
    """The fields of a map before and after the way to its activation; `error` says why there are none."""

    fields: dict[Map, MapFieldsBody] | None
    error: str


class StepBody(TypedDict):
    """A step from pre-activation to activation; `value` is float32 `(1,)`."""

    name: str
    value: np.ndarray
    position: tuple[int, ...]
    note: str


class ArithmeticBody(TypedDict):
    """An `Arithmetic`; `numbers` are float32 `(1,)`, because a number that is not finite cannot go as JSON."""

    layer: int
    filter: int
    position: list[int]
    patch: np.ndarray
    kernel: np.ndarray
    products: np.ndarray
    channel_sums: np.ndarray
    order: list[int]
    first_channel: int
    sources: list[list[int]]
    padding: np.ndarray
    between: np.ndarray
    padding_mode: str
    numbers: dict[str, np.ndarray]
    agrees: bool
    steps: list[StepBody]
    activation_name: str
    text: str


def build_fields(positions: Positions, image: int, layer: int, filter_index: int) -> FieldsBody:
    """The receptive fields of every position of a filter's map, before and after the way to its activation."""
    try:
        fields_of = {of: positions.fields(image, layer, filter_index, of) for of in MAPS}
        return {"fields": {of: _fields(fields) for of, fields in fields_of.items()}, "error": ""}
    except ValueError as error:
        return {"fields": None, "error": str(error)}


def _fields(fields: ReceptiveFields) -> MapFieldsBody:
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


def build_arithmetic(layer: int, filter_index: int, position: tuple[int, ...], a: Arithmetic) -> ArithmeticBody:
    """How the value of a position comes about; the channels are in the order of `order`, the one that adds most first.

    Args:
        layer: Index of the layer.
        filter_index: Index of the filter.
        position: Of its map.
        a: How the value there comes about.
    """
    numbers = {
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
        "numbers": {name: np.array([value], np.float32) for name, value in numbers.items()},
        "agrees": a.agrees,
        "steps": [
            {
                "name": step.name,
                "value": np.array([step.value], np.float32),
                "position": step.position,
                "note": step.note,
            }
            for step in a.steps
        ],
        "activation_name": a.activation_name,
        "text": str(a),
    }
