"""Does the filter say anything about the images at all?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from filterscope.verdicts.activations.state import LIVE
from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence


@dataclass(frozen=True)
class StateAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    state: str
    state_reason: str


def _judge(evidence: LayerEvidence) -> list[StateAnswer]:
    return [StateAnswer(state.verdict, state.reason) for state in evidence.states]


def _sentence(answer: StateAnswer) -> str:
    return f"{answer.state.capitalize()}: {answer.state_reason}." if answer.state != LIVE else ""


def _summary(answers: Sequence[StateAnswer]) -> list[str]:
    counts = Counter(answer.state for answer in answers)
    return [f"{count} {state}" for state, count in counts.items() if state != LIVE]


STATE = Axis(
    StateAnswer,
    _judge,
    sentence=_sentence,
    summary=_summary,
    cells=(Cell("state", lambda answer: answer.state),),
    badge=("state",),
)
