"""What a page shows of the verdicts, as plain values and arrays: how far the work is, a layer, one filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.filters.slices import planes
from filterscope.nets.layer_choice import layer_title
from filterscope.session.examiner import Examiner
from filterscope.verdicts.ablation.effect import Effect, Estimate
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.result.evidence import Chance, class_rises, looks_like, structure_chances
from filterscope.verdicts.result.plain_words import plain_words
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.verdicts.run.task import Task

_SHOWN = 3  # classes of a prediction


def build_verdicts(engine: Engine, examiner: Examiner, layer: int, held: Any) -> dict[str, Any]:
    """How far the newest diagnosis is, and the verdicts on a layer's filters.

    Args:
        engine: The net and the data set.
        examiner: Has the diagnosis.
        layer: Index of the layer.
        held: The `number` of what the page has of this layer; then `filters` is None.
    """
    found = examiner.diagnosis
    if found is None:
        return {"layer": layer, "status": "none", "images_in_all": len(engine.source), "number": 0, "filters": []}
    number = found.version
    title = layer_title(engine.layers[layer])
    of_layer = [one for one in found.filters if one.layer == title]
    fits = len(of_layer) == engine.layers[layer].out_channels
    return {
        "layer": layer,
        "status": _status(found.done, found.error, found.cancelled),
        "error": None if found.error is None else str(found.error),
        "progress": asdict(found.progress),
        "images": found.images,
        "asked": found.asked,
        "images_in_all": len(engine.source),
        "earlier": examiner.of_earlier_weights(),
        "number": number,
        "summary": found.summary(title) if fits else "",
        "knowledge": found.knowledge,
        "notes": list(found.notes) if found.done else [],
        "filters": None if held == number else [_badge(one) for one in of_layer] if fits else [],
    }


def _status(done: bool, error: Exception | None, cancelled: bool) -> str:
    return "running" if not done else "failed" if error is not None else "cancelled" if cancelled else "done"


def _badge(one: FilterVerdict) -> dict[str, Any]:
    """What the grid shows and is sorted by."""
    return {
        "structure": one.structure,
        "state": one.state,
        "use": one.use,
        "duplicate_of": one.duplicate_of,
        "mirror_of": one.mirror_of,
        "name": one.name,
        "delta_loss": _number(one.delta_loss),
        "estimate": _number(one.estimate),
    }


def build_verdict(engine: Engine, examiner: Examiner, layer: int, filter_index: int) -> dict[str, Any]:
    """All that is known of one filter, with its evidence.

    Raises:
        ValueError: If nothing is known of it.
    """
    return build_each_verdict(engine, examiner, layer, [filter_index])[0]


def build_each_verdict(engine: Engine, examiner: Examiner, layer: int, filters: Sequence[int]) -> list[dict[str, Any]]:
    """The same of several filters of a layer, faster than one after the other."""
    found = examiner.diagnosis
    title = layer_title(engine.layers[layer])
    of_layer = [] if found is None else [one for one in found.filters if one.layer == title]
    if found is None or len(of_layer) != engine.layers[layer].out_channels:
        raise ValueError(f"nothing is known of {title} yet; start a diagnosis of it")
    chances = structure_chances(found.examination.runner.layers[layer].kernels, engine.layers[layer].groups, filters)
    return [_verdict(found, layer, of_layer[k], chance) for k, chance in zip(filters, chances, strict=True)]


def _verdict(found: RunningDiagnosis, layer: int, one: FilterVerdict, chance: Chance | None) -> dict[str, Any]:
    examination, filter_index = found.examination, one.filter
    kernels = examination.runner.layers[layer].kernels
    looks = looks_like(kernels[filter_index])
    partner = one.duplicate_of if one.duplicate_of is not None else one.mirror_of
    names = examination.class_names()
    rises = class_rises(examination.ablations.get(layer), filter_index, len(names))
    return {
        "number": found.version,
        "layer": layer,
        "filter": filter_index,
        "verdict": {name: _number(value) for name, value in one.row().items()},
        "words": plain_words(one),
        "looks": None
        if looks is None
        else {"pattern": looks.pattern, "template": looks.template, "chance": _chance(looks.chance)},
        "structure_chance": _chance(chance),
        "classes": names,
        "class_rise": None if rises is None else vars(rises).copy(),
        "kernel": _one_plane(kernels[filter_index]),
        "partner": None if partner is None else {"filter": partner, "kernel": _one_plane(kernels[partner])},
    }


def _one_plane(kernels: np.ndarray) -> np.ndarray:
    """A filter's kernels as one small picture: that of its first channel."""
    plane: np.ndarray = planes(kernels[0], 0, None, 1)[0].copy()
    return plane


def _chance(chance: Chance | None) -> dict[str, Any] | None:
    return None if chance is None else vars(chance).copy()


def _number(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def build_without(found: Without) -> dict[str, Any]:
    """The prediction before and after, best first."""
    names = dict(found.after)
    return {
        "layer": found.layer,
        "filters": list(found.filters),
        "replaced_by": found.replaced_by,
        "values": [_number(value) for value in found.values],
        "mean_images": found.mean_images,
        "image": found.image,
        "before": [[name, _number(p), _number(names.get(name, math.nan))] for name, p in found.before[:_SHOWN]],
        "after": [[name, _number(p)] for name, p in found.after[:_SHOWN]],
    }


def build_effect(task: Task, effect: Effect | None) -> dict[str, Any]:
    """How far the measurement over many images is, and what came out of it."""
    return {
        "status": _status(task.done, task.error, task.cancelled.is_set() and effect is None),
        "error": None if task.error is None else str(task.error),
        "progress": asdict(task.progress),
        "effect": None if effect is None else _effect(effect),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "images": effect.images,
        "labelled": effect.labelled,
        "accuracy_before": effect.accuracy_before,
        "accuracy_after": effect.accuracy_after,
        "accuracy_change": _estimate(effect.accuracy_change),
        "loss_before": effect.loss_before,
        "loss_after": effect.loss_after,
        "loss_change": _estimate(effect.loss_change),
        "classes": [
            {"name": one.name, "images": one.images, "accuracy_change": _estimate(one.accuracy_change)}
            for one in effect.classes
        ],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.value, "low": _number(estimate.low), "high": _number(estimate.high)}
