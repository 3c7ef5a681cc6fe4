"""What a page shows of the verdicts, as plain values and arrays: how far the work is, a layer, one filter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from filterscope.filters.slices import planes
from filterscope.frames.verdict_bodies import (
    BadgeBody,
    ChanceBody,
    ClassRisesBody,
    EffectBody,
    EstimateBody,
    FilterEffectsBody,
    MeasurementBody,
    NoVerdictsBody,
    ProgressBody,
    Status,
    VerdictBody,
    VerdictsBody,
    WithoutBody,
)
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.verdicts.ablation.effect_table import Effect, Estimate
from filterscope.verdicts.ablation.filter_effects import FilterEffects
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.result.evidence import Chance, class_rises, looks_like, structure_chances
from filterscope.verdicts.result.layer_use import JointEstimate
from filterscope.verdicts.result.plain_words import plain_words
from filterscope.verdicts.result.verdict import BADGE, FilterVerdict
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.verdicts.run.task import Task, TaskProgress

_SHOWN = 3  # classes of a prediction


def build_verdicts(
    layer: ConvLayer, images_in_all: int, diagnosis: RunningDiagnosis | None, earlier: bool, number_held: Any
) -> VerdictsBody | NoVerdictsBody:
    """How far the newest diagnosis is, and the verdicts on a layer's filters.

    Args:
        layer: The layer.
        images_in_all: How many images there are.
        diagnosis: The newest, running or not; None where there is none.
        earlier: Whether the net's weights are no longer those of the diagnosis.
        number_held: The `number` of what the page has of this layer; then `filters` is None.
    """
    if diagnosis is None:
        return {"layer": layer.index, "status": "none", "images_in_all": images_in_all, "number": 0, "filters": []}
    number = diagnosis.version
    title = layer_title(layer)
    of_layer = [verdict for verdict in diagnosis.filters if verdict.layer == title]
    fits = len(of_layer) == layer.out_channels
    return {
        "layer": layer.index,
        "status": _status(diagnosis.done, diagnosis.error, diagnosis.cancelled),
        "error": None if diagnosis.error is None else str(diagnosis.error),
        "progress": _progress(diagnosis.progress),
        "images": diagnosis.images,
        "asked": diagnosis.asked,
        "images_in_all": images_in_all,
        "earlier": earlier,
        "number": number,
        "summary": diagnosis.summary(title) if fits else "",
        "knowledge": diagnosis.knowledge,
        "notes": list(diagnosis.notes) if diagnosis.done else [],
        "filters": None if number_held == number else [_badge(verdict) for verdict in of_layer] if fits else [],
    }


def _status(done: bool, error: Exception | None, cancelled: bool) -> Status:
    return "running" if not done else "failed" if error is not None else "cancelled" if cancelled else "done"


def _progress(progress: TaskProgress) -> ProgressBody:
    return {
        "stage": progress.stage,
        "done": progress.done,
        "total": progress.total,
        "per_second": progress.per_second,
        "seconds_left": progress.seconds_left,
        "seconds_after": progress.seconds_after,
    }


def _badge(verdict: FilterVerdict) -> BadgeBody:
    """What the grid shows and is sorted by."""
    return {name: _number(getattr(verdict, name)) for name in BADGE}


def build_verdict(layer: ConvLayer, diagnosis: RunningDiagnosis | None, filter_index: int) -> VerdictBody:
    """All that is known of one filter, with its evidence.

    Raises:
        ValueError: If nothing is known of it.
    """
    return build_each_verdict(layer, diagnosis, [filter_index])[0]


def build_each_verdict(
    layer: ConvLayer, diagnosis: RunningDiagnosis | None, filters: Sequence[int]
) -> list[VerdictBody]:
    """What `build_verdict` says of several filters of a layer, faster than one after the other."""
    title = layer_title(layer)
    of_layer = [] if diagnosis is None else [verdict for verdict in diagnosis.filters if verdict.layer == title]
    if diagnosis is None or len(of_layer) != layer.out_channels:
        raise ValueError(f"nothing is known of {title} yet; start a diagnosis of it")
    runner = diagnosis.examination.runner
    chances: list[Chance | None] = [None] * len(filters)
    if not runner.is_dynamic(layer.index):
        chances = structure_chances(runner.layers[layer.index].kernels, layer.groups, filters)
    return [_verdict(diagnosis, layer.index, of_layer[k], chance) for k, chance in zip(filters, chances, strict=True)]


def _verdict(diagnosis: RunningDiagnosis, layer: int, verdict: FilterVerdict, chance: Chance | None) -> VerdictBody:
    examination, filter_index = diagnosis.examination, verdict.filter
    kernels, dynamic = examination.runner.layers[layer].kernels, examination.runner.is_dynamic(layer)
    looks = None if dynamic else looks_like(kernels[filter_index])
    partner = verdict.duplicate_of if verdict.duplicate_of is not None else verdict.mirror_of
    names = examination.class_names()
    rises = class_rises(examination.ablations.get(layer), filter_index, len(names))
    return {
        "number": diagnosis.version,
        "layer": layer,
        "filter": filter_index,
        "verdict": {name: _number(value) for name, value in verdict.row().items()},
        "words": plain_words(verdict),
        "looks": None
        if looks is None
        else {"pattern": looks.pattern, "template": looks.template, "chance": _chance(looks.chance)},
        "structure_chance": _chance(chance),
        "classes": names,
        "class_rise": None if rises is None else cast(ClassRisesBody, vars(rises).copy()),
        "kernel": None if dynamic else _one_plane(kernels[filter_index]),
        "partner": None if partner is None else {"filter": partner, "kernel": _one_plane(kernels[partner])},
    }


def _one_plane(kernels: np.ndarray) -> np.ndarray:
    """A filter's kernels as one small picture: that of its first channel."""
    plane: np.ndarray = planes(kernels[0], 0, None, 1)[0].copy()
    return plane


