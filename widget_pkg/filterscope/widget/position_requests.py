"""What a page may ask about positions: fields, arithmetic, gradient, the layer's input."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.filters.block_means import block_means
from filterscope.filters.slices import planes, slice_of
from filterscope.filters.value_range import encode, value_range
from filterscope.frames.layer_picture import PictureBody, range_body
from filterscope.frames.positions import FieldsBody, build_arithmetic, build_fields
from filterscope.host.timing import RUNNING_CELL_SECONDS
from filterscope.indices import check_index
from filterscope.nets.interruption import StopPass, StopWhen
from filterscope.session.positions import Positions
from filterscope.session.selection import asked_image, check_filter, check_layer, check_slice
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body

MOST_SIDE = 512
"""A picture beside the numbers is sent with no more values a side: more than there is room for."""


class PositionRequests:
    """Answers the requests of pages that ask about positions; each raises what its page is then told.

    Args:
        engine: The net and the data set.
        positions: What knows of positions.
        someone_waits: Whether a person waits for something else.
        cell_runs: Whether the notebook runs a cell, which may want the engine.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(
        self, engine: Engine, positions: Positions, someone_waits: Callable[[], bool], cell_runs: Callable[[], bool]
    ) -> None:
        self._engine = engine
        self._positions = positions
        self._someone_waits = someone_waits
        self._cell_runs = cell_runs
        self.rows = (
            Request("arithmetic", Urgency.DETAIL, self._arithmetic),
            Request("input", Urgency.DETAIL, self._input),
            Request("effective", Urgency.DETAIL, self._effective),
            Request("fields", Urgency.NEXT_MOVE, self._fields),
        )

    def _fields(self, args: dict[str, Any]) -> Body:
        """The receptive fields of a whole map: what the page draws boxes from without asking again.

        Asked for ahead, so whatever a person waits for goes first; the page is told to ask again.
        """
        until = time.monotonic() + RUNNING_CELL_SECONDS

        def interrupted() -> bool:
            return self._someone_waits() or (self._cell_runs() and time.monotonic() > until)

        with self._engine.lock:
            image, layer, filter_index = self._asked(args)
            self._engine.sample(image)  # somebody's data are read to the end
            try:
                with StopWhen(interrupted):
                    fields = build_fields(self._positions, image, layer, filter_index)
            except StopPass:
                fields = FieldsBody(fields=None, error="")
            return {"revision": self._engine.revision, **fields}

    def _arithmetic(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            image, layer, filter_index = self._asked(args)
            at = self._position(args, image, layer)
            arithmetic = self._positions.arithmetic(image, layer, filter_index, at)
            built = build_arithmetic(layer, filter_index, at, arithmetic)
            return {"revision": self._engine.revision, "image": image, **built}

    def _effective(self, args: dict[str, Any]) -> Body:
        with self._engine.lock:
            image, layer, filter_index = self._asked(args)
            at = self._position(args, image, layer)
            values = self._positions.effective(image, layer, filter_index, at)
            return {"revision": self._engine.revision, "position": list(at), **_picture(values)}

    def _input(self, args: dict[str, Any]) -> Body:
        """One channel of what the layer is given, of a volume the slice that is asked for."""
        with self._engine.lock:
            image, layer, _ = self._asked(args)
            channels = self._engine.maps(image, layer).input
            holds = f"{self._engine.layers[layer].name} is given channels"
            channel = check_index(args.get("input_channel"), len(channels), "input_channel", holds)
            values = channels[channel].float().cpu().numpy()
            at = args.get("input_slice")
            if values.ndim == 3 and isinstance(at, int) and 0 <= at < len(values):
                values = values[at]
            size = [1] * (2 - values.ndim) + list(values.shape[-2:])
            return {"revision": self._engine.revision, "channel": channel, "size": size, **_picture(values)}

    def _asked(self, args: dict[str, Any]) -> tuple[int, int, int]:
        layer = check_layer(self._engine, args.get("layer"), "layer")
        filter_index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        return asked_image(self._engine, args), layer, filter_index

    def _position(self, args: dict[str, Any], image: int, layer: int) -> tuple[int, ...]:
        record = self._engine.layers[layer]
        chosen = check_slice(record, args.get("slice"), record.out_shape[1], "slice", "maps")
        shape = tuple(self._engine.maps(image, layer).pre_activation.shape[1:])
        depth = slice_of(shape[0], chosen, record.out_shape[1]) if len(shape) == 3 else None
        return self._positions.position(layer, shape, args.get("row"), args.get("column"), depth)


def _picture(values: np.ndarray) -> PictureBody:
    """Values as codes in their own range, of many the means of `reduced × reduced`; of a volume the middle slice."""
    values, _ = planes(values, 0, None, 1)
    reduced = -(-max(values.shape) // MOST_SIDE)
    drawn = values if reduced == 1 else block_means(values, reduced)
    shown = value_range(drawn)
    return {"tensor": encode(drawn, shown), "encoding": "codes", "reduced": reduced, "ranges": [range_body(shown)]}
