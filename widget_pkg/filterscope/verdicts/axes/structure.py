"""Is the filter structured, or random noise?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.chance import per_100
from filterscope.verdicts.examination import LayerWeights
from filterscope.verdicts.weights.structure import CANT_TELL, NOISE_LIKE, STRUCTURED, Structure, judge_structure

_MARKS = {STRUCTURED: "●", NOISE_LIKE: "○", CANT_TELL: "?"}  # beside the words, never instead of them


@dataclass(frozen=True)
class StructureAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    structure: str
    p_structured: float
    p_noise: float
    noise_score: float
    structure_reason: str


def _from_weights(weights: LayerWeights) -> list[Structure]:
    if weights.no_verdict:
        return [Structure(CANT_TELL, reason=weights.no_verdict)] * len(weights.kernels)
    return judge_structure(weights.kernels, weights.groups)


def _judge(evidence: LayerEvidence) -> list[StructureAnswer]:
    return [
        StructureAnswer(
            structure.verdict, structure.p_structured, structure.p_noise, structure.noise_score, structure.reason
        )
        for structure in evidence.from_weights(_from_weights)
    ]


def _sentence(answer: StructureAnswer) -> str:
    if answer.structure == STRUCTURED:
        return f"Structured: {per_100(answer.p_structured)} in 100 random filters look so."
    if answer.structure == CANT_TELL:
        return f"Structured or noise: can't tell; {answer.structure_reason}."
    return (
        f"Noise-like: it differs from what the layer's filters share ({per_100(answer.p_noise)} in 100 of such would "
        f"differ as much), and {per_100(answer.p_structured)} in 100 random filters look as structured."
    )


def _summary(answers: Sequence[StructureAnswer]) -> list[str]:
    words = {CANT_TELL: "can't tell (structured or noise)"}
    counts = Counter(answer.structure for answer in answers).most_common()
    return [f"{count} of {len(answers)} {words.get(structure, structure)}" for structure, count in counts]


STRUCTURE = Axis(
    StructureAnswer,
    _judge,
    _from_weights,
    _sentence,
    summary=_summary,
    cells=(Cell("structure", lambda answer: f"{_MARKS[answer.structure]} {answer.structure}"),),
    badge=("structure",),
)
