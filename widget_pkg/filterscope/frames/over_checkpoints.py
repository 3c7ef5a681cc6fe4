"""One range of colours for a layer's maps over all checkpoints, so that they compare while these are played."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace

from filterscope.data.sample import Sample
from filterscope.engine.engine import Engine
from filterscope.engine.moment import Moment
from filterscope.errors import CheckpointError, NetError
from filterscope.filters.response import shown_channels
from filterscope.filters.slices import planes
from filterscope.filters.value_range import ValueRange, join, value_range
from filterscope.frames.layer_picture import kernels_are_summed, summed_kernels
from filterscope.frames.pictures import PICTURES, drawn
from filterscope.session.selection import Selection
from filterscope.timeline.checkpoints import Checkpoint

KERNELS = "kernels"
_MOST = 16  # selections whose ranges are kept: a few numbers each

RangesOverTime = Mapping[str, ValueRange]
"""Of the kernels under `KERNELS`, and of each row of the table of pictures under its plural."""


@dataclass
class _Known:
    sample: weakref.ref[Sample]
    # A snapshot that was let go of is not kept alive: it holds a net's weights.
    ranges: weakref.WeakKeyDictionary[Checkpoint, dict[str, ValueRange]]


class CheckpointRanges:
    """The ranges over all checkpoints; not for several threads at once: hold the engine's lock.

    The first frame of an image and layer takes a pass for each checkpoint; later ones take none, and where it was
    interrupted, or checkpoints came, it goes on where it was.

    Args:
        engine: The net, the data set and the checkpoints.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[Selection, _Known] = {}

    def of(self, selection: Selection) -> RangesOverTime:
        """The ranges of a layer's maps over all checkpoints that can be read; empty where there are none.

        Args:
            selection: Image, layer, channel, source and slices count.

        Raises:
            SampleError: If the image cannot be read.
            StopPass: If a pass was ended.
        """
        engine = self._engine
        key = replace(selection, filter=0, checkpoint=None)
        sample = engine.sample(selection.image)
        known = self._known.pop(key, None)
        if known is None or known.sample() is not sample:
            known = _Known(weakref.ref(sample), weakref.WeakKeyDictionary())
        self._known[key] = known
        while len(self._known) > _MOST:
            del self._known[next(iter(self._known))]
        checkpoints = list(engine.checkpoints)
        for index, checkpoint in enumerate(checkpoints):
            if checkpoint not in known.ranges:
                try:
                    with engine.showing.only(index):
                        moment = engine.moment(selection.image, selection.layer)
                        known.ranges[checkpoint] = _ranges(moment, selection)
                except (CheckpointError, NetError):
                    known.ranges[checkpoint] = {}
        of_each = [ranges for checkpoint in checkpoints if (ranges := known.ranges.get(checkpoint))]
        names = [KERNELS, *(picture.plural for picture in PICTURES)]
        return {name: join([ranges[name] for ranges in of_each]) for name in names} if of_each else {}

    def clear(self) -> None:
        """Drops all."""
        self._known.clear()


def _ranges(moment: Moment, selection: Selection) -> dict[str, ValueRange]:
    layer = moment.layer
    channels = shown_channels(moment.sample.image, layer, selection.channel, selection.source)
    kernels = planes(moment.kernels[:, channels], 2, selection.kernel_slice, layer.kernel_size[0])[0]
    found = {KERNELS: value_range(summed_kernels(kernels) if kernels_are_summed(kernels) else kernels)}
    for picture in PICTURES:
        blocks = picture.blocks(moment, selection)
        found[picture.plural] = join([value_range(drawn(block, 1, layer, selection)[0]) for block in blocks])
    return found
