"""Used, harmful, no measurable use or withheld: what ablation says about a filter, at a false discovery rate of 5 %."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.control import FEWEST_ABLATED, FEWEST_FOR_HARMFUL, ControlledRise
from filterscope.verdicts.ablation.losses import Knowledge
from filterscope.verdicts.ablation.rises import LayerAblation, Rise
from filterscope.verdicts.ablation.sampled import SampledAblation
from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.chance import adjusted, t_above, t_exceeded

USED, HARMFUL, NO_USE, WITHHELD = "used", "harmful", "no measurable use", "withheld"
FALSE_DISCOVERIES = 0.05
FEWEST_IMAGES = 30
P_GATE = 0.01
LEAST_KNOWN = 0.05  # of the loss of guessing; a net that was never trained comes to lie below it by luck
LEAST_SHARE = 0.01  # without labels: a change of the output that counts, of what the net tells apart

FEWEST_OF_CLASS = 50
"""Images of a class below which there is no interval of its rise.

A few images carry most of a rise, so that an interval from few of them is too narrow: of FashionNet's conv2, over all
filters and classes, Student's held the mean of all 1,000 images of a class in 67 of 100 draws of 5 images, in 84 of 30,
88 of 50, 91 of 100 and 93 of 300.
"""


@dataclass(frozen=True)
class Use:
    """What the net loses without a filter.

    Attributes:
        verdict: `"used"`, `"harmful"`, `"no measurable use"` or `"withheld"`.
        delta_loss: Mean rise of the loss, in nats; without labels, mean divergence of the output.
        ci_low: Lower end of its 95 % interval.
        ci_high: Upper end of that interval.
        share: The rise as a share of what the net knows.
        q_used: Benjamini and Hochberg's adjusted p-value of a rise, over the layer.
        q_harmful: Benjamini and Hochberg's adjusted p-value of a fall, over the layer.
        images: Images it was ablated on.
        reason: Why it is withheld, one sentence without full stop, or "".
    """

    verdict: str
    delta_loss: float = np.nan
    ci_low: float = np.nan
    ci_high: float = np.nan
    share: float = np.nan
    q_used: float = np.nan
    q_harmful: float = np.nan
    images: int = 0
    reason: str = ""


def gate(knowledge: Knowledge | ScoreKnowledge | None) -> str:
    """Why the use of filters cannot be judged at all, one sentence without full stop; "" where it can.

    An untrained net has filters whose removal changes its loss significantly, and they mean nothing.
    """
    if knowledge is None:
        return "the net's output is not one score a class, so there is no loss to measure"
    if isinstance(knowledge, ScoreKnowledge):
        return knowledge.gate(FEWEST_IMAGES)
    images = knowledge.images
    if images == 0:
        left_out = knowledge.left_out
        return f"the loss is NaN or infinite for all {left_out} images" if left_out else "no image was seen"
    if images < FEWEST_IMAGES:
        return f"{images} images are too few; {FEWEST_IMAGES} are needed"
    nats, p = knowledge.learned()
    if not knowledge.labelled:
        least = LEAST_KNOWN * np.log(len(knowledge.count))
        if nats < least:
            return f"there are no labels, and the net hardly tells these images apart ({nats:.3g} nats of {least:.2g})"
        return ""
    if (knowledge.count > 0).sum() < 2:
        return "all images are of one class, so that knowing it is nothing"
    guess = knowledge.guessing()
    if p >= P_GATE or nats < LEAST_KNOWN * guess:
        return (
            f"the net's loss on these images, {knowledge.mean_loss:.3g}, is not clearly below that of guessing, "
            f"{guess:.3g}: it has learned too little, or its labels are others than these"
        )
    return ""


def judge_use(
    ablation: LayerAblation | SampledAblation | None, knowledge: Knowledge | ScoreKnowledge | None
) -> list[Use] | Use:
    """Judges each filter of a layer; one result for all where nothing was ablated.

    One-sided paired t-tests over images, one for a rise and one for a fall, each adjusted over the layer's filters.
    Without labels a divergence can only rise: then used means that its interval lies above 1 % of what the net tells
    apart, and nothing is ever called harmful.
    """
    reason = gate(knowledge)
    if reason:
        return Use(WITHHELD, reason=reason)
    assert knowledge is not None
    if ablation is None:
        return Use(WITHHELD, reason="no filter was ablated")
    images = max((rise.images for rise in ablation.rises), default=0)
    sampled = isinstance(ablation, SampledAblation)
    fewest = FEWEST_ABLATED if sampled else FEWEST_IMAGES
    if images < fewest:
        reason = f"{images} images are too few; {fewest} are needed"
        if sampled and not images:
            reason = "no filter of the layer was ablated"
        elif sampled:
            reason = f"each filter was ablated on {images} images, which are too few; {fewest} are needed"
        return Use(WITHHELD, images=images, reason=reason)
    (known, _), labelled = knowledge.learned(), knowledge.labelled
    rises: Sequence[Rise | ControlledRise] = ablation.rises
    up = adjusted(np.array([p_rise(rise) for rise in rises]))
    down = adjusted(np.array([p_rise(rise, -1) for rise in rises]))
    return [_judge(rise, known, labelled, up[k], down[k]) for k, rise in enumerate(rises)]


def p_rise(rise: Rise | ControlledRise, sign: int = 1) -> float:
    """One-sided p-value of a rise, or with sign −1 of a fall; NaN of too few images."""
    sampled = isinstance(rise, ControlledRise)
    fewest = FEWEST_IMAGES if not sampled else FEWEST_ABLATED if sign > 0 else FEWEST_FOR_HARMFUL
    if rise.images < fewest:
        return np.nan
    if rise.error == 0:
        return 0.0 if sign * rise.mean > 0 else 1.0
    return t_above(sign * rise.mean / rise.error, rise.freedom)


def interval(rise: Rise | ControlledRise) -> tuple[float, float]:
    """95 % interval of a mean rise; NaN below two images."""
    if rise.images < 2 or np.isnan(rise.error):
        return np.nan, np.nan
    half = t_exceeded(0.025, rise.freedom) * rise.error
    return rise.mean - half, rise.mean + half


def class_interval(rise: Rise) -> tuple[float, float]:
    """95 % interval of a mean rise over the images of one class; NaN below `FEWEST_OF_CLASS` of them."""
    return interval(rise) if rise.images >= FEWEST_OF_CLASS else (np.nan, np.nan)


def _judge(rise: Rise | ControlledRise, known: float, labelled: bool, q_used: float, q_harmful: float) -> Use:
    low, high = interval(rise)
    if np.isnan(q_used):
        reason = f"only {rise.images} of its images gave a finite loss"
        return Use(WITHHELD, rise.mean, low, high, images=rise.images, reason=reason)
    if not labelled:
        verdict = USED if low > LEAST_SHARE * known else NO_USE
        return Use(verdict, rise.mean, low, high, rise.mean / known, images=rise.images)
    verdict = USED if q_used <= FALSE_DISCOVERIES else HARMFUL if q_harmful <= FALSE_DISCOVERIES else NO_USE
    return Use(verdict, rise.mean, low, high, rise.mean / known, float(q_used), float(q_harmful), rise.images)