def _chance(chance: Chance | None) -> ChanceBody | None:
    return None if chance is None else cast(ChanceBody, vars(chance).copy())


def _number(value: Any) -> Any:
    """JSON has no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def build_without(answer: Without, estimate: JointEstimate | None = None) -> WithoutBody:
    """The prediction before and after, best first, and what the filters cost together, where that can be estimated."""
    after = dict(answer.after)
    return {
        "layer": answer.layer,
        "filters": list(answer.filters),
        "replaced_by": answer.replaced_by,
        "values": [_number(value) for value in answer.values],
        "mean_images": answer.mean_images,
        "image": answer.image,
        "estimate": None
        if estimate is None
        else {"rise": estimate.rise.value, "share": _number(estimate.share), "images": estimate.images},
        "before": [(name, _number(p), _number(after.get(name, math.nan))) for name, p in answer.before[:_SHOWN]],
        "after": [(name, _number(p)) for name, p in answer.after[:_SHOWN]],
    }


def build_effect(task: Task, effect: Effect | None) -> MeasurementBody:
    """How far the measurement over many images is, and what came out of it."""
    return {
        "status": _status(task.done, task.error, task.cancelled.is_set() and effect is None),
        "error": None if task.error is None else str(task.error),
        "progress": _progress(task.progress),
        "effect": None if effect is None else effect_body(effect),
    }


def build_filter_effects(
    image: int, layer: int, task: Task | None, effects: FilterEffects | None, predicted: str | int | None
) -> FilterEffectsBody:
    """How far the effects of a layer's filters are.

    Args:
        image: Index of the image.
        layer: Index of the layer.
        task: Measures them; None where that was cancelled.
        effects: What came out of it; None until then.
        predicted: The predicted class, its name or number; None until then.
    """
    return {
        "image": image,
        "layer": layer,
        "status": "cancelled" if task is None else _status(task.done, task.error, effects is None),
        "error": None if task is None or task.error is None else str(task.error),
        "progress": _progress(TaskProgress() if task is None else task.progress),
        "predicted": predicted,
        "effects": None if effects is None else effects.values,
    }


def effect_body(effect: Effect) -> EffectBody:
    """What is lost over many images."""
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
            {"name": each.name, "images": each.images, "accuracy_change": _estimate(each.accuracy_change)}
            for each in effect.classes
        ],
        "notes": list(effect.notes),
        "score": effect.score,
    }


def _estimate(estimate: Estimate) -> EstimateBody:
    return {"value": estimate.value, "low": _number(estimate.low), "high": _number(estimate.high)}
