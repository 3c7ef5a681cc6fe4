"""What does the net lose without the filter?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.scoring import ScoreKnowledge
from filterscope.verdicts.ablation.use import HARMFUL, NO_USE, USED, WITHHELD, Use, gate, judge_use
from filterscope.verdicts.axes.axis import Axis, Cell, signed
from filterscope.verdicts.axes.layer import LayerEvidence

_MARKS = {USED: "▲", HARMFUL: "▼", NO_USE: "–", WITHHELD: "?"}  # beside the words, never instead of them


@dataclass(frozen=True)
class UseAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    use: str
    taylor: float
    estimate: float
    estimated_rise: float
    rank: int | None
    delta_loss: float
    ci_low: float
    ci_high: float
    share: float
    hurts_most: str | None
    class_rise: float
    ablated: int
    use_reason: str
    labelled: bool
    score: str


def _judge(evidence: LayerEvidence) -> list[UseAnswer]:
    uses = _uses(evidence)
    ranks = _ranks(uses, evidence.estimates) if not gate(evidence.knowledge) else [None] * len(uses)
    return [_answer(evidence, index, use, rank) for index, (use, rank) in enumerate(zip(uses, ranks, strict=True))]


def _uses(evidence: LayerEvidence) -> list[Use]:
    if evidence.statistics is None:
        return [Use(WITHHELD, reason=evidence.not_seen)] * len(evidence)
    if evidence.ablation is None and not evidence.ablation_asked and not gate(evidence.knowledge):
        reason = "ablation=False, and an estimate ranks filters but decides nothing"
        return [Use(WITHHELD, reason=reason)] * len(evidence)
    uses = judge_use(evidence.ablation, evidence.knowledge)
    return [uses] * len(evidence) if isinstance(uses, Use) else uses


def _ranks(uses: list[Use], estimates: np.ndarray) -> list[int | None]:
    """Each filter's place, 1 for the most, by what was measured of all of them or else by the estimate."""
    values = np.array([use.delta_loss for use in uses])
    if np.isnan(values).any():
        values = estimates
    if np.isnan(values).any():
        return [None] * len(values)
    places = np.empty(len(values), int)
    places[np.argsort(-values, kind="stable")] = np.arange(1, len(values) + 1)
    return [int(place) for place in places]


def _answer(evidence: LayerEvidence, index: int, use: Use, rank: int | None) -> UseAnswer:
    seen = evidence.statistics
    hurts_most, class_rise = _hurts(evidence, index)
    return UseAnswer(
        use=use.verdict,
        taylor=float(seen.taylor[index] / seen.taylor_images) if seen is not None and seen.taylor_images else np.nan,
        estimate=float(evidence.estimates[index]),
        estimated_rise=float(evidence.estimated_rises[index]) if not gate(evidence.knowledge) else np.nan,
        rank=rank,
        delta_loss=use.delta_loss,
        ci_low=use.ci_low,
        ci_high=use.ci_high,
        share=use.share,
        hurts_most=hurts_most,
        class_rise=class_rise,
        ablated=use.images,
        use_reason=use.reason,
        labelled=bool(evidence.examination.labelled),
        score=evidence.knowledge.name if isinstance(evidence.knowledge, ScoreKnowledge) else "",
    )


def _hurts(evidence: LayerEvidence, index: int) -> tuple[str | None, float]:
    """The class whose loss rises most without a filter, and by how much."""
    ablation = evidence.ablation
    if ablation is None:
        return None, np.nan
    means = {number: ablation.of_class(number, index).mean for number in sorted(ablation.by_class)}
    rising = {number: mean for number, mean in means.items() if mean > 0}
    if not rising:
        return None, np.nan
    worst = max(rising, key=rising.__getitem__)
    return evidence.class_names[worst], rising[worst]


def _sentence(answer: UseAnswer) -> str:
    if answer.use == WITHHELD:
        place = f" By the estimate it has place {answer.rank} in its layer." if answer.rank is not None else ""
        if answer.rank is not None and not np.isnan(answer.estimated_rise):
            changes = "the loss would change by" if answer.labelled else "the net's output would move by"
            place += f" Estimated from gradients, without it {changes} {signed(answer.estimated_rise)} nats."
        return f"Use withheld: {answer.use_reason}.{place}"
    span = f"95 %: {signed(answer.ci_low)} to {signed(answer.ci_high)}, {answer.ablated:,} images"
    changes = "the loss changes by" if answer.labelled else "no labels: the net's output moves by"
    measured = f"without it {changes} {signed(answer.delta_loss)} nats ({span})"
    if answer.score:
        against = "" if answer.labelled else " against the intact net's output"
        measured = f"without it {answer.score}{against} changes by {signed(-answer.delta_loss)} ({_of_score(answer)})"
    if answer.use == NO_USE:
        return f"No measurable use: {measured}."
    sentence = f"{answer.use.capitalize()}: {measured}, {abs(answer.share):.1%} of what the net knows"
    if answer.hurts_most is not None:
        sentence += f"; most for {answer.hurts_most} ({signed(answer.class_rise)})"
    return f"{sentence}."


def _of_score(answer: UseAnswer) -> str:
    return f"95 %: {signed(-answer.ci_high)} to {signed(-answer.ci_low)}, {answer.ablated:,} images"


def _summary(answers: Sequence[UseAnswer]) -> list[str]:
    counts = Counter(answer.use for answer in answers)
    phrases = [f"{counts[use]} {use}" for use in (USED, HARMFUL, NO_USE) if counts[use]]
    return [*phrases, "use withheld"] if counts[WITHHELD] == len(answers) else phrases


def _change(answer: UseAnswer) -> str:
    if not np.isnan(answer.delta_loss):
        return f"{signed(answer.delta_loss, 2)} ({signed(answer.ci_low, 2)} … {signed(answer.ci_high, 2)})"
    return "" if answer.rank is None else f"place {answer.rank} by estimate"


USE = Axis(
    UseAnswer,
    _judge,
    sentence=_sentence,
    summary=_summary,
    cells=(
        Cell("use", lambda answer: f"{_MARKS[answer.use]} {answer.use}"),
        Cell("change of loss without it", _change, "number"),
    ),
    badge=("use", "delta_loss", "estimate"),
)
