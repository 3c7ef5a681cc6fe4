"""Where the kernel's own milliseconds go, room by room, for one frame of an image not looked at before."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from unittest import mock

from filterscope import wire
from filterscope.engine.engine import Engine
from filterscope.engine.responses import LayerResponses
from filterscope.engine.samples import Samples
from filterscope.frames import frame as frame_room
from filterscope.nets.runner import NetRunner
from filterscope.session.selection import Selection

# Where each room is entered. A room's time is its own, without that of the rooms it enters.
DOORS = {
    "check of the weights": (Engine, "check"),
    "reading the sample": (Samples, "sample"),
    "forward pass": (NetRunner, "keep"),
    "filter2D responses": (LayerResponses, "_compute"),
    "ranges and codes": (frame_room, "layer_picture"),
    "wire": (wire, "reply"),
}
REST = "the rest"


class Stopwatch:
    """Sums the time spent in each room."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)
        self._inside: list[str] = []
        self._since = 0.0

    def _turn(self) -> None:
        now = time.perf_counter()
        if self._inside:
            self.spent[self._inside[-1]] += now - self._since
        self._since = now

    def watching(self, room: str, function: Callable) -> Callable:
        """The function, timed."""

        def timed(*args, **kwargs):
            self._turn()
            self._inside.append(room)
            try:
                return function(*args, **kwargs)
            finally:
                self._turn()
                self._inside.pop()

        return timed


def split(engine: Engine, layer: int, images: range, source: str = "input") -> tuple[dict[str, float], float, int]:
    """Medians over the images: milliseconds by room, their sum, and the bytes of the reply."""
    rows, sizes = [], []
    for image in images:
        watch = Stopwatch()
        with ExitStack() as stack:
            for room, (owner, name) in DOORS.items():
                original = getattr(owner, name)
                stack.enter_context(mock.patch.object(owner, name, watch.watching(room, original)))
            answer = watch.watching(REST, lambda image=image: _answer(engine, image, layer, source))
            sizes.append(sum(buffer.nbytes for buffer in answer()[1]))
        rows.append(watch.spent)
    rooms = {room: 1000 * statistics.median(row[room] for row in rows) for room in [*DOORS, REST]}
    return rooms, 1000 * statistics.median(sum(row.values()) for row in rows), int(statistics.median(sizes))


def _answer(engine: Engine, image: int, layer: int, source: str) -> wire.Message:
    engine.check()
    frame = frame_room.build_frame(engine.moment(image, layer), Selection(image, layer, 0, None, source))
    return wire.reply("id", "frame", frame)
