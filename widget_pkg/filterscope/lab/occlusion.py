"""Where an image matters: a gray box covers one place after the other, and what falls is measured."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.nets.outputs import class_scores
from filterscope.nets.runner import NetRunner

_MOST_PLACES = 1024
_SMALLEST = 1e-12


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What falls when a box covers a place of the image (Zeiler and Fergus, ECCV 2014).

    Attributes:
        box: The box's side in pixels.
        stride: From one place to the next.
        filter: float32 `(rows, columns)`: by how much the filter's total activation falls, its sum over all
            positions; below 0 it rises.
        probability: float32 `(rows, columns)`: by how many nats the log-probability of the class falls; None where the
            net gives no score a class.
        predicted: Number of that class, the one that the net predicts for the whole image; None likewise.
    """

    box: int
    stride: int
    filter: np.ndarray
    probability: np.ndarray | None
    predicted: int | None


def occlude(
    runner: NetRunner,
    image: np.ndarray,
    layer: int,
    filter_index: int,
    box: int,
    on_progress: Callable[[str, int, int], None],
    turn: Callable[[], AbstractContextManager[Any]],
) -> Occlusion:
    """Covers places of an image in turn with its mean, channel by channel, and measures what falls.

    Args:
        runner: Runs the net.
        image: float32 `(C, H, W)`.
        layer: Index of the layer.
        filter_index: Index of the filter.
        box: The box's side in pixels.
        on_progress: Told how many places were covered, and of how many.
        turn: Makes the context in which each batch runs, which may wait and may raise to end the work.

    Raises:
        ValueError: If the box does not fit the image.
    """
    if image.ndim != 3:
        raise ValueError("a heat map of occlusion is made of plain images; this sample is none")
    _, height, width = image.shape
    if not 1 <= box <= min(height, width):
        raise ValueError(f"the box is {box} pixels wide; give 1 to {min(height, width)} for this image")
    stride = max(1, box // 2)
    while -(-height // stride) * -(-width // stride) > _MOST_PLACES:
        stride += 1
    rows, columns = (np.arange(stride // 2, side, stride) for side in (height, width))
    gray = image.mean((1, 2), keepdims=True)
    places = [(int(row), int(column)) for row in rows for column in columns]

    def covered(place: tuple[int, int] | None) -> np.ndarray:
        other: np.ndarray = image.copy()
        if place is not None:
            top, left = (max(0, at - box // 2) for at in place)
            other[:, top : place[0] - box // 2 + box, left : place[1] - box // 2 + box] = gray
        return other

    def measured(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
        totals: list[torch.Tensor] = []

        def keep(_: int, activation: torch.Tensor) -> None:
            totals.append(activation[:, filter_index].float().flatten(1).sum(1).cpu())

        output = runner.run(runner.batch(images), [layer], keep)
        return torch.cat(totals).numpy(), class_scores(output, len(images), runner.known)

    with turn():
        several = runner.takes_batches(covered(place) for place in (None, places[len(places) // 2]))
        at_once = max(1, min(runner.images_at_once(), 32)) if several else 1
        whole, scores = measured([covered(None)])
    predicted = None if scores is None else int(scores[0].argmax())
    falls, losses = [], []
    for start in range(0, len(places), at_once):
        with turn():
            part = places[start : start + at_once]
            values, after = measured([covered(place) for place in part])
            falls += [float(whole[0] - value) for value in values]
            if scores is not None and after is not None:
                now = np.log(np.maximum(after[:, predicted], _SMALLEST))
                before = float(np.log(max(float(scores[0, predicted]), _SMALLEST)))
                losses += [before - float(each) for each in now]
        on_progress("places", min(start + at_once, len(places)), len(places))
    shape = len(rows), len(columns)
    probability = np.array(losses, np.float32).reshape(shape) if len(losses) == len(places) else None
    return Occlusion(box, stride, np.array(falls, np.float32).reshape(shape), probability, predicted)
