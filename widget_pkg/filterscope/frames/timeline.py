"""What a page is told of a filter over the checkpoints, plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

import numpy as np

from filterscope.engine.moment import Moment
from filterscope.filters.block_means import block_means
from filterscope.frames.frame import filter_part
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection
from filterscope.session.timeline import RunningDiagnosisOverTime
from filterscope.timeline.paths import LayerPath

MAP_SIDE = 64
"""Pixels a side that a map of the strip may have; a larger one goes as means of blocks."""
MOST_KERNELS = 64
"""Of one filter in the strip; of more their root mean square."""


class StripItem(TypedDict):
    """A filter at one checkpoint: its kernels and its activation, float32; or why these cannot be shown."""

    kernel: np.ndarray | None
    activation: np.ndarray | None
    error: str | None


class StepBody(TypedDict):
    """A filter's verdicts at one checkpoint, in words; None where they are not known."""

    structure: str | None
    state: str | None
    use: str | None
    best: str | None


class TimelineBody(TypedDict):
    """A layer and one of its filters over all checkpoints.

    Arrays are float32 `(F, T)`, NaN where nothing is known yet; `events` are `[checkpoint, filter, words]`.
    """

    layer: int
    filter: int
    count: int
    read: int
    status: str
    error: str | None
    judged: int
    images: int
    of_these: bool
    from_start: np.ndarray | None
    to_end: np.ndarray | None
    step: np.ndarray | None
    steps: list[StepBody]
    events: list[tuple[int, int, str]]
    never_left: list[int]
    summary: str


def build_timeline(
    layer: ConvLayer,
    filter_index: int,
    count: int,
    paths: Mapping[str, LayerPath],
    read: int,
    running: RunningDiagnosisOverTime | None,
    of_these: bool,
) -> TimelineBody:
    """What is known of a layer and one of its filters over the checkpoints.

    Args:
        layer: The layer.
        filter_index: The filter.
        count: How many checkpoints there are.
        paths: The ways of the weights, by the layer's title.
        read: Of how many checkpoints these are known.
        running: The diagnosis of all checkpoints, or None.
        of_these: Whether it is of the checkpoints that there are now.
    """
    title = layer_title(layer)
    path, found = paths.get(title), None if running is None else running.found
    steps, images = build_steps(layer, filter_index, running)
    events: list[tuple[int, int, str]] = []
    if found is not None and title in found.paths and found.diagnoses:
        for index in range(layer.out_channels):
            happened = found.events(title, index).items()
            events += [(at, index, word) for at, words in happened for word in words]
    told = str(found).splitlines() if found is not None else []
    return {
        "layer": layer.index,
        "filter": filter_index,
        "count": count,
        "read": read,
        "status": _status(running),
        "error": None if running is None or running.error is None else str(running.error),
        "judged": len(steps),
        "images": images,
        "of_these": of_these,
        "from_start": None if path is None else np.ascontiguousarray(path.from_start.T),
        "to_end": None if path is None else np.ascontiguousarray(path.to_end.T),
        "step": None if path is None else np.ascontiguousarray(path.step.T),
        "steps": steps,
        "events": events,
        "never_left": [] if path is None or read < count else path.never_left(),
        "summary": next((line for line in told if line.startswith(f"{title}:")), ""),
    }


def build_steps(
    layer: ConvLayer, filter_index: int, running: RunningDiagnosisOverTime | None
) -> tuple[list[StepBody], int]:
    """A filter's verdicts at each checkpoint that was judged, and on how many images; 0 where none was."""
    title, found = layer_title(layer), None if running is None else running.found
    steps: list[StepBody] = []
    images = 0
    for diagnosis in found.diagnoses if found is not None else ():
        verdicts = () if diagnosis is None or title not in diagnosis.layers else diagnosis.of_layer(title)
        if not verdicts or diagnosis is None:
            steps.append({"structure": None, "state": None, "use": None, "best": None})
            continue
        verdict, images = verdicts[filter_index], diagnosis.images
        use = None if verdict.use == "withheld" else verdict.use
        steps.append({"structure": verdict.structure, "state": verdict.state, "use": use, "best": verdict.drives_most})
    return steps, images


def _status(running: RunningDiagnosisOverTime | None) -> str:
    if running is None:
        return "none"
    if not running.done:
        return "running"
    return "failed" if running.error is not None else "cancelled" if running.cancelled else "done"


def build_strip_item(moment: Moment, selection: Selection) -> StripItem:
    """A filter at the checkpoint that the moment is of."""
    part = filter_part(moment, selection, selection.filter)
    return {"kernel": small_kernel(part["kernel"]), "activation": small_map(part["activation"]), "error": None}


def small_kernel(kernel: np.ndarray) -> np.ndarray:
    """A filter's kernels `(C, kH, kW)` for a small picture: of many their root mean square, `(1, kH, kW)`."""
    if len(kernel) > MOST_KERNELS:
        kernel = np.sqrt(np.mean(np.square(kernel), axis=0, keepdims=True))
    return np.ascontiguousarray(kernel, np.float32)


def small_map(values: np.ndarray) -> np.ndarray:
    """Maps `(…, H, W)` of `MAP_SIDE` pixels a side at most: of larger ones the means of blocks."""
    reduced = max(1, -(-max(values.shape[-2:]) // MAP_SIDE))
    return np.ascontiguousarray(block_means(values[None], reduced)[0] if reduced > 1 else values, np.float32)
