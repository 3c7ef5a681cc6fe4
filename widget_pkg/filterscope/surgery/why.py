"""Why a filter goes, in a few words, from what a diagnosis says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from filterscope.surgery.ablation import Merge
from filterscope.surgery.structure import Filter, FilterGroup
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.verdict import FilterVerdict

LEAST_USED, ASKED = "least used", "asked for"
_WORDS: dict[str, Callable[[FilterVerdict], bool]] = {
    "dead": lambda verdict: verdict.state == "dead",
    "constant": lambda verdict: verdict.state == "constant",
    "duplicates": lambda verdict: verdict.duplicate_of is not None,
    "no measurable use": lambda verdict: verdict.use == "no measurable use",
    "harmful": lambda verdict: verdict.use == "harmful",
    "noise-like": lambda verdict: verdict.structure == "noise-like",
}
WORDS = tuple(_WORDS)
"""By which words filters can be removed."""
_REASONS = ("dead", "constant", "duplicates", "harmful", "no measurable use")


def has_word(verdict: FilterVerdict, word: str) -> bool:
    """Whether a word holds of a filter."""
    return _WORDS[word](verdict)


def reason_of(verdict: FilterVerdict | None, otherwise: str = LEAST_USED) -> str:
    """Why a filter can go: the first that holds of dead, constant, duplicate of another, harmful, no measurable use."""
    if verdict is None:
        return otherwise
    word = next((word for word in _REASONS if has_word(verdict, word)), otherwise)
    return f"duplicate of {verdict.duplicate_of}" if word == "duplicates" else word


def reason_of_group(group: FilterGroup, verdicts: Mapping[Filter, FilterVerdict], otherwise: str = LEAST_USED) -> str:
    """Why a group can go: what holds of all of its filters whose maps something else takes."""
    reasons = {reason_of(verdicts.get(each), otherwise) for each in group.last}
    return reasons.pop() if len(reasons) == 1 else otherwise


def duplicates_of(examination: Examination, verdicts: Mapping[Filter, FilterVerdict]) -> dict[Filter, Merge]:
    """Filters whose maps can be computed from another's of their layer, and how."""
    merges: dict[Filter, Merge] = {}
    for layer in examination.statistics:
        for pair in examination.pairs(layer):
            verdict = verdicts.get((layer, pair.filter))
            if verdict is not None and verdict.duplicate_of == pair.partner:
                merges[layer, pair.filter] = Merge(pair.partner, pair.scale, pair.offset)
    return merges
