"""How far did the filter go from where it started?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.weights.start import (
    CANT_TELL,
    LEFT,
    NEVER_LEFT,
    NOT_GIVEN,
    SCALED,
    Start,
    judge_start,
)


@dataclass(frozen=True)
class StartAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    start: str
    start_distance: float
    start_share: float
    start_reason: str


def _judge(evidence: LayerEvidence) -> list[StartAnswer]:
    return [StartAnswer(start.verdict, start.distance, start.share, start.reason) for start in _of_filters(evidence)]


def _of_filters(evidence: LayerEvidence) -> list[Start]:
    given, index = evidence.examination.start, evidence.index
    if given is None:
        return [Start(NOT_GIVEN)] * len(evidence)
    if index not in given.kernels:
        return [Start(CANT_TELL, reason=given.missing[index])] * len(evidence)
    return judge_start(evidence.layer.kernels, given.kernels[index], given.spacing[index])


def _sentence(answer: StartAnswer) -> str:
    if answer.start == CANT_TELL:
        return f"How far it went from its start: can't tell; {answer.start_reason}."
    if answer.start == NEVER_LEFT:
        return "It never left its start."
    if answer.start == SCALED:
        return "It was only scaled since its start, as weight decay alone does: its direction is still random."
    if answer.start == LEFT:
        return f"It went {answer.start_share:.2f} times as far from its start as the layer's filters do."
    return ""


def _summary(answers: Sequence[StartAnswer]) -> list[str]:
    counts = Counter(answer.start for answer in answers)
    return [f"{counts[start]} {start}" for start in (NEVER_LEFT, SCALED) if counts[start]]


def _cell(answer: StartAnswer) -> str:
    if answer.start == NOT_GIVEN:
        return ""
    return f"{answer.start} (×{answer.start_share:.2f})" if answer.start == LEFT else answer.start


START = Axis(
    StartAnswer,
    _judge,
    sentence=_sentence,
    remark=lambda answer: f"It {answer.start}." if answer.start == NEVER_LEFT else "",
    summary=_summary,
    cells=(Cell("structure", _cell),),
    badge=("start",),
)
