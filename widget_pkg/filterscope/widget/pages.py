"""What an explorer answers to its pages, and what it tells them unasked."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

from filterscope import wire
from filterscope._version import __version__
from filterscope.assets import later_modules, module_asked_for
from filterscope.figures.scene import Scene, scene
from filterscope.frames.outline import OutlineBody, outline
from filterscope.host.cells import follow_cells
from filterscope.host.reports import reported
from filterscope.host.timing import CLOSE_SECONDS
from filterscope.indices import as_index
from filterscope.nets.interruption import StopPass, Waiters
from filterscope.session.selection import Selection
from filterscope.session.session import Session
from filterscope.verdicts.run.task import Task
from filterscope.widget.comparison_requests import ComparisonRequests
from filterscope.widget.frame_requests import FrameRequests
from filterscope.widget.inbox import Inbox
from filterscope.widget.lab_requests import LabRequests
from filterscope.widget.looks import Looks
from filterscope.widget.position_requests import PositionRequests
from filterscope.widget.requests import Request, Requests, Urgency
from filterscope.widget.scan_requests import ScanRequests
from filterscope.widget.surgery_requests import SurgeryRequests
from filterscope.widget.timeline_requests import TimelineRequests
from filterscope.widget.verdict_requests import VerdictRequests
from filterscope.widget.views import Views


class Pages:
    """The pages of one explorer.

    Args:
        session: What is shown.
        send: Sends a message to all pages.
        fit_in: Called before the pages hear that net or data set changed.

    Attributes:
        requests: The table of what is answered.
        views: Those that show the explorer.
        layer_parts: What recent frames have in common for all filters of a layer.
    """

    def __init__(self, session: Session, send: Callable[..., None], fit_in: Callable[[], None]) -> None:
        self._session = session
        self._engine = engine = session.engine
        self._waiters = Waiters(engine.lock)
        session.someone_waits = self._someone_waits
        self._send = send
        self._fit_in = fit_in
        self._announced = engine.showing.live_revision
        skip = lambda content: send(*wire.skipped(content))  # noqa: E731
        self._looks = Looks(engine)
        self._frames = FrameRequests(session, self._looks, self._waiters, self._someone_waits, lambda: self._cell_runs)
        positions = PositionRequests(engine, session.positions, self._someone_waits, lambda: self._cell_runs)
        self._verdicts = VerdictRequests(engine, session.examiner, self._someone_waits)
        self._lab = LabRequests(session, self._someone_waits)
        self._surgery = SurgeryRequests(
            session, self._someone_waits, lambda: send(*wire.changed(engine.showing.live_revision))
        )
        self._scans = ScanRequests(engine, session.scans, self._someone_waits)
        self.requests = Requests(
            [
                Request("describe", Urgency.PICTURE, self._describe),
                *self._frames.rows,
                Request("panels", Urgency.DETAIL, self._panels),
                Request("module", Urgency.DETAIL, lambda args: {"text": module_asked_for(args.get("room", ""))}),
                *self._lab.rows,
                *positions.rows,
                *self._frames.rows_for_next_move,
                *self._verdicts.rows,
                *self._scans.rows,
                *self._surgery.rows,
                *TimelineRequests(engine, session.timeline, self._someone_waits).rows,
                *ComparisonRequests(session, self._someone_waits).rows,
            ]
        )
        self._inbox = Inbox(self.requests, self._answer, skip)
        # A slow data set keeps that one waiting, and not the other.
        self._prefetch_inbox = Inbox(self.requests, self._answer, skip)
        self.layer_parts = self._frames.layer_parts
        self.views = Views()
        self._asked = False
        self._sleeping = self._lets_go_later = False
        self._slept_at = -math.inf  # when somebody had last looked, as it fell asleep
        self._moved_to: Selection | None = None
        self._cell_runs = False
        self._cell_began = -math.inf
        self._holds_engine = False
        self._later: Task | None = None  # the look after a cell that found the engine busy
        if follow_cells(self):
            self.cell_starts()

    def take(self, content: Any) -> None:
        """A message of a page; other messages than requests are ignored."""
        if wire.is_request(content):
            self._sleeping = False
            (self._prefetch_inbox if content.get("name") == "prefetch" else self._inbox).take(content)
        elif wire.is_probe(content):
            self._send(*wire.here())
        elif self.views.take(content) and not self.views.shown:
            self.sleep()

    def sleep(self) -> None:
        """Nobody looks any more: cells are not followed, and what can be computed anew goes; whoever asks wakes it."""
        self._asked, self._sleeping = False, True
        if not self._engine.closed and not self._let_go() and not self._lets_go_later:
            thread = threading.Thread(target=self._let_go_later, name="filterscope sleeps", daemon=True)
            self._lets_go_later = True
            try:
                thread.start()
            except RuntimeError:  # the system has no more threads
                self._lets_go_later = False

    def _let_go(self) -> bool:
        if not self._session.sleep():
            return False
        self._frames.clear()
        self._scans.sleep()
        self._slept_at = self._engine.live.looked
        return True

    def _let_go_later(self) -> None:
        """Where the engine works for somebody: a message, or a cell's end, does not wait for that."""
        with reported(), self._engine.lock:
            self._lets_go_later = False
            if self._sleeping:
                self._let_go()

    def look(self, selection: Selection) -> None:
        """A move: the moment when changed weights are noticed, since the page may answer it from what it holds."""
        if selection == self._moved_to:
            return  # several traits that changed together
        self._engine.moved = time.monotonic()  # also where the page answers it from what it holds
        if self._cell_runs and self._engine.runs_the_net_itself:
            return  # the engine is the cell's, and looks when that has ended
        with self._waiters.turn((selection.image, selection.layer)):
            self._looks.look(selection)
        self._moved_to = selection  # now and not before: a look that was interrupted was none
        self.announce()

    def announce(self) -> None:
        """Tells the pages that what they hold is out of date, if it is."""
        if self._engine.closed or self._announced == self._engine.showing.live_revision:
            return
        revision = self._engine.showing.live_revision
        self._fit_in()
        if self._announced != revision:  # a move that the fitting made may have told them
            self._send(*wire.changed(revision))
            self._announced = revision

    def scene(self, selection: Selection) -> Scene:
        """What the pictures show now; what of it holds for the whole layer is kept, since a page will want it.

        Raises:
            SampleError: If the sample cannot be read.
            NetError: If the net refuses it.
        """
        with self._engine.lock:
            self._engine.check()
            moment = self._engine.moment(selection.image, selection.layer)
            return scene(moment, selection, self.layer_parts.of(moment, selection))

    def close(self, wait: float = CLOSE_SECONDS) -> None:
        """Ends the threads, each within so many seconds."""
        self._inbox.close(wait)
        self._prefetch_inbox.close(wait)
        self._verdicts.close()
        self._lab.close()
        self._scans.close()
        self._surgery.close()
        if self._later is not None:
            self._later.close()
        self._frames.clear()

    # The notebook's cells

    def cell_starts(self) -> None:
        """A net that cannot be copied is the cell's alone while it runs."""
        self._cell_runs = True
        self._cell_began = time.monotonic()
        if self._engine.runs_the_net_itself and not self._holds_engine:
            self._holds_engine = self._engine.lock.acquire()

    def cell_ended(self) -> None:
        """Weights that the cell changed are noticed at once, where a page holds pictures of them."""
        self._cell_runs = False
        if self._holds_engine:
            self._holds_engine = False
            self._engine.lock.release()
        if not self._asked or self._engine.closed:
            if self._nobody_looks:
                self.sleep()
            return
        if self._engine.lock.acquire(blocking=False):
            try:
                self._look_after_cell()
            finally:
                self._engine.lock.release()
            self.announce()
        elif self._later is None or self._later.done:  # the cell ends at once, whatever the engine is busy with
            self._later = Task("filterscope look", lambda task: self._look_later())

    def _look_later(self) -> None:
        with self._engine.lock:
            if not self._engine.closed:
                self._look_after_cell()
        self.announce()

    def _look_after_cell(self) -> None:
        self._asked = not self._engine.check()  # a page that is still there asks again

    @property
    def _nobody_looks(self) -> bool:
        """Whether no view is there or on its way, and nothing was asked in Python since the cell began."""
        engine = self._engine
        if engine.closed or self.views.shown or self.views.expected:
            return False
        return self._slept_at < engine.live.looked < self._cell_began

    # What is asked

    def _answer(self, content: dict[str, Any]) -> None:
        """Answers a request, whatever it raises. What comes after the answer raises nothing to its caller either.

        Raises:
            KeyboardInterrupt: If Ctrl-C ended it, in a host that has requests answered in its main thread.
        """
        self._asked = not self._sleeping
        try:
            with self._engine.showing.only(self._asked_checkpoint(content)):
                message = wire.answer(content, self.requests.handlers)
        except StopPass:
            message = wire.skipped(content)  # the page asks again when it has its picture
        except KeyboardInterrupt as error:
            self._send(*wire.failure(content["id"], wire.request_name(content), error))
            raise
        self._send_reply(content, message)
        with reported():
            self._looks.make_up()
        with reported():  # observers of traits run in it, where the net lost what was selected
            self.announce()
        if self._sleeping:  # the last view went meanwhile
            with reported():
                self.sleep()

    def _asked_checkpoint(self, content: dict[str, Any]) -> int | None:
        """The checkpoint that a request is about: the selected one, unless it says another.

        One that is not there is for the handler to refuse.
        """
        args = content.get("args")
        if not isinstance(args, dict) or "checkpoint" not in args:
            return self._engine.showing.selected()
        index = as_index(args["checkpoint"])
        return index if index is not None and 0 <= index < len(self._engine.checkpoints) else None

    def _send_reply(self, content: dict[str, Any], message: wire.Message) -> None:
        with reported():
            try:
                self._send(*message)
            except Exception as error:  # the host cannot pack it
                self._send(*wire.failure(content["id"], wire.request_name(content), error))

    def _describe(self, args: dict[str, Any]) -> OutlineBody:
        engine = self._engine
        shape = engine.sample(engine.first_image).image.shape
        beside = engine.checkpoints.titles, self._session.two_nets is not None
        return outline(__version__, engine.showing.live_revision, len(engine.source), shape, engine.layers, *beside)

    def _panels(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"modules": later_modules()}

    def _someone_waits(self, except_for: tuple[int, int] | None = None) -> bool:
        return self._inbox.someone_waits() or self._waiters.someone_waits(except_for)
