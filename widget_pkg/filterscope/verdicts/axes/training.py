"""Did training pull on the filter?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from filterscope.verdicts.activations.training import PULLED
from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.chance import per_100


@dataclass(frozen=True)
class TrainingAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    training: str
    p_training: float
    training_reason: str


def _judge(evidence: LayerEvidence) -> list[TrainingAnswer]:
    judged = evidence.examination.training(evidence.index)
    return [TrainingAnswer(training.verdict, training.p, training.reason) for training in judged]


def _sentence(answer: TrainingAnswer) -> str:
    if answer.training != PULLED:
        return f"Pulled on by training: can't tell from its input; {answer.training_reason}."
    return (
        f"Training pulled on it: {per_100(answer.p_training)} in 100 random filters look as much along what varies in "
        "the same input."
    )


def _summary(answers: Sequence[TrainingAnswer]) -> list[str]:
    count = sum(answer.training == PULLED for answer in answers)
    return [f"{count} pulled on by training"] if count else []


TRAINING = Axis(
    TrainingAnswer,
    _judge,
    sentence=_sentence,
    summary=_summary,
    cells=(Cell("structure", lambda answer: "↗ pulled on" if answer.training == PULLED else ""),),
    badge=("training",),
)
