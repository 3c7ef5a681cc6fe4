"""A filter's verdicts in the words of somebody who meets them for the first time."""

from __future__ import annotations

from filterscope.verdicts.ablation.use import HARMFUL, NO_USE, USED
from filterscope.verdicts.activations.state import CONSTANT, DEAD, UNKNOWN
from filterscope.verdicts.activations.training import PULLED
from filterscope.verdicts.examination import KERNELS_OF_EACH_IMAGE
from filterscope.verdicts.result.verdict import AXES, FilterVerdict
from filterscope.verdicts.weights.naming import NO_PATTERN
from filterscope.verdicts.weights.structure import NOISE_LIKE, STRUCTURED


def plain_words(verdict: FilterVerdict) -> str:
    """What it looks for, whether it learned that, and whether the net needs it: one or two short sentences."""
    if verdict.state == DEAD:
        return (
            f"It never fires: whatever its kernel looks like, the net gets nothing from it. {_learned(verdict)}".strip()
        )
    if verdict.state == CONSTANT:
        return f"It says the same of every image, so it tells the net nothing. {_learned(verdict)}".strip()
    remarks = [axis.remark(axis.of(verdict)) for axis in AXES]
    return " ".join(filter(None, (_detects(verdict), _needed(verdict), *remarks)))


def _detects(verdict: FilterVerdict) -> str:
    if verdict.name is not None and verdict.name != NO_PATTERN:
        return f"It looks for: {verdict.name}. {_learned(verdict)}".strip()
    if verdict.structure == STRUCTURED and verdict.name is None:
        return "Its weights are no chance; what it looks for, no few words could name."
    if verdict.structure == STRUCTURED:
        most = "" if verdict.drives_most is None else f"; it answers most to {verdict.drives_most}"
        return f"It learned a pattern, but none that a few words could name{most}."
    if verdict.structure == NOISE_LIKE:
        return "Its weights look like noise: it seems to have learned nothing."
    most = "" if verdict.drives_most is None else f" It answers most to {verdict.drives_most}."
    if verdict.structure_reason == KERNELS_OF_EACH_IMAGE:
        return f"The net makes its kernels from each image, so they are not judged.{most}"
    pulled = ", but training pulled on it" if verdict.training == PULLED else ""
    return f"No simple pattern, and its weights alone cannot tell learned from random{pulled}.{most}"


def _learned(verdict: FilterVerdict) -> str:
    if verdict.structure == NOISE_LIKE:
        return "Its weights look like noise."
    if verdict.structure == STRUCTURED:
        return "Its weights are no chance."
    return "Training pulled on it." if verdict.training == PULLED else ""


def _needed(verdict: FilterVerdict) -> str:
    if verdict.use == USED:
        return "The net uses it."
    if verdict.use == HARMFUL:
        return "The net does better without it."
    if verdict.use == NO_USE:
        return "The net hardly misses it."
    return "" if verdict.state == UNKNOWN else "Whether the net needs it is not known."
