"""How wide the layers of a net have to be: what it costs when one keeps fewer and fewer filters."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from filterscope.scans.progress import no_progress
from filterscope.surgery.choosing import ROUNDS, Choice
from filterscope.surgery.planning import OnProgress, Patient
from filterscope.verdicts.ablation.effect_table import Estimate
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.result.diagnosis import Diagnosis

SPARED = 0.05
"""Of what the net knows: by so much the loss may surely rise for filters that count as spared."""
LEAST_SHARE, TIMES = 0.1, 2
"""A layer is too wide if such a share of it can be spared at least, and so many times the filters of any other."""
CLEARLY = 0.125
"""Shares that differ by so much differ clearly."""


@dataclass(frozen=True)
class WidthPoint:
    """A layer with fewer filters.

    Attributes:
        kept: How many filters it keeps.
        loss_change: By how much the mean loss rises, in nats, with its 95 % interval.
        accuracy_change: By how much the accuracy changes.

    Example:
        >>> from filterscope import Estimate
        >>> WidthPoint(15, Estimate(0.02, 0.01, 0.03), Estimate(0.0, -0.01, 0.01)).loss_change.value
        0.02
    """

    kept: int
    loss_change: Estimate
    accuracy_change: Estimate


@dataclass(frozen=True)
class WidthCurve:
    """What it costs when a layer keeps fewer and fewer filters, chosen anew each time by what they cost together.

    Attributes:
        layer: The layer's name.
        filters: How many filters it has.
        points: From most to fewest filters kept; empty where none can be removed.
        spared: The share of its filters that can go while the loss surely rises by less than 5 % of what the net knows:
            between two points by the straight line.
        together: Names of other layers that lose filters with it.
        reason: Why none can be removed, or "".

    Example:
        >>> WidthCurve("conv1", 1, (), 0.0, reason="a layer keeps one filter at least").points
        ()
    """

    layer: str
    filters: int
    points: tuple[WidthPoint, ...]
    spared: float
    together: tuple[str, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Widths:
    """Which layers of a net are wider than they have to be, and which is the bottleneck.

    Attributes:
        curves: One for each layer.
        images: On how many images, not used to choose, the costs were measured.
        known: How much the net knows, in nats an image.

    Example:
        >>> from filterscope import demo, diagnose
        >>> found = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=200, ablation=False, progress=False)
        >>> [point.kept for point in found.widths(layers="conv2").curves[0].points]
        [17, 15, 12, 10, 7, 5, 2]
    """

    curves: tuple[WidthCurve, ...]
    images: int
    known: float

    @property
    def too_wide(self) -> str | None:
        """The layer that has most filters to spare; None where another has half as many, or they are few of its own.

        Filters are counted, not shares: of two layers that spare a third, the wide one is where a net becomes smaller.
        """
        curves = sorted(self._sorted(), key=_to_spare)
        if not curves or curves[-1].spared < LEAST_SHARE or _to_spare(curves[-1]) < 1:
            return None
        if len(curves) > 1 and _to_spare(curves[-1]) < TIMES * _to_spare(curves[-2]):
            return None
        return curves[-1].layer

    @property
    def bottleneck(self) -> str | None:
        """The layer of which least is spared; None where all spare about as much."""
        return self._sorted()[0].layer if self._differ() else None

    def _differ(self) -> bool:
        curves = self._sorted()
        return len(curves) > 1 and curves[-1].spared - curves[0].spared >= CLEARLY

    def _sorted(self) -> list[WidthCurve]:
        """Layers that lose their filters together are one, by the name of the first."""
        firsts: list[WidthCurve] = []
        counted: set[str] = set()
        for curve in self.curves:
            if curve.points and curve.layer not in counted:
                firsts.append(curve)
                counted.update(curve.together)
        return sorted(firsts, key=lambda curve: curve.spared)

    def __str__(self) -> str:
        lines = [
            f"{curve.layer}: {curve.spared:.0%} of {curve.filters} filters are spared"
            if curve.points
            else f"{curve.layer}: no filter can be removed: it {curve.reason}"
            for curve in self.curves
        ]
        return "\n".join([*lines, *self._conclusion()])

    __repr__ = __str__

    def _conclusion(self) -> list[str]:
        curves = self._sorted()
        if not curves:
            return ["No layer can be made narrower."]
        lines = [
            f"Measured on {self.images:,} images that were not used to choose; spared is what can go while the loss "
            f"surely rises by less than {SPARED:.0%} of the {self.known:.3g} nats that the net knows."
        ]
        wide = next((curve for curve in curves if curve.layer == self.too_wide), None)
        if wide is not None:
            others = f", at least {TIMES} times as many as of any other layer" if len(curves) > 1 else ""
            count = f"{_to_spare(wide):.0f} of its {wide.filters} filters can be spared"
            lines.append(f"{wide.layer} is wider than it has to be: {count}{others}.")
        elif len(curves) > 1:
            lines.append(f"No layer stands out as too wide, with {TIMES} times the filters to spare of any other.")
        if self.bottleneck is not None:
            lines.append(f"{self.bottleneck} is the bottleneck, with the least share to spare.")
        return lines

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(curve.layer)}</td><td style='text-align:right'>{curve.filters}</td>"
            f"<td style='text-align:right'>{curve.spared:.0%}</td><td style='text-align:left'>"
            + escape(", ".join(f"{p.kept}: {100 * p.accuracy_change.value:+.1f}" for p in curve.points) or curve.reason)
            + "</td></tr>"
            for curve in self.curves
        )
        head = (
            "<tr><th>layer</th><th>filters</th><th>spared</th>"
            "<th style='text-align:left'>filters kept: points of accuracy</th></tr>"
        )
        words = "".join(f"<p>{escape(line)}</p>" for line in self._conclusion())
        return f"<div>{words}<table>{head}{rows}</table></div>"


def _to_spare(curve: WidthCurve) -> float:
    return curve.spared * curve.filters


def find_widths(diagnosis: Diagnosis, layers: Any, images: int, progress: OnProgress = no_progress) -> Widths:
    """See `Diagnosis.widths`."""
    patient = Patient.of(diagnosis, images)
    patient.check_measurable()
    chosen = patient.layer_indices(layers if layers is not None else list(diagnosis.examination.layers))
    known = _known(patient)
    curves = []
    for place, layer in enumerate(chosen):
        progress("layers", place, len(chosen))
        curves.append(width_curve(patient, layer))
    progress("layers", len(chosen), len(chosen))
    return Widths(tuple(curves), len(patient.measured_on), known)


def _known(patient: Patient) -> float:
    knowledge = patient.diagnosis.examination.knowledge
    if not isinstance(knowledge, Knowledge):
        raise ValueError("the net's output is not one score a class, so there is no loss to measure widths by")
    return knowledge.learned()[0]


def width_curve(patient: Patient, layer: int) -> WidthCurve:
    """The curve of one layer.

    Raises:
        ValueError: If the net's output is not one score a class.
    """
    known = _known(patient)
    structure, record = patient.structure, patient.runner.layers[layer]
    name = patient.name(layer)
    candidates = structure.removable([layer])
    if len(candidates) < 2:
        reason = structure.groups[structure.group_of(layer, 0)].reason or "has one group of filters, which must stay"
        return WidthCurve(name, record.out_channels, (), 0.0, (), reason)
    choice = Choice(patient, [layer], "filters", no_progress)
    points: list[WidthPoint] = []
    others: set[int] = set()
    for number in range(1, ROUNDS):
        most = number / ROUNDS * record.out_channels
        if not choice.round(lambda most=most: choice.gone_filters >= most):  # type: ignore[misc]
            break
        gone = choice.removal.gone
        kept = record.out_channels - sum(len([f for f in structure.groups[g].filters if f[0] == layer]) for g in gone)
        if points and points[-1].kept == kept:
            continue
        others |= {other for g in gone for other, _ in structure.groups[g].filters if other != layer}
        effect = patient.change(gone, patient.measured_on, no_progress)
        points.append(WidthPoint(kept, effect.loss_change, effect.accuracy_change))
    together = tuple(patient.name(other) for other in sorted(others))
    return WidthCurve(
        name, record.out_channels, tuple(points), _spared(points, record.out_channels, SPARED * known), together
    )


def _spared(points: list[WidthPoint], filters: int, bound: float) -> float:
    """The share of filters at which the upper end of the rise passes a bound, by straight lines between the points."""
    shares = [0.0, *(1 - point.kept / filters for point in points)]
    rises = [0.0, *(point.loss_change.high for point in points)]
    for place in range(1, len(shares)):
        if not rises[place] <= bound:
            before, after = rises[place - 1], rises[place]
            part = (bound - before) / (after - before) if np.isfinite(after) and after > before else 0.0
            return float(shares[place - 1] + max(part, 0.0) * (shares[place] - shares[place - 1]))
    return shares[-1]
