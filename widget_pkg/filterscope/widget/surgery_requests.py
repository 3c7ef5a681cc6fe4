"""What an explorer answers to its pages about their trays; each handler raises what its page is then told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from filterscope.frames.surgery import build_order, build_plan, build_tray, build_widths
from filterscope.session.comparison import TwoNets
from filterscope.session.selection import asked_image, check_filter, check_layer, choice
from filterscope.session.session import Session
from filterscope.surgery.structure import Filter
from filterscope.surgery.why import WORDS
from filterscope.verdicts.run.task import Task
from filterscope.widget.background_answers import BackgroundAnswers
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body

_MOST_FILTERS = 2**16  # that a page sends


class SurgeryRequests:
    """Answers the requests of pages that have a tray.

    Args:
        session: What is shown.
        someone_waits: Whether a person waits for a picture.
        tell: Has the pages ask anew what there is to show.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, session: Session, someone_waits: Callable[[], bool], tell: Callable[[], None]) -> None:
        self._session, self._engine, self._tray, self._tell = session, session.engine, session.tray, tell
        self._made: TwoNets | None = None
        self._background = BackgroundAnswers("filterscope tray", someone_waits)
        self.rows = (
            Request("tray", Urgency.VERDICT, self._contents),
            Request("tray_order", Urgency.VERDICT, self._order),
            Request("tray_plan", Urgency.VERDICT, self._plan),
            Request("tray_widths", Urgency.VERDICT, self._widths),
            Request("tray_compare", Urgency.VERDICT, self._compare),
        )

    def close(self) -> None:
        """Ends what runs."""
        self._background.close()

    def _filter(self, value: Any) -> Filter:
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError(f"a filter is {value!r}; name each by the indices of its layer and its own, [0, 3]")
        layer = check_layer(self._engine, value[0], "layer")
        return layer, check_filter(self._engine.layers[layer], value[1], "filter")

    def _filters(self, args: dict[str, Any], name: str = "filters") -> list[Filter]:
        filters = args.get(name)
        if not isinstance(filters, list) or len(filters) > _MOST_FILTERS:
            raise ValueError(f"{name} is {type(filters).__name__}; give a list of [layer, filter]")
        return [self._filter(each) for each in filters]

    def _prepared(self) -> bool:
        diagnosis = self._tray.diagnosis
        if self._tray.prepared:
            return True

        def prepare(task: Task) -> Body:
            self._tray.prepare(task.check)
            return {}

        question = (id(diagnosis), self._engine.revision)
        return self._background.answer("tray", question, prepare)["status"] == "done"

    def _contents(self, args: dict[str, Any]) -> Body:
        """What is in the tray, after filters were put in or taken out, or all of which a word holds were put in."""
        filters, layer = self._filters(args), check_layer(self._engine, args.get("layer"), "layer")
        image = asked_image(self._engine, args)
        if why := self._tray.waits_for:
            return {"status": "waiting", "why": why}
        if not self._prepared():
            return {"status": "preparing", "why": "Looking at which filters can only go together …"}
        tray = self._tray
        groups = tray.groups(filters)
        for toggled in self._filters(args, "toggles") if "toggles" in args else []:
            (group,) = tray.groups([toggled])
            groups = [each for each in groups if each != group] if group in groups else [*groups, group]
        if (word := args.get("word")) is not None:
            groups = tray.with_word(groups, choice(word, WORDS, "word"))
        tray.check(groups)
        contents, two_nets = tray.contents(groups), self._session.two_nets
        chosen = {(each.index, index) for each in contents.layers for index in each.filters}
        beside = two_nets is not None and bool(chosen) and chosen == two_nets.left_out
        answers = tray.compare(image, groups)
        body = build_tray(image, layer, contents, tray.fixed(layer), tray.words(), answers, beside)
        return {"status": "done", **body}

    # What takes time

    def _plan(self, args: dict[str, Any]) -> Body:
        if args.get("cancel"):
            return self._background.cancel("tray_plan")
        filters = self._filters(args)
        if not filters:
            raise ValueError("The tray is empty: put a filter in first.")
        question = (id(self._tray.diagnosis), self._engine.revision, tuple(sorted(filters)))
        return self._background.answer(
            "tray_plan", question, lambda task: dict(build_plan(self._tray.plan(filters, task.note, task.check)))
        )

    def _order(self, args: dict[str, Any]) -> Body:
        if args.get("cancel"):
            return self._background.cancel("tray_order")
        question = (id(self._tray.diagnosis), self._engine.revision)
        return self._background.answer(
            "tray_order", question, lambda task: dict(build_order(self._tray.order(task.note, task.check)))
        )

    def _widths(self, args: dict[str, Any]) -> Body:
        if args.get("cancel"):
            return self._background.cancel("tray_widths")
        layer = check_layer(self._engine, args.get("layer"), "layer")
        question = (id(self._tray.diagnosis), self._engine.revision, layer)
        return self._background.answer(
            "tray_widths", question, lambda task: dict(build_widths(layer, self._tray.widths(layer, task.check)))
        )

    def _compare(self, args: dict[str, Any]) -> Body:
        """Puts the smaller net beside the original on the pages, or takes it away."""
        if args.get("cancel"):
            return self._background.cancel("tray_compare")
        beside = self._session.two_nets
        if beside is not None and not beside.left_out:
            raise ValueError(
                "This page compares two nets already, as Explorer.compare was told to. To compare the smaller net, "
                "copy the Python: Explorer.compare(net, smaller, test_data)"
            )
        if args.get("close"):
            self._background.cancel("tray_compare")
            if beside is not None:
                self._put_beside(None)
            return {"status": "done"}
        filters = self._filters(args)
        if not filters:
            raise ValueError("The tray is empty: put a filter in first.")

        def make(task: Task) -> Body:
            self._made = self._tray.beside(filters, task.check)
            return {}

        question = (id(self._tray.diagnosis), self._engine.revision, tuple(sorted(filters)))
        answer = self._background.answer("tray_compare", question, make)
        if answer["status"] == "done" and beside is not self._made:
            self._put_beside(self._made)
        return answer

    def _put_beside(self, two_nets: TwoNets | None) -> None:
        self._session.two_nets = two_nets
        self._tell()
