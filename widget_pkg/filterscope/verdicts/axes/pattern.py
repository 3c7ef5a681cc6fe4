"""What does the filter look for?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.chance import per_100
from filterscope.verdicts.examination import LayerWeights
from filterscope.verdicts.weights.naming import NO_PATTERN, Pattern, name_patterns


@dataclass(frozen=True)
class PatternAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    template: str | None
    name: str | None
    match: float
    p_match: float
    p_template: float
    one_pattern: float
    runner_up: str | None
    times_likelier: float
    name_reason: str


def _from_weights(weights: LayerWeights) -> list[Pattern]:
    if weights.no_verdict:
        return [Pattern(None, None, reason=weights.no_verdict)] * len(weights.kernels)
    return name_patterns(weights.kernels, weights.sees_rgb)


def _judge(evidence: LayerEvidence) -> list[PatternAnswer]:
    return [_answer(pattern) for pattern in evidence.from_weights(_from_weights)]


def _answer(pattern: Pattern) -> PatternAnswer:
    match = pattern.match
    if match is None:
        return PatternAnswer(None, pattern.name, np.nan, np.nan, np.nan, np.nan, None, np.nan, pattern.reason)
    return PatternAnswer(
        template=match.template,
        name=pattern.name,
        match=match.match,
        p_match=match.p_family,
        p_template=match.p_template,
        one_pattern=pattern.shared,
        runner_up=match.runner_up,
        times_likelier=match.times_likelier,
        name_reason=pattern.reason,
    )


def _sentence(answer: PatternAnswer) -> str:
    if answer.name is None:
        return ""
    chance = f"{per_100(answer.p_match)} in 100 random kernels match it as well"
    if answer.name == NO_PATTERN:
        nearest = f"nearest: {answer.template}, {answer.match:.0%}"
        return f"No simple pattern; {nearest}, and {chance}; {answer.name_reason}."
    return f"Looks for: {answer.name} ({answer.match:.0%}; {chance})."


def _cell(answer: PatternAnswer) -> str:
    if answer.name is None:
        return ""
    return f"{answer.name} ({answer.template} {answer.match:.0%}, {per_100(answer.p_match)} in 100)"


PATTERN = Axis(
    PatternAnswer,
    _judge,
    _from_weights,
    _sentence,
    cells=(Cell("looks for", _cell, "words"),),
    badge=("name",),
)
