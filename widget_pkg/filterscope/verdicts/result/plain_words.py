"""A filter's verdicts in the words of somebody who meets them for the first time."""

from __future__ import annotations

from filterscope.verdicts.ablation.use import HARMFUL, NO_USE, USED
from filterscope.verdicts.activations.state import CONSTANT, DEAD, UNKNOWN
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.weights.naming import NO_PATTERN
from filterscope.verdicts.weights.structure import NOISE_LIKE, STRUCTURED


def plain_words(one: FilterVerdict) -> str:
    """What it looks for, whether it learned that, and whether the net needs it: one or two short sentences."""
    if one.state == DEAD:
        return f"It never fires: whatever its kernel looks like, the net gets nothing from it. {_learned(one)}".strip()
    if one.state == CONSTANT:
        return f"It says the same of every image, so it tells the net nothing. {_learned(one)}".strip()
    parts = [_detects(one), _needed(one)]
    if one.duplicate_of is not None:
        parts.append(f"Filter {one.duplicate_of} says the same.")
    return " ".join(part for part in parts if part)


def _detects(one: FilterVerdict) -> str:
    if one.name is not None and one.name != NO_PATTERN:
        return f"It looks for: {one.name}. {_learned(one)}".strip()
    if one.structure == STRUCTURED:
        most = "" if one.drives_most is None else f"; it answers most to {one.drives_most}"
        return f"It learned a pattern, but none that a few words could name{most}."
    if one.structure == NOISE_LIKE:
        return "Its weights look like noise: it seems to have learned nothing."
    most = "" if one.drives_most is None else f" It answers most to {one.drives_most}."
    return f"No simple pattern, and its weights alone cannot tell learned from random.{most}"


def _learned(one: FilterVerdict) -> str:
    if one.structure == NOISE_LIKE:
        return "Its weights look like noise."
    if one.structure == STRUCTURED:
        return "Its weights are no chance."
    return ""


def _needed(one: FilterVerdict) -> str:
    if one.use == USED:
        return "The net uses it."
    if one.use == HARMFUL:
        return "The net does better without it."
    if one.use == NO_USE:
        return "The net hardly misses it."
    return "" if one.state == UNKNOWN else "Whether the net needs it is not known."
