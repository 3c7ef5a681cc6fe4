"""What an explorer answers to its pages about verdicts and removals; a page asks, nothing is sent unasked."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from filterscope.engine.engine import Engine
from filterscope.frames.verdicts import build_effect, build_verdict, build_verdicts, build_without
from filterscope.host.timing import MEANS_SECONDS
from filterscope.session.examiner import Examiner, check_images
from filterscope.session.selection import asked_image, check_filter, check_filters, check_layer
from filterscope.verdicts.ablation.ablation import REPLACEMENTS, Replacement
from filterscope.verdicts.ablation.effect import Effect
from filterscope.verdicts.run.task import Task, TaskProgress
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body


class VerdictRequests:
    """Answers the requests of pages that show verdicts; each raises what its page is then told.

    Args:
        engine: The net and the data set.
        examiner: Has the verdicts.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, engine: Engine, examiner: Examiner) -> None:
        self._engine, self._examiner = engine, examiner
        self._measuring: tuple[Any, Task, list[Effect]] | None = None
        self._worker: Task | None = None  # the newest measurement: another begins when it has ended
        self._preparing: Task | None = None
        self.rows = (
            Request("diagnose", Urgency.VERDICT, self._diagnose),
            Request("cancel_diagnosis", Urgency.VERDICT, self._cancel),
            Request("without", Urgency.VERDICT, self._without),
            Request("verdicts", Urgency.VERDICT, self._verdicts),
            Request("verdict", Urgency.VERDICT, self._verdict),
            Request("effect", Urgency.VERDICT, self._effect),
        )

    def close(self) -> None:
        """Ends what runs."""
        for task in (self._worker, self._preparing):
            if task is not None:
                task.close()

    def _layer(self, args: dict[str, Any]) -> int:
        return check_layer(self._engine, args.get("layer"), "layer")

    def _verdicts(self, args: dict[str, Any]) -> Body:
        layer, examiner = self._engine.layers[self._layer(args)], self._examiner
        earlier = examiner.of_earlier_weights()
        return build_verdicts(layer, len(self._engine.source), examiner.diagnosis, earlier, args.get("held"))

    def _verdict(self, args: dict[str, Any]) -> Body:
        layer = self._layer(args)
        index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        return build_verdict(self._engine.layers[layer], self._examiner.diagnosis, index)

    def _diagnose(self, args: dict[str, Any]) -> Body:
        layer = self._layer(args)
        only = [layer] if args.get("only_this_layer") else None
        self._examiner.diagnose(args.get("images", 1000), only, bool(args.get("ablation", True)), layer)
        return self._verdicts(args)

    def _cancel(self, args: dict[str, Any]) -> Body:
        diagnosis = self._examiner.diagnosis
        if diagnosis is not None:
            diagnosis.cancel()
        return self._verdicts(args)

    def _removal(self, args: dict[str, Any]) -> tuple[int, tuple[int, ...], Replacement]:
        layer = self._layer(args)
        replaced_by = args.get("replaced_by", "mean")
        if replaced_by not in REPLACEMENTS:
            raise ValueError(f"replaced_by is {replaced_by!r}; choose 'mean' or 'zero'")
        filters = check_filters(self._engine.layers[layer], args.get("filters"))
        return layer, tuple(sorted(set(filters))), replaced_by

    def _without(self, args: dict[str, Any]) -> Body:
        removal = self._removal(args)
        image, examiner = asked_image(self._engine, args), self._examiner
        if removal[2] == "mean" and not examiner.knows_means(removal[0]):
            layer, preparing = removal[0], self._preparing
            if preparing is None or preparing.done:
                self._preparing = preparing = Task(
                    "filterscope means", lambda task: examiner.find_means(layer, task.check)
                )
            preparing.wait(MEANS_SECONDS)
            if preparing.error is not None:
                raise preparing.error
            if not examiner.knows_means(layer):
                return {"preparing": True}
        return {"preparing": False, **build_without(examiner.without(image, *removal))}

    def _effect(self, args: dict[str, Any]) -> Body:
        """Begins to measure a removal over many images, or says how far that is; `cancel` only ends it."""
        removal, images = self._removal(args), check_images(args.get("images", 1000))
        examiner, what = self._examiner, (*removal, images, self._engine.revision)
        measuring, worker = self._measuring, self._worker
        if args.get("cancel"):
            if measuring is not None and measuring[0] == what:
                measuring[1].cancel()
                self._measuring = None
            return {"status": "cancelled", "error": None, "progress": asdict(TaskProgress()), "effect": None}
        if measuring is None or measuring[0] != what:
            if worker is not None and not worker.done:  # one at a time: the page asks again how far this one is
                worker.cancel()
                return {"status": "running", "error": None, "progress": asdict(TaskProgress()), "effect": None}
            effects: list[Effect] = []

            def work(task: Task) -> None:
                task.begin("images", 0, images)
                effects.append(examiner.effect(*removal, images, task.note, task.check))

            self._worker = Task("filterscope removal", work, examiner.seconds_until_idle)
            measuring = self._measuring = what, self._worker, effects
        return build_effect(measuring[1], measuring[2][0] if measuring[2] else None)
