"""What recent frames have in common for all filters of a layer, so that another filter takes no time."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from filterscope.data.sample import Sample
from filterscope.engine.cache import Cache
from filterscope.engine.moment import Moment
from filterscope.frames.frame import LayerPart, Ranges, build_layer_part, ranges_of
from filterscope.frames.over_checkpoints import RangesOverTime
from filterscope.session.selection import Selection

LAYER_PARTS_BYTES = 32 * 2**20
"""Most that they may take; the newest is kept whatever it takes."""


class _Entry(NamedTuple):
    part: LayerPart
    over_time: RangesOverTime | None
    # A data set may give another image under the same index when the sample is read anew.
    sample: weakref.ref[Sample]


class LayerParts:
    """The layer parts of the frames built last; not for several threads at once: hold the engine's lock."""

    def __init__(self) -> None:
        self._entries: Cache[Selection, _Entry] = Cache(LAYER_PARTS_BYTES, lambda entry: sum(_sizes(entry.part)))

    def of(self, moment: Moment, selection: Selection, over_time: RangesOverTime | None = None) -> LayerPart:
        """What `build_layer_part` gives for a selection and the moment of its image and layer."""
        key = replace(selection, filter=0)
        entry = self._entries.get(key)
        if (
            entry is None
            or entry.part["revision"] != moment.revision
            or entry.over_time != over_time
            or entry.sample() is not moment.sample
        ):
            entry = _Entry(build_layer_part(moment, key, over_time), over_time, weakref.ref(moment.sample))
            self._entries[key] = entry
        return entry.part

    def ranges(self, selection: Selection) -> Ranges | None:
        """The ranges of the frame that was sent last for a selection, whatever its filter; None where it is gone."""
        entry = self._entries.get(replace(selection, filter=0))
        return None if entry is None else ranges_of(entry.part)

    def clear(self) -> None:
        """Drops all."""
        self._entries.clear()


def _sizes(value: Any) -> Iterator[int]:
    """The bytes of each array inside."""
    if isinstance(value, np.ndarray):
        yield value.nbytes
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _sizes(inner)
