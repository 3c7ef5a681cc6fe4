"""Does the filter say what another of its layer says, or the opposite?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.ablation.rises import Rise
from filterscope.verdicts.ablation.use import FEWEST_IMAGES
from filterscope.verdicts.activations.duplicates import Pair, find_mirrors
from filterscope.verdicts.activations.state import LIVE
from filterscope.verdicts.axes.axis import Axis, Cell, signed
from filterscope.verdicts.axes.layer import LayerEvidence

_MERGE_COST = 0.01  # of the loss of guessing: what one map for both may cost at most


@dataclass(frozen=True)
class DuplicateAnswer:
    """The columns of this axis; see `FilterVerdict`."""

    duplicate_of: int | None
    mirror_of: int | None
    correlation: float
    merge_cost: float


def _judge(evidence: LayerEvidence) -> list[DuplicateAnswer]:
    if evidence.statistics is None:
        return [DuplicateAnswer(None, None, np.nan, np.nan)] * len(evidence)
    pairs = {pair.filter: pair for pair in evidence.examination.pairs(evidence.index) if _confirmed(pair, evidence)}
    live = np.array([state.verdict == LIVE for state in evidence.states])
    dynamic = evidence.examination.runner.is_dynamic(evidence.index)
    mirrors = {} if dynamic else find_mirrors(evidence.layer.kernels, live, evidence.layer.groups)
    return [_answer(pairs.get(index), mirrors.get(index), evidence) for index in range(len(evidence))]


def _confirmed(pair: Pair, evidence: LayerEvidence) -> bool:
    """Whether one map for both costs next to nothing, where that was measured."""
    rise = _merge(pair, evidence)
    if rise is None or evidence.knowledge is None or rise.images < FEWEST_IMAGES:
        return True
    return rise.mean <= _MERGE_COST * evidence.knowledge.guessing()


def _merge(pair: Pair, evidence: LayerEvidence) -> Rise | None:
    return None if evidence.ablation is None else evidence.ablation.merged.get((pair.filter, pair.partner))


def _answer(pair: Pair | None, mirror: int | None, evidence: LayerEvidence) -> DuplicateAnswer:
    if pair is None:
        return DuplicateAnswer(None, mirror, np.nan, np.nan)
    rise = _merge(pair, evidence)
    return DuplicateAnswer(pair.partner, mirror, pair.correlation, np.nan if rise is None else rise.mean)


def _sentence(answer: DuplicateAnswer) -> str:
    sentences = []
    if answer.duplicate_of is not None:
        cost = "" if np.isnan(answer.merge_cost) else f"; one for both changes the loss by {signed(answer.merge_cost)}"
        sentences.append(f"Says the same as filter {answer.duplicate_of} (correlation {answer.correlation:.3f}{cost}).")
    if answer.mirror_of is not None:
        sentences.append(f"Its weights are those of filter {answer.mirror_of} turned negative.")
    return " ".join(sentences)


def _remark(answer: DuplicateAnswer) -> str:
    return "" if answer.duplicate_of is None else f"Filter {answer.duplicate_of} says the same."


def _summary(answers: Sequence[DuplicateAnswer]) -> list[str]:
    partners = Counter(answer.duplicate_of for answer in answers if answer.duplicate_of is not None)
    mirrored = sum(answer.mirror_of is not None for answer in answers)
    return [
        *(f"{count} duplicate{'s' * (count > 1)} of #{partner}" for partner, count in partners.items()),
        *([f"{mirrored} with a mirror"] if mirrored else []),
    ]


def _cell(answer: DuplicateAnswer) -> str:
    duplicate = "" if answer.duplicate_of is None else f"duplicate of #{answer.duplicate_of}"
    mirror = "" if answer.mirror_of is None else f"mirror of #{answer.mirror_of}"
    return ", ".join(filter(None, (duplicate, mirror)))


DUPLICATE = Axis(
    DuplicateAnswer,
    _judge,
    sentence=_sentence,
    remark=_remark,
    summary=_summary,
    cells=(Cell("state", _cell),),
    badge=("duplicate_of", "mirror_of"),
)
