"""What a page is told of its tray: `session.tray` and plans as plain data."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.frames.prediction import best_of
from filterscope.frames.verdict_bodies import EffectBody
from filterscope.frames.verdicts import effect_body
from filterscope.session.tray import TrayContents, TrayOrder
from filterscope.surgery.plan import Plan
from filterscope.surgery.size import Size
from filterscope.surgery.widths import WidthCurve
from filterscope.verdicts.ablation.effect_table import Estimate


class TrayLayerBody(TypedDict):
    """A layer of which filters go."""

    index: int
    name: str
    filters: list[int]
    had: int


class TrayBody(TypedDict):
    """What is in a tray, what that saves, and what it does to an image.

    `fixed` are filters of the layer on screen that cannot be removed, each with why; `words` the verdicts' words, each
    with how many groups it would put in; `parameters` how many there are, and how many would be left. `beside`: the
    smaller net stands beside this one on the page.
    """

    image: int
    layer: int
    layers: list[TrayLayerBody]
    groups: int
    parameters: tuple[int, int]
    fixed: list[tuple[int, str]]
    words: list[tuple[str, int]]
    before: Prediction
    after: Prediction
    python: str
    beside: bool


def build_tray(
    image: int,
    layer: int,
    contents: TrayContents,
    fixed: dict[int, str],
    words: dict[str, int],
    compared: tuple[Prediction, Prediction],
    beside: bool,
) -> TrayBody:
    """What is in a tray."""
    return {
        "image": image,
        "layer": layer,
        "layers": [
            {"index": each.index, "name": each.name, "filters": list(each.filters), "had": each.had}
            for each in contents.layers
        ],
        "groups": contents.groups,
        "parameters": contents.parameters,
        "fixed": list(fixed.items()),
        "words": list(words.items()),
        "before": best_of(compared[0]),
        "after": best_of(compared[1]),
        "python": contents.python,
        "beside": beside,
    }


class TrayOrderBody(TypedDict):
    """In which order filters can go; `left` is float32 `(G + 1,)`, the share of the parameters."""

    groups: list[list[tuple[int, int]]]
    left: np.ndarray


def build_order(order: TrayOrder) -> TrayOrderBody:
    """In which order filters can go."""
    return {"groups": [list(group) for group in order.groups], "left": order.left.astype(np.float32)}


class SizeBody(TypedDict):
    """A `Size`."""

    parameters: int
    multiply_adds: int
    seconds: float


class TrayPlanBody(TypedDict):
    """A plan: the net was made; its size and cost, and what else there is to know."""

    before: SizeBody
    after: SizeBody
    effect: EffectBody | None
    notes: list[str]


def build_plan(plan: Plan) -> TrayPlanBody:
    """A plan."""
    return {
        "before": _size(plan.before),
        "after": _size(plan.after),
        "effect": None if plan.cost is None else effect_body(plan.cost),
        "notes": list(plan.notes),
    }


def _size(size: Size) -> SizeBody:
    return {"parameters": size.parameters, "multiply_adds": size.multiply_adds, "seconds": size.seconds}


class WidthsBody(TypedDict):
    """A layer's width curve, from most to fewest filters kept; the changes are float32 `(P, 3)`: value, low, high."""

    layer: int
    name: str
    filters: int
    kept: list[int]
    loss: np.ndarray
    accuracy: np.ndarray
    spared: float
    together: list[str]
    reason: str


def build_widths(layer: int, curve: WidthCurve) -> WidthsBody:
    """A layer's width curve."""
    return {
        "layer": layer,
        "name": curve.layer,
        "filters": curve.filters,
        "kept": [point.kept for point in curve.points],
        "loss": _estimates([point.loss_change for point in curve.points]),
        "accuracy": _estimates([point.accuracy_change for point in curve.points]),
        "spared": curve.spared,
        "together": list(curve.together),
        "reason": curve.reason,
    }


def _estimates(estimates: list[Estimate]) -> np.ndarray:
    rows = [(each.value, each.low, each.high) for each in estimates]
    return np.array(rows, np.float32).reshape(-1, 3)
