"""What an explorer answers to its pages about scans: how far one is, and the exemplars of a filter."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from filterscope.engine.engine import Engine
from filterscope.frames.exemplars import (
    BINS,
    GRID_SIDE,
    KINDS,
    NOTHING_CUT,
    BinPlace,
    build_distribution,
    build_exemplars,
    build_scans,
    exemplar_groups,
    fits,
)
from filterscope.host.timing import CROPS_SECONDS, GIVE_WAY_SECONDS
from filterscope.indices import check_index
from filterscope.nets.layer_choice import layer_title
from filterscope.scans.exemplars import Exemplars
from filterscope.scans.piece import Label
from filterscope.session.running_scan import RunningScan
from filterscope.session.scans import Scans
from filterscope.session.selection import check_filter, check_filters, check_layer
from filterscope.verdicts.run.task import Task
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body

_KEPT = 64  # answers, at most 200 kB each
_MOST_FILTERS = 32  # whose crops a page is sent in one message


class ScanRequests:
    """Answers the requests of pages that show exemplars; each raises what its page is then told.

    What takes time is done in a thread of its own: crops, for which images have to be read, and the distribution over
    many classes. Of two questions under one name the newer one ends the work on the older one.

    Args:
        engine: The net and the data set.
        scans: Has the scan.
        someone_waits: Whether a person waits for a picture.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, engine: Engine, scans: Scans, someone_waits: Callable[[], bool] = lambda: False) -> None:
        self._engine, self._scans, self._someone_waits = engine, scans, someone_waits
        self._cutting: dict[str, tuple[Hashable, Task]] = {}
        self._cut: OrderedDict[Hashable, Body] = OrderedDict()
        self._of: RunningScan | None = None  # whose crops these are
        self.rows = (
            Request("scan", Urgency.VERDICT, self._scan),
            Request("cancel_scan", Urgency.VERDICT, self._cancel),
            Request("scans", Urgency.VERDICT, self._how_far),
            Request("distribution", Urgency.VERDICT, self._distribution),
            Request("exemplars", Urgency.VERDICT, self._exemplars),
            Request("best_crops", Urgency.VERDICT, self._best_crops),
        )

    def sleep(self) -> None:
        """Lets go of the crops."""
        self._cut.clear()

    def close(self) -> None:
        """Ends what runs."""
        for _, task in list(self._cutting.values()):
            task.close()
        self._cut.clear()

    def _layer(self, args: dict[str, Any]) -> int:
        return check_layer(self._engine, args.get("layer"), "layer")

    def _how_far(self, args: dict[str, Any]) -> Body:
        layer, source = self._engine.layers[self._layer(args)], self._engine.source
        return build_scans(layer, len(source), source.is_stream, self._scans.newest, self._scans.out_of_date())

    def _scan(self, args: dict[str, Any]) -> Body:
        layer = self._layer(args)
        self._scans.scan(args.get("images"), [layer] if args.get("only_this_layer") else None)
        return self._how_far(args)

    def _cancel(self, args: dict[str, Any]) -> Body:
        scan = self._scans.newest
        if scan is not None:
            scan.cancel()
        return self._how_far(args)

    def _known(self, layer: int) -> RunningScan:
        scan, record = self._scans.newest, self._engine.layers[layer]
        if scan is None or not fits(scan, record) or not scan.images:
            raise ValueError(f"nothing is known of {layer_title(record)} yet; start a scan of it")
        if scan is not self._of:
            self._cut.clear()
            self._of = scan
        return scan

    def _distribution(self, args: dict[str, Any]) -> Body:
        layer = self._layer(args)
        filter_index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        scan = self._known(layer)
        number = scan.version
        key = ("distribution", number, layer, filter_index)
        asked = {"layer": layer, "filter": filter_index, "number": number}
        work = lambda task: build_distribution(scan, layer, filter_index)  # noqa: E731
        return {**asked, **self._answer("distribution", key, work)}

    def _exemplars(self, args: dict[str, Any]) -> Body:
        """The exemplars of one kind: `top`, `bottom`, `typical`, `class`, or those of a `bin` of the distribution."""
        layer = self._layer(args)
        filter_index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        kind, scan = args.get("kind"), self._known(layer)
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; choose {', '.join(map(repr, KINDS))}")
        at: BinPlace = {"bin": 0, "label": None}
        if kind == "bin":
            at["bin"] = check_index(args.get("bin"), BINS, "bin", "this histogram has bins")
            label = args.get("label")
            if label is not None and label not in scan.classes:
                raise ValueError(f"label is {label!r}; this scan has {', '.join(map(repr, scan.classes))}")
            at["label"] = label
        number = scan.version
        key = ("exemplars", number, layer, filter_index, kind, at["bin"], at["label"])

        def cut(task: Task) -> Body:
            groups = exemplar_groups(scan, layer, filter_index, kind, at)
            return build_exemplars(groups, self._engine.classes, task.check)

        asked = {"layer": layer, "filter": filter_index, "number": number, "kind": kind, **at}
        return {**asked, **self._answer("exemplars", key, cut)}

    def _best_crops(self, args: dict[str, Any]) -> Body:
        """Of some filters of a layer what drives each most."""
        layer = self._layer(args)
        scan = self._known(layer)
        number = scan.version
        filters = tuple(check_filters(self._engine.layers[layer], args.get("filters")))
        if len(filters) > _MOST_FILTERS:
            raise ValueError(f"filters are {len(filters)}; ask for at most {_MOST_FILTERS} at a time")

        def cut(task: Task) -> Body:
            best: list[tuple[Label, Exemplars]] = []
            for index in filters:
                task.check()
                best.append((None, scan.top(layer, index, 1)))
            return build_exemplars(best, self._engine.classes, task.check, GRID_SIDE)

        asked = {"layer": layer, "number": number, "filters": list(filters)}
        return {**asked, **self._answer("best_crops", ("best_crops", number, layer, filters), cut)}

    def _answer(self, name: str, key: Hashable, cut: Callable[[Task], Body]) -> Body:
        """What is cut, or that it is being cut: then the page asks again."""
        known = self._cut.get(key)
        if known is None:
            before = self._cutting.get(name)
            if before is not None and (before[0] != key or before[1].error is not None):
                before[1].cancel()
                before = None
            task = before[1] if before is not None and not before[1].done else self._begin(name, key, cut)
            until = time.monotonic() + CROPS_SECONDS
            while not task.done and time.monotonic() < until and not self._someone_waits():
                task.wait(GIVE_WAY_SECONDS)
            if task.error is not None:
                raise task.error
            known = self._cut.get(key)
        if known is None:
            return {"status": "running"} if name == "distribution" else {"status": "running", **NOTHING_CUT}
        return {"status": "done", **known}

    def _begin(self, name: str, key: Hashable, cut: Callable[[Task], Body]) -> Task:
        def work(task: Task) -> None:
            of = self._of
            answer = cut(task)
            if of is self._of:
                self._cut[key] = answer
            while len(self._cut) > _KEPT:
                self._cut.popitem(last=False)

        give_way = lambda: GIVE_WAY_SECONDS if self._someone_waits() else 0.0  # noqa: E731
        task = Task("filterscope crops", work, give_way)
        self._cutting[name] = key, task
        return task
