"""On which images is a live filter active?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from filterscope.verdicts.activations.state import LIVE
from filterscope.verdicts.axes.axis import Axis, Cell
from filterscope.verdicts.axes.layer import LayerEvidence


@dataclass(frozen=True)
class DriveAnswer:
    """The columns of this axis, and the state, without which they mean nothing; see `FilterVerdict`."""

    state: str
    fires: float
    drives_most: str | None
    drives_least: str | None


def _judge(evidence: LayerEvidence) -> list[DriveAnswer]:
    states, seen = [state.verdict for state in evidence.states], evidence.statistics
    if seen is None or not seen.images:
        return [DriveAnswer(state, np.nan, None, None) for state in states]
    fires, means = seen.fired_images / seen.images, seen.class_mean
    return [
        DriveAnswer(state, float(fires[index]), *_extremes(state, means[:, index], evidence.class_names))
        for index, state in enumerate(states)
    ]


def _extremes(state: str, means: np.ndarray, names: list[str]) -> tuple[str | None, str | None]:
    """The classes with the highest and the lowest mean activation."""
    if state != LIVE or (~np.isnan(means)).sum() < 2:
        return None, None
    return names[int(np.nanargmax(means))], names[int(np.nanargmin(means))]


def _sentence(answer: DriveAnswer) -> str:
    if answer.state != LIVE or np.isnan(answer.fires):
        return ""
    classes = ""
    if answer.drives_most is not None:
        classes = f", most for {answer.drives_most}, least for {answer.drives_least}"
    return f"Fires in {answer.fires:.0%} of the images{classes}."


def _cell(answer: DriveAnswer) -> str:
    return "" if answer.drives_most is None else f"{answer.drives_most} most, {answer.drives_least} least"


DRIVE = Axis(DriveAnswer, _judge, sentence=_sentence, cells=(Cell("driven by", _cell, "words"),))
