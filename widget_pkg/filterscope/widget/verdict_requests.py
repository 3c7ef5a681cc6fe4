"""What an explorer answers to its pages about verdicts and removals; a page asks, nothing is sent unasked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from filterscope import wire
from filterscope.engine.engine import Engine
from filterscope.frames.verdicts import build_effect, build_verdict, build_verdicts, build_without
from filterscope.session.examiner import Examiner
from filterscope.session.judging import checked_filters
from filterscope.session.selection import check_filter, check_image, check_layer
from filterscope.verdicts.ablation.effect import Effect
from filterscope.verdicts.ablation.replacement import REPLACEMENTS, Replacement
from filterscope.verdicts.run.task import Task, TaskProgress

_PATIENCE_SECONDS = 0.1  # for what is found out first; then the page asks again


class VerdictPages:
    """Handlers of the requests `verdicts`, `verdict`, `diagnose`, `cancel_diagnosis`, `without` and `effect`.

    Args:
        engine: The net and the data set.
        examiner: Gives the examiner, when it is first needed.
    """

    def __init__(self, engine: Engine, examiner: Callable[[], Examiner]) -> None:
        self._engine, self._examiner = engine, examiner
        self._measuring: tuple[Any, Task, list[Effect]] | None = None
        self._preparing: Task | None = None

    def handlers(self) -> dict[str, wire.Handler]:
        """By name of the request."""
        return {
            "verdicts": self._verdicts,
            "verdict": self._verdict,
            "diagnose": self._diagnose,
            "cancel_diagnosis": self._cancel,
            "without": self._without,
            "effect": self._effect,
        }

    def close(self) -> None:
        """Ends what runs."""
        if self._measuring is not None:
            self._measuring[1].close()

    def _layer(self, args: dict[str, Any]) -> int:
        return check_layer(self._engine, args.get("layer"), "layer")

    def _verdicts(self, args: dict[str, Any]) -> dict[str, Any]:
        return build_verdicts(self._engine, self._examiner(), self._layer(args), args.get("held"))

    def _verdict(self, args: dict[str, Any]) -> dict[str, Any]:
        layer = self._layer(args)
        index = check_filter(self._engine.layers[layer], args.get("filter"), "filter")
        return build_verdict(self._engine, self._examiner(), layer, index)

    def _diagnose(self, args: dict[str, Any]) -> dict[str, Any]:
        layer = self._layer(args)
        only = [layer] if args.get("only_this_layer") else None
        self._examiner().diagnose(args.get("images", 1000), only, bool(args.get("ablation", True)), layer)
        return self._verdicts(args)

    def _cancel(self, args: dict[str, Any]) -> dict[str, Any]:
        found = self._examiner().diagnosis
        if found is not None:
            found.cancel()
        return self._verdicts(args)

    def _removal(self, args: dict[str, Any]) -> tuple[int, tuple[int, ...], Replacement]:
        layer = self._layer(args)
        replaced_by = args.get("replaced_by", "mean")
        if replaced_by not in REPLACEMENTS:
            raise ValueError(f"replaced_by is {replaced_by!r}; choose 'mean' or 'zero'")
        return layer, checked_filters(self._engine, layer, args.get("filters")), replaced_by

    def _without(self, args: dict[str, Any]) -> dict[str, Any]:
        removal = self._removal(args)
        image, examiner = check_image(self._engine, args.get("image"), "image"), self._examiner()
        if removal[2] == "mean" and not examiner.knows_means(removal[0]):
            layer, preparing = removal[0], self._preparing
            if preparing is None or preparing.done:
                self._preparing = preparing = Task("filterscope means", lambda task: examiner.find_means(layer))
            preparing.wait(_PATIENCE_SECONDS)
            if preparing.error is not None:
                raise preparing.error
            if not examiner.knows_means(layer):
                return {"preparing": True}
        return {"preparing": False, **build_without(examiner.without(image, *removal))}

    def _effect(self, args: dict[str, Any]) -> dict[str, Any]:
        """Begins to measure a removal over many images, or says how far that is; `cancel` only ends it."""
        removal, images = self._removal(args), args.get("images", 1000)
        examiner, what = self._examiner(), (*removal, images, self._engine.revision)
        measuring = self._measuring
        if args.get("cancel"):
            if measuring is not None and measuring[0] == what:
                measuring[1].cancel()
                self._measuring = None
            return {"status": "cancelled", "error": None, "progress": asdict(TaskProgress()), "effect": None}
        if measuring is None or measuring[0] != what:
            if measuring is not None:
                measuring[1].cancel()
            found: list[Effect] = []

            def work(task: Task) -> None:
                task.begin("images", 0, images)
                found.append(examiner.effect(*removal, images, task.note, task.check))

            measuring = self._measuring = what, Task("filterscope removal", work, examiner.busy), found
        return build_effect(measuring[1], measuring[2][0] if measuring[2] else None)
