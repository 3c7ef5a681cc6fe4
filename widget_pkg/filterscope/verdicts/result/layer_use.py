"""How much of a layer is needed, in words, and what a set of its filters would cost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.effect_table import Estimate
from filterscope.verdicts.ablation.together import SPARED, surely_used
from filterscope.verdicts.ablation.use import gate, interval, p_rise
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.chance import t_exceeded


@dataclass(frozen=True)
class LayerUse:
    """How much of a layer is needed.

    Single effects do not add up, so the least used filters were ablated together, on images that had no part in
    choosing them. They were chosen in joint order; see `Diagnosis.order`.

    Attributes:
        filters: How many filters the layer has.
        at_least_used: How many of them the net uses at least, with 95 % confidence (closed testing with Simes's test
            over the single rises); None where they were not ablated, or there are no labels.
        together: The filters that were ablated together, the least used first.
        rise: By how much the loss rises without all of them, with its 95 % interval; None where it was not measured.
        share: The rise as a share of what the net knows.
        at_most: What that share surely is at most, with 95 % confidence.
        images: On how many images that was measured.

    Example:
        >>> from filterscope import demo, diagnose
        >>> diagnosis = diagnose(demo.fashion_net(), demo.fashion_test_data(), images=400, progress=False)
        >>> use = diagnosis.layer_uses["conv2"]
        >>> use.filters, 0 < use.at_least_used < 20, 11 in use.together
        (20, True, True)
    """

    filters: int
    at_least_used: int | None = None
    together: tuple[int, ...] = ()
    rise: Estimate | None = None
    share: float = np.nan
    at_most: float = np.nan
    images: int = 0

    def __str__(self) -> str:
        """In words, without full stop; "" where nothing was measured."""
        return "; ".join(filter(None, [self._used(), self._together()]))

    def _used(self) -> str:
        return "" if self.at_least_used is None else f"at least {self.at_least_used} of {self.filters} used"

    def _together(self) -> str:
        if self.rise is None:
            return ""
        count = len(self.together)
        filters = f"the {count} least used together" if count > 1 else "the least used one"
        where = f"measured {'together ' if count > 1 else ''}on {self.images} other images"
        if self.at_most < SPARED:
            verb = "cost" if count > 1 else "costs"
            return f"{filters} {verb} less than {SPARED:.0%} of what the net knows ({where})"
        even = "even " if count <= max(1, self.filters // 12) else ""
        return f"{even}{filters} may cost {self.at_most:.1%} of what the net knows ({self.share:.1%} {where})"


def layer_use(evidence: LayerEvidence) -> LayerUse:
    """How much of a layer is needed, as far as it was measured."""
    knowledge = evidence.knowledge
    if knowledge is None or gate(knowledge) or evidence.statistics is None:
        return LayerUse(len(evidence))
    used = None
    if evidence.ablation is not None and knowledge.labelled:
        p = np.array([p_rise(rise) for rise in evidence.ablation.rises])
        used = surely_used(p) if len(p) and not np.isnan(p).all() else None
    joint = evidence.examination.joint.get(evidence.index)
    if joint is None or joint.rise.images < 2:
        return LayerUse(len(evidence), used)
    rise, known = joint.rise, knowledge.learned()[0]
    at_most = (rise.mean + t_exceeded(0.05, rise.freedom) * rise.error) / known
    measured = Estimate(rise.mean, *interval(rise))
    return LayerUse(len(evidence), used, joint.filters, measured, rise.mean / known, at_most, rise.images)


@dataclass(frozen=True)
class JointEstimate:
    """What a set of filters costs together, estimated from linearised logits, before any pass without them.

    It is mostly too low: of sets of up to a quarter of a layer it came out at .4 to 1.2 of what is measured, the median
    .8, and of larger ones lower (`tests/benchmarks/use_report.md`).

    Attributes:
        layer: The layer's name.
        filters: The filters.
        rise: By how much the loss rises, in nats an image; its interval is over images alone, not for that error.
        share: The rise as a share of what the net knows.
        images: On how many images it was estimated.

    Example:
        >>> from filterscope import demo, diagnose
        >>> data = demo.fashion_test_data()
        >>> diagnosis = diagnose(demo.fashion_net(), data, images=64, ablation=False, progress=False)
        >>> cost = diagnosis.cost_together("conv2", [3, 7, 12])
        >>> cost.filters, cost.rise.value > 0
        ((3, 7, 12), True)
    """

    layer: str
    filters: tuple[int, ...]
    rise: Estimate
    share: float
    images: int

    def __str__(self) -> str:
        those = f"filter {self.filters[0]}" if len(self.filters) == 1 else f"these {len(self.filters)} filters together"
        return (
            f"{self.layer} without {those}: loss {self.rise.value:+.3g} nats, {self.share:.1%} of what the net knows; "
            f"estimated from gradients on {self.images:,} images, not measured"
        ).replace("-", "−")


def joint_estimate(evidence: LayerEvidence, layer: str, filters: tuple[int, ...]) -> JointEstimate:
    """Estimates what a set of filters costs together.

    Raises:
        ValueError: If nothing is known to estimate it from.
    """
    linearised = evidence.examination.linearised(evidence.index)
    knowledge = evidence.knowledge
    if not linearised.images or knowledge is None:
        reason = gate(knowledge) or evidence.examination.no_gradient or "no gradients were kept"
        raise ValueError(f"what filters of {layer} cost together cannot be estimated: {reason}")
    rises = linearised.joint_rises(filters)
    count, mean = len(rises), float(rises.mean())
    half = t_exceeded(0.025, count - 1) * float(rises.std(ddof=1)) / np.sqrt(count) if count > 1 else np.nan
    known = knowledge.learned()[0]
    share = mean / known if known > 0 else np.nan
    return JointEstimate(layer, filters, Estimate(mean, mean - half, mean + half), share, count)
