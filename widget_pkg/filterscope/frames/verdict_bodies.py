"""What the messages about verdicts hold; `frames.verdicts` builds them."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

import numpy as np

Status = Literal["running", "done", "cancelled", "failed"]


BadgeBody = dict[str, str | int | float | None]
"""What the grid shows of a filter, and is sorted by: what each axis names for it (`verdicts.result.verdict`)."""


class NoVerdictsBody(TypedDict):
    """There was no diagnosis yet."""

    layer: int
    status: Literal["none"]
    images_in_all: int
    number: int
    filters: list[BadgeBody]


class ProgressBody(TypedDict):
    """A `TaskProgress`."""

    stage: str
    done: int
    total: int
    per_second: float
    seconds_left: float | None
    seconds_after: float | None


class VerdictsBody(TypedDict):
    """How far a diagnosis is, and what it says of a layer; `filters` is None where the page has that `number`."""

    layer: int
    status: Status
    error: str | None
    progress: ProgressBody
    images: int
    asked: int
    images_in_all: int
    earlier: bool
    number: int
    summary: str
    knowledge: str
    notes: list[str]
    filters: list[BadgeBody] | None


class ChanceBody(TypedDict):
    """A `Chance`."""

    low: float
    high: float
    mark: float
    random: np.ndarray
    alike: np.ndarray | None


class LooksBody(TypedDict):
    """The pattern that a filter has most of, the template nearest to it, and what chance gives."""

    pattern: np.ndarray
    template: np.ndarray
    chance: ChanceBody | None


class ClassRisesBody(TypedDict):
    """By class, how much the loss rises without a filter."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    fewest: int


class PartnerBody(TypedDict):
    """The filter that a filter is a copy or mirror of."""

    filter: int
    kernel: np.ndarray


class VerdictBody(TypedDict):
    """One filter with its evidence; `verdict` is its `FilterVerdict.row`."""

    number: int
    layer: int
    filter: int
    verdict: dict[str, Any]
    words: str
    looks: LooksBody | None
    structure_chance: ChanceBody | None
    classes: list[str]
    class_rise: ClassRisesBody | None
    kernel: np.ndarray | None
    partner: PartnerBody | None


class JointEstimateBody(TypedDict):
    """What filters cost together, estimated from gradients, in nats and as a share of what the net knows."""

    rise: float
    share: float | None
    images: int


class WithoutBody(TypedDict):
    """A prediction before and after some filters were replaced, best first."""

    layer: str
    filters: list[int]
    replaced_by: str
    values: list[float | None]
    mean_images: int
    image: int
    estimate: JointEstimateBody | None
    before: list[tuple[str | int, float | None, float | None]]
    after: list[tuple[str | int, float | None]]


class EstimateBody(TypedDict):
    """An `Estimate`."""

    value: float
    low: float | None
    high: float | None


class ClassEffectBody(TypedDict):
    """What the images of one class lose."""

    name: str
    images: int
    accuracy_change: EstimateBody


class EffectBody(TypedDict):
    """An `Effect`."""

    images: int
    labelled: bool
    accuracy_before: float
    accuracy_after: float
    accuracy_change: EstimateBody
    loss_before: float
    loss_after: float
    loss_change: EstimateBody
    classes: list[ClassEffectBody]
    notes: list[str]
    score: str


class FilterEffectsBody(TypedDict):
    """How far the effects of a layer's filters on one prediction are, and, once they are there, these.

    `effects` is float32 `(F,)`, see `FilterEffects.values`.
    """

    image: int
    layer: int
    status: Status
    error: str | None
    progress: ProgressBody
    predicted: str | int | None
    effects: np.ndarray | None


class MeasurementBody(TypedDict):
    """How far a measurement over many images is, and what came out of it."""

    status: Status
    error: str | None
    progress: ProgressBody
    effect: EffectBody | None
