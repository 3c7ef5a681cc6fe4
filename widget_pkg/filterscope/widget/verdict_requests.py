"""What an explorer answers to its pages about verdicts and removals; a page asks, nothing is sent unasked."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, NamedTuple

from filterscope.engine.engine import Engine
from filterscope.frames.verdicts import (
    build_effect,
    build_filter_effects,
    build_verdict,
    build_verdicts,
    build_without,
)
from filterscope.host.timing import FILTER_EFFECTS_SECONDS, GIVE_WAY_SECONDS, MEANS_SECONDS
from filterscope.nets.interruption import StopWhen
from filterscope.session.examiner import Examiner, check_images
from filterscope.session.selection import asked_image, check_filter, check_filters, check_layer
from filterscope.verdicts.ablation.ablation import REPLACEMENTS, Replacement
from filterscope.verdicts.ablation.effect_table import Effect
from filterscope.verdicts.ablation.filter_effects import FilterEffects
from filterscope.verdicts.run.task import Task, TaskProgress
from filterscope.widget.requests import Request, Urgency
from filterscope.wire import Body


class VerdictRequests:
    """Answers the requests of pages that show verdicts; each raises what its page is then told.

    Args:
        engine: The net and the data set.
        examiner: Has the verdicts.
        someone_waits: Whether a person waits for a picture.

    Attributes:
        rows: Of the table of requests.
    """

    def __init__(self, engine: Engine, examiner: Examiner, someone_waits: Callable[[], bool] = lambda: False) -> None:
        self._engine, self._examiner, self._someone_waits = engine, examiner, someone_waits
        self._measuring: tuple[Any, Task, list[Effect]] | None = None
        self._worker: Task | None = None  # the newest measurement: another begins when it has ended
        self._preparing: Task | None = None
        self._effects: _FilterEffectsTask | None = None
        self.rows = (
            Request("diagnose", Urgency.VERDICT, self._diagnose),
            Request("cancel_diagnosis", Urgency.VERDICT, self._cancel),
            Request("without", Urgency.VERDICT, self._without),
            Request("verdicts", Urgency.VERDICT, self._verdicts),
            Request("verdict", Urgency.VERDICT, self._verdict),
            Request("effect", Urgency.VERDICT, self._effect),
            Request("filter_effects", Urgency.VERDICT, self._filter_effects),
        )

    def close(self) -> None:
        """Ends what runs."""
        effects = None if self._effects is None else self._effects.task
        for task in (self._worker, self._preparing, effects):
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
        self._examiner.diagnose(args.get("images", 1000), only, args.get("ablation", "auto"), layer)
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
        estimate = examiner.cost_together(removal[0], removal[1]) if removal[2] == "mean" else None
        return {"preparing": False, **build_without(examiner.without(image, *removal), estimate)}

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

    def _filter_effects(self, args: dict[str, Any]) -> Body:
        """What leaving out each filter of a layer does to an image's prediction; `cancel` only ends what is measured.

        A short wait, and only while nobody waits for a picture: then the page asks again how far it is.
        """
        layer, image = self._layer(args), asked_image(self._engine, args)
        what = image, layer, self._engine.revision
        current, cancel = self._effects, bool(args.get("cancel"))
        if current is not None and (cancel or current.what != what or current.task.error is not None):
            current.task.cancel()
            current = self._effects = None
        if cancel:
            return build_filter_effects(image, layer, None, None, None)
        if current is None:
            current = self._effects = self._begin_effects(what)
        until = time.monotonic() + FILTER_EFFECTS_SECONDS
        while not current.task.done and time.monotonic() < until and not self._someone_waits():
            current.task.wait(GIVE_WAY_SECONDS)
        effects = current.results[0] if current.results else None
        predicted = None if effects is None else self._engine.classes[effects.predicted]
        return build_filter_effects(image, layer, current.task, effects, predicted)

    def _begin_effects(self, what: tuple[int, int, int]) -> _FilterEffectsTask:
        image, layer, _ = what
        results: list[FilterEffects] = []

        def work(task: Task) -> None:
            task.begin("filters", 0, self._engine.layers[layer].out_channels)
            end_early = lambda: StopWhen(task.cancelled.is_set)  # noqa: E731
            results.append(self._examiner.filter_effects(image, layer, task.note, task.check, end_early))

        give_way = lambda: GIVE_WAY_SECONDS if self._someone_waits() else 0.0  # noqa: E731
        return _FilterEffectsTask(what, Task("filterscope filter effects", work, give_way), results)


class _FilterEffectsTask(NamedTuple):
    """What is measured (image, layer, revision), the work on it, and what came out, once it is there."""

    what: tuple[int, int, int]
    task: Task
    results: list[FilterEffects]
