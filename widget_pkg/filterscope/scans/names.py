"""Names of filters: the class, pair of classes or attribute that a filter's maxima tell best from all other images.

After Bykov et al., Labeling Neural Representations with Inverse Recognition (INVERT), NeurIPS 2023, whose measure is
the area under the ROC curve (AUC), and which needs no masks. Two things are added. Filters that have learned nothing
tell classes, too, as classes differ in brightness and edges: over 10,000 images nearly every random filter's AUC is far
above 0.5. So a name is given only where the AUC is above what filters reach whose weights are in random order. And
attributes that need no labels are tried beside the classes, so that it is said where brightness tells as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from filterscope.scans.attributes import ATTRIBUTES
from filterscope.scans.candidates import (
    LEAST_IMAGES,
    LEAST_SHUFFLED,
    Candidates,
    LayerEvidence,
    adjusted,
    p_shuffled,
    varies,
)
from filterscope.scans.exemplars import ranked
from filterscope.scans.identity import LayerIdentity
from filterscope.scans.piece import Label
from filterscope.scans.ranks import Groups
from filterscope.scans.state import Column, ScanState

ALPHA = 0.05
"""The chance, at most, that any filter of an untrained net gets a name."""

_TOO_FEW = f"fewer than {LEAST_SHUFFLED} filters with shuffled weights tell it; ask for more: names(shuffles=20)"
_TOP = 100  # images whose precision is told
_GOES_WITH = 0.1  # an attribute whose AUC is that far from 0.5 goes with the filter, too


@dataclass(frozen=True)
class Name:
    """What a filter fires for, as far as classes and attributes tell; no verdict on whether it has learned anything.

    Attributes:
        layer: The layer's title.
        filter: The filter.
        name: What it fires for, as `"Sandal or Bag"` or `"bright images"`; None where nothing stands out, and where it
            cannot be told.
        best: What its maxima tell best, whether that stands out or not; None where it cannot be told.
        classes: The classes in `best`: one, two, or none where it is an attribute.
        auc: How often an image of `best` has a greater maximum than any other image, equal ones counted by half.
        p: The chance of such an AUC where the maxima know nothing of `best` (Mann and Whitney).
        p_shuffled: The chance that a filter whose weights are in random order tells anything as well as this; NaN where
            it is not known.
        p_holm: The greater of both, adjusted for all that was tried, and for all filters by Holm's procedure.
        precision: The share of `best` among the 100 images with the greatest maxima.
        base_rate: Its share among all images.
        attributes: For each attribute the AUC with which the maxima tell images above its median from the others.
        sentence: All this in words.

    Example:
        >>> from filterscope import demo, scan
        >>> found = scan(demo.fashion_net(), demo.fashion_test_data(), images=500, progress=False)
        >>> name = found.names("conv2", progress=False)[3]
        >>> name.layer, name.filter, 0.5 < name.auc <= 1, sorted(name.attributes)[0]
        ('conv2', 3, True, 'brightness')
    """

    layer: str
    filter: int
    name: str | None
    best: str | None
    classes: tuple[Label, ...]
    auc: float
    p: float
    p_shuffled: float
    p_holm: float
    precision: float
    base_rate: float
    attributes: Mapping[str, float]
    sentence: str


@dataclass(frozen=True, eq=False)
class Evidence:
    """What names are told by.

    Attributes:
        candidates: What filters may fire for.
        layers: The layers.
        own: How well their filters tell each candidate.
        p_shuffled: Of each layer, the chance that a filter whose weights are in random order tells it as well.
        cause: Why that is not known, a sentence without full stop; "" where it is.
    """

    candidates: Candidates
    layers: tuple[LayerIdentity, ...]
    own: tuple[LayerEvidence, ...]
    p_shuffled: tuple[np.ndarray, ...]
    cause: str

    @classmethod
    def of(
        cls,
        state: ScanState,
        layers: Sequence[LayerIdentity],
        classes: tuple[Label, ...],
        shuffled: Sequence[ScanState],
        cause: str = "",
    ) -> Evidence:
        """The evidence of a scan of these layers.

        Args:
            state: The scan.
            layers: Its layers.
            classes: Its classes, in their order.
            shuffled: Scans of shuffled nets.
            cause: Why there are none.
        """
        candidates = Candidates.of(state, classes)
        own = tuple(LayerEvidence.of(state, layer, candidates) for layer in layers)
        null = []
        for layer, of_layer in zip(layers, own, strict=True):
            others = [LayerEvidence.of(other, layer, candidates).auc for other in shuffled]
            null.append(p_shuffled(of_layer.auc, others) if others else np.full(of_layer.auc.shape, np.nan))
        return cls(candidates, tuple(layers), own, tuple(null), cause)


def name_filters(state: ScanState, evidence: Evidence, alpha: float = ALPHA) -> tuple[Name, ...]:
    """Names of all filters of a scan.

    Args:
        state: The scan.
        evidence: How well its filters tell what.
        alpha: The chance, at most, that any filter of an untrained net gets a name.
    """
    groups = evidence.candidates.groups(state)
    p = np.concatenate([own.p for own in evidence.own])
    of_filters = iter(adjusted(p, np.concatenate(evidence.p_shuffled)))
    names = []
    for layer, own, null in zip(evidence.layers, evidence.own, evidence.p_shuffled, strict=True):
        for number in range(layer.filters):
            numbers = own.auc[number], own.p[number], null[number], next(of_filters)
            telling = _Telling(evidence.candidates, groups, state, state.column(layer.index, number), *numbers)
            names.append(telling.name(layer.title, number, alpha, evidence.cause))
    return tuple(names)


@dataclass(frozen=True, eq=False)
class _Telling:
    """How well one filter tells each candidate."""

    candidates: Candidates
    groups: Groups
    state: ScanState
    column: Column
    auc: np.ndarray
    p: np.ndarray
    p_shuffled: np.ndarray
    p_holm: np.ndarray

    def name(self, layer: str, number: int, alpha: float, cause: str) -> Name:
        if np.isnan(self.auc).all():
            nan = float("nan")
            reason = f"can't tell: {self._reason()}"
            return Name(layer, number, None, None, (), nan, nan, nan, nan, nan, nan, {}, reason)
        stands_out = self.p_holm <= alpha
        best = int(np.nanargmax(np.where(stands_out, self.auc, np.nan) if stands_out.any() else self.auc))
        chosen = self.candidates.listed[best]
        inside = self.groups.has(chosen.groups[0]) | self.groups.has(chosen.groups[1])
        of_column = inside[np.searchsorted(self.state.images, self.column.images)]
        order = ranked(self.column, descending=True)
        name = Name(
            layer,
            number,
            chosen.name if stands_out.any() else None,
            chosen.name,
            chosen.classes,
            float(self.auc[best]),
            float(self.p[best]),
            float(self.p_shuffled[best]),
            float(self.p_holm[best]),
            float(of_column[order[:_TOP]].mean()),
            float(of_column[order].mean()),
            {
                ATTRIBUTES[attribute].name: float(self.auc[self.candidates.ends(place)[0]])
                for place, attribute in enumerate(self.candidates.attributes)
            },
            "",
        )
        return replace(name, sentence=self._sentence(name, min(_TOP, len(order)), alpha, cause))

    def _sentence(self, name: Name, top: int, alpha: float, cause: str) -> str:
        if name.name is not None:
            shares = f"{100 * name.precision:.0f} % of its top {top} images, {100 * name.base_rate:.0f} % of all"
            beside = goes_with(name.attributes) if name.classes else ""
            return f"fires for {name.name}: AUC {_short(name.auc)}, {shares}{beside}"
        best = f"the best is {name.best} (AUC {_short(name.auc)})"
        if name.p > alpha:
            return f"nothing stands out: {best}, as chance gives, too"
        if np.isnan(name.p_shuffled):
            return f"can't tell: {best}, and {cause or _TOO_FEW}"
        return f"nothing stands out: {best}, as filters with shuffled weights have it, too"

    def _reason(self) -> str:
        known = int((~np.isnan(self.column.maximum)).sum())
        if known < LEAST_IMAGES:
            return f"{known} images have a maximum, and it takes {LEAST_IMAGES}"
        if not varies(self.column):
            return f"its maximum is the same for all {known:,} images"
        return "no class or attribute has 10 images and leaves out 10"


def goes_with(attributes: Mapping[str, float]) -> str:
    """Which attribute a filter that fires for a class goes with, too, or that it is not brightness.

    Args:
        attributes: For each attribute the AUC of the images above its median.
    """
    told = [attribute for attribute in ATTRIBUTES if not np.isnan(attributes.get(attribute.name, np.nan))]
    if not told:
        return ""
    strongest = max(told, key=lambda attribute: abs(attributes[attribute.name] - 0.5))
    auc = attributes[strongest.name]
    if abs(auc - 0.5) >= _GOES_WITH:
        return f"; also for {strongest.high if auc > 0.5 else strongest.low}: {_short(max(auc, 1 - auc))}"
    return f"; not by {told[0].name}: {_short(attributes[told[0].name])}"


def _short(auc: float) -> str:
    """An AUC as people write it: `.91`."""
    return f"{auc:.2f}".removeprefix("0")
