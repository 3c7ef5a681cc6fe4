"""What a page may ask about pictures: a selection's frame, what that still lacks, the neighbours', and the strip."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from filterscope import wire
from filterscope.frames.frame import FiltersBody, build_filters, build_frame
from filterscope.frames.layer_parts import LayerParts
from filterscope.frames.over_checkpoints import CheckpointRanges
from filterscope.frames.overlay import overlay_of
from filterscope.frames.prediction import PredictionBody, build_prediction
from filterscope.frames.strip import StripBody, build_strip
from filterscope.host.cells import cells_are_known
from filterscope.host.timing import SAME_MOVE_SECONDS
from filterscope.nets.interruption import StopWhen, Waiters
from filterscope.session.selection import Selection, asked_image, check_filters, selection_from
from filterscope.session.session import Session
from filterscope.widget.looks import Looks
from filterscope.widget.requests import Request, Urgency


class FrameRequests:
    """Answers the requests of pages that ask for pictures; each raises what its page is then told.

    Args:
        session: What is shown.
        looks: Looks for changed weights.
        waiters: Who waits for a frame.
        someone_waits: Whether a person waits for another place than this image and layer.
        cell_runs: Whether the notebook runs a cell.

    Attributes:
        layer_parts: What recent frames have in common for all filters of a layer.
        rows: Of the table of requests: the picture, and what it still lacks.
        rows_for_next_move: What nobody waits for yet.
    """

    def __init__(
        self,
        session: Session,
        looks: Looks,
        waiters: Waiters,
        someone_waits: Callable[[tuple[int, int] | None], bool],
        cell_runs: Callable[[], bool],
    ) -> None:
        self._engine, self._survey = session.engine, session.survey
        self._looks, self._waiters, self._someone_waits, self._cell_runs = looks, waiters, someone_waits, cell_runs
        self.layer_parts = LayerParts()
        self._ranges = CheckpointRanges(session.engine)
        self.rows = (
            Request("frame", Urgency.PICTURE, self._frame),
            Request("prediction", Urgency.REST, self._prediction),
            Request("filters", Urgency.REST, self._filters),
        )
        self.rows_for_next_move = (
            Request("prefetch", Urgency.NEXT_MOVE, self._prefetch),
            Request("strip", Urgency.NEXT_MOVE, self._strip),
        )

    def clear(self) -> None:
        """Lets go of what can be computed anew."""
        self.layer_parts.clear()
        self._ranges.clear()

    def _frame(self, args: dict[str, Any]) -> wire.Body:
        self._engine.moved = time.monotonic()
        with self._waiters.turn((args.get("image"), args.get("layer"))):
            asked = selection_from(self._engine, args)
            traits = Selection(asked.image, asked.layer, asked.filter, asked.channel, asked.source)
            selection = replace(traits, checkpoint=asked.checkpoint)
            # Cells are what changes weights, and each is followed by a look. Between them only another thread could:
            # that is noticed behind the answer, which need not wait for it (10 ms for a ResNet-18).
            if cells_are_known() and not self._cell_runs() and not self._engine.check_structure():
                self._looks.look_later(selection)
            else:
                self._looks.look(selection)
            return self._built(args)

    def _prefetch(self, args: dict[str, Any]) -> wire.Body:
        """A frame that nobody waits for yet: without a look at the weights, which the move itself will be."""
        self._engine.moved = time.monotonic()  # the next move waits for it
        selection = selection_from(self._engine, args)
        if not self._engine.map_store.keeps_neighbours(selection.layer):
            raise ValueError("this layer's maps are too large to be computed ahead: one image's fill the memory")
        self._engine.samples.preload(selection.image)
        with self._behind((selection.image, selection.layer)):
            return self._built(args)

    @contextmanager
    def _behind(self, place: tuple[int, int] | None = None) -> Iterator[None]:
        """The engine, for what nobody waits for yet: it gives way as soon as a person waits for another place."""
        with self._engine.lock, StopWhen(lambda: self._someone_waits(place)):
            yield

    def _built(self, args: dict[str, Any]) -> wire.Body:
        selection = selection_from(self._engine, args)
        with self._engine.showing.only(selection.checkpoint):
            kernels_held = args.get("kernels_held") == self._engine.revision
            moment = self._engine.moment(selection.image, selection.layer)
            over_time = self._ranges.of(selection) if selection.scale == "checkpoints" else None
            part = self.layer_parts.of(moment, selection, over_time)
            frame = build_frame(moment, selection, kernels_held, part)
            return {**frame, "cell_runs": self._cell_runs()}

    def _prediction(self, args: dict[str, Any]) -> PredictionBody:
        engine = self._engine
        image = asked_image(engine, args)
        engine.sample(image)  # before it gives way: somebody's data are read to the end
        with self._behind():
            engine.complete(image)  # this pass serves the image's other layers too
            overlay = overlay_of(engine.live.tells, engine.answer(image), engine.sample(image))
            return build_prediction(engine.revision, image, engine.prediction(image), overlay)

    def _filters(self, args: dict[str, Any]) -> FiltersBody:
        selection = selection_from(self._engine, args)
        self._engine.sample(selection.image)
        with self._behind():
            filters = check_filters(self._engine.layers[selection.layer], args.get("filters"))
            ranges = self.layer_parts.ranges(selection) if args.get("codes") else None
            if args.get("codes") and ranges is None:
                raise ValueError("no ranges for these filters; ask for the frame that they belong to")
            return build_filters(self._engine.moment(selection.image, selection.layer), selection, filters, ranges)

    def _strip(self, args: dict[str, Any]) -> StripBody:
        with self._engine.lock:
            self._engine.check(within=SAME_MOVE_SECONDS)
            return build_strip(self._engine, self._survey, args, lambda: self._someone_waits(None))
