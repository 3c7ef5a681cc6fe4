"""What a page is told of a filter's kernels in the lab, and of what an edit does; next: `lab_pictures.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.frames.prediction import best_of
from filterscope.lab.page_arithmetic import PageStep, page_planes, page_steps
from filterscope.nets.arrays import float32
from filterscope.nets.kernel_edits import editable
from filterscope.nets.layers import ConvLayer
from filterscope.session.edit_outcomes import EditChanges
from filterscope.session.lab import Lab
from filterscope.session.selection import Selection
from filterscope.verdicts.ablation.effect_table import Effect


class HistoryBody(TypedDict):
    """What is edited, and what can be undone."""

    revision: int
    edits: list[dict[str, object]]
    can_undo: bool
    can_redo: bool


class StepBody(HistoryBody):
    """What stands after a step; `kernels` is float32 `(C, *k)`, those of the filter that was asked about."""

    layer: int
    filter: int
    kernels: np.ndarray


class GeometryBody(TypedDict):
    """A layer's geometry along rows and columns; of a signal the rows are one. `pads` are before and after."""

    stride: list[int]
    pads: list[list[int]]
    mode: str
    dilation: list[int]


class PageStepBody(TypedDict):
    """A step that the page takes by itself; `numbers` is float32."""

    name: str
    numbers: np.ndarray


class PresetBody(TypedDict):
    """A kernel to begin with: float32 `(kH, kW)`, or `(C, kH, kW)`."""

    name: str
    kernel: np.ndarray


class FilterBody(HistoryBody):
    """One filter in the lab.

    `kernels` and `own` are float32 `(C, *k)`: those that stand now, and the net's. `input` and `over` are float32
    `(C, H, W)` and `(n, H, W)`, what the page convolves by itself, or None; `steps` is None where it waits for Python.
    """

    image: int
    layer: int
    filter: int
    why_not: str
    kernels: np.ndarray
    own: np.ndarray
    bias: np.ndarray
    input: np.ndarray | None
    over: np.ndarray | None
    geometry: GeometryBody | None
    steps: list[PageStepBody] | None
    presets: list[PresetBody]


def build_history(lab: Lab, revision: int) -> HistoryBody:
    """What is edited, and what can be undone."""
    return {
        "revision": revision,
        "edits": [{"layer": edit.layer, "filter": edit.filter} for edit in lab.edited],
        "can_undo": lab.can_undo,
        "can_redo": lab.can_redo,
    }


def build_step(lab: Lab, image: int, layer: int, filter_index: int) -> StepBody:
    """What stands after a step, and the kernels of one filter."""
    return {
        **build_history(lab, lab.engine.revision),
        "layer": layer,
        "filter": filter_index,
        "kernels": lab.engine.kernels(layer, image)[filter_index],
    }


def build_filter(lab: Lab, at: Selection) -> FilterBody:
    """One filter in the lab: its kernels, what a page computes by itself, and the presets."""
    engine = lab.engine
    record = engine.layers[at.layer]
    maps = engine.maps(at.image, at.layer)
    pre, activation = float32(maps.pre_activation[at.filter]), float32(maps.activation[at.filter])
    pixels, layer_input = engine.sample(at.image).image, float32(maps.input)
    seen, over = page_planes(pixels, layer_input, record, at.filter)
    steps = None
    if seen is not None:
        with engine.passing(at.image) as (runner, batch):
            steps = page_steps(runner, batch, at.layer, at.filter, pre, activation)
    own = lab.own_kernels(at.layer)[at.filter]
    bias = 0.0 if maps.bias is None else float(maps.bias[at.filter])
    return {
        **build_history(lab, engine.revision),
        "image": at.image,
        "layer": at.layer,
        "filter": at.filter,
        "why_not": "" if editable(record) else _why_not(record),
        "kernels": float32(maps.weight[at.filter]),
        "own": own,
        "bias": np.array([bias], np.float32),
        "input": seen,
        "over": over,
        "geometry": None if seen is None and over is None else geometry_body(record),
        "steps": None if steps is None else build_page_steps(steps),
        "presets": build_presets(lab, at.layer, at.filter),
    }


def build_page_steps(steps: Sequence[PageStep]) -> list[PageStepBody]:
    """The steps that the page takes by itself."""
    return [{"name": step.name, "numbers": np.array(step.numbers, np.float32)} for step in steps]


def build_presets(lab: Lab, layer: int, filter_index: int) -> list[PresetBody]:
    """The kernels to begin with, of one filter."""
    return [{"name": name, "kernel": kernel} for name, kernel in lab.presets(layer, filter_index).items()]


def _why_not(layer: ConvLayer) -> str:
    return (
        f"The kernels of {layer.spoken} are computed in each pass, and are no parameter of its module, so nothing can "
        "stand in their place. The other parts of the lab work."
    )


def geometry_body(layer: ConvLayer) -> GeometryBody:
    """A layer's geometry, as the page computes with it."""
    flat = 2 - layer.rank
    return {
        "stride": [1] * flat + list(layer.stride),
        "pads": [[0, 0]] * flat + [list(pair) for pair in layer.pads],
        "mode": layer.padding_mode,
        "dilation": [1] * flat + list(layer.dilation),
    }


class ChangesBody(TypedDict):
    """What the edits do to an image; `changes` is float32, one a layer of `layers`."""

    revision: int
    image: int
    layers: list[str]
    changes: np.ndarray
    before: Prediction
    after: Prediction


def build_changes(changes: EditChanges, revision: int) -> ChangesBody:
    """What the edits do to an image."""
    return {
        "revision": revision,
        "image": changes.image,
        "layers": [each.name for each in changes.layers],
        "changes": np.array([each.change for each in changes.layers], np.float32),
        "before": best_of(changes.before),
        "after": best_of(changes.after),
    }


class EffectBody(TypedDict):
    """What the edits do over many images; each estimate is float32 `(value, low, high)`."""

    images: int
    labelled: bool
    accuracy: np.ndarray
    accuracy_change: np.ndarray
    loss: np.ndarray
    loss_change: np.ndarray
    notes: list[str]


def build_effect(effect: Effect) -> EffectBody:
    """What the edits do over many images."""
    accuracy, loss = effect.accuracy_change, effect.loss_change
    return {
        "images": effect.images,
        "labelled": effect.labelled,
        "accuracy": np.array([effect.accuracy_before, effect.accuracy_after], np.float32),
        "accuracy_change": np.array([accuracy.value, accuracy.low, accuracy.high], np.float32),
        "loss": np.array([effect.loss_before, effect.loss_after], np.float32),
        "loss_change": np.array([loss.value, loss.low, loss.high], np.float32),
        "notes": list(effect.notes),
    }
