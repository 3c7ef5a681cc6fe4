"""What an explorer answers to its pages about its checkpoints: a filter over all of them, and its verdicts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from filterscope.engine.engine import Engine
from filterscope.errors import CheckpointError, NetError, SampleError
from filterscope.frames.timeline import StripItem, TimelineBody, build_strip_item, build_timeline
from filterscope.host.timing import STRIP_OVER_TIME_SECONDS
from filterscope.indices import check_index
from filterscope.nets.interruption import StopPass, StopWhen
from filterscope.session.selection import check_filter, check_layer, selection_from
from filterscope.session.timeline import Timeline
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body


class TimelineRequests:
    """Answers the requests of pages that show a filter over the checkpoints; each raises what its page is then told.

    Args:
        engine: The net, the data set and the checkpoints.
        timeline: What is known of the checkpoints.
        someone_waits: Whether a person waits for a picture.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, engine: Engine, timeline: Timeline, someone_waits: Callable[[], bool] = lambda: False) -> None:
        self._engine, self._timeline, self._someone_waits = engine, timeline, someone_waits
        self.rows = (
            Request("timeline", Urgency.VERDICT, self._over_time),
            Request("timeline_strip", Urgency.NEXT_MOVE, self._strip),
            Request("judge_timeline", Urgency.VERDICT, self._judge),
            Request("cancel_timeline", Urgency.VERDICT, self._cancel),
        )

    def _over_time(self, args: dict[str, Any]) -> TimelineBody:
        layer = self._engine.layers[check_layer(self._engine, args.get("layer"), "layer")]
        filter_index = check_filter(layer, args.get("filter"), "filter")
        paths, read = self._timeline.paths()
        known = self._timeline.diagnosis, self._timeline.diagnosis_is_of_these
        return build_timeline(layer, filter_index, len(self._engine.checkpoints), paths, read, *known)

    def _judge(self, args: dict[str, Any]) -> TimelineBody:
        self._timeline.diagnose(args.get("images"), None, args.get("ablation", False))
        return self._over_time(args)

    def _cancel(self, args: dict[str, Any]) -> TimelineBody:
        if self._timeline.diagnosis is not None:
            self._timeline.diagnosis.cancel()
        return self._over_time(args)

    def _strip(self, args: dict[str, Any]) -> Body:
        """Some checkpoints from `start` on: as many as a person need not wait for, one at least."""
        engine = self._engine
        count = len(engine.checkpoints)
        start = check_index(args.get("start"), count, "start", "there are checkpoints")
        selection = selection_from(engine, args)
        engine.sample(selection.image)
        items: list[StripItem] = []
        until = time.monotonic() + STRIP_OVER_TIME_SECONDS
        for at in range(start, count):
            if items and (time.monotonic() > until or self._someone_waits()):
                break
            try:
                with engine.showing.only(at), engine.lock, StopWhen(self._someone_waits):
                    moment = engine.moment(selection.image, selection.layer)
                    items.append(build_strip_item(moment, replace(selection, checkpoint=at)))
            except StopPass:
                if not items:
                    raise
                break
            except (CheckpointError, NetError, SampleError) as error:
                items.append({"kernel": None, "activation": None, "error": str(error)})
        return {"start": start, "count": count, "items": items}
