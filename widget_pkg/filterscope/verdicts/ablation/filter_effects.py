"""Which filters of a layer the prediction for one image rests on: each one's map replaced by zero, one by one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.errors import NetError
from filterscope.inputs import Inputs
from filterscope.nets.outputs import KnownClasses, are_probabilities, class_output
from filterscope.nets.runner import NetRunner
from filterscope.verdicts.ablation.losses import log_probabilities
from filterscope.verdicts.ablation.rerun import Change, Rerun

_LEAST = 1e-12  # a probability of 0 has no logarithm; as in `losses`


@dataclass(frozen=True, eq=False)
class FilterEffects:
    """What leaving out each filter of a layer, the others left in, does to the prediction for one image.

    Attributes:
        predicted: Number of the class that the intact net predicts.
        probability: Its probability.
        values: float32 `(F,)`: by how many nats its log-probability falls when the filter's map is replaced by zero;
            below 0 where it rises, NaN where it is not finite then.
    """

    predicted: int
    probability: float
    values: np.ndarray


def measure_filter_effects(
    runner: NetRunner,
    image: np.ndarray | Inputs,
    layer: int,
    on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    check: Callable[[], None] = lambda: None,
    turn: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> FilterEffects:
    """Leaves out each filter of a layer for one image: several in one pass, each in a copy of the image of its own.

    Args:
        runner: Runs the net. Several copies go in one pass only where it knows that several images may.
        image: float32 `(C, H, W)`, or the inputs of a sample that has several.
        layer: Index of the layer.
        on_progress: Told how many filters were left out, and of how many.
        check: Called before each pass; what it raises ends the work.
        turn: Returns what is held during each pass, where others use the runner too.

    Raises:
        NetError: If the net refuses the image, or does not reach the layer with it.
        ValueError: If its output is not one score a class, or not finite.
    """
    filters = runner.layers[layer].out_channels
    batch = runner.batch([image])

    @contextmanager
    def passing() -> Iterator[None]:
        check()
        try:
            with turn():
                yield
        except Exception as error:
            raise runner.refusal(batch, error) from error

    on_progress("filters", 0, filters)
    with passing():
        output = runner.run(batch)
    prediction = _Prediction(output, runner.known)
    most = 1 if isinstance(image, Inputs) else min(filters, runner.images_at_once())
    for copies in sorted({most, 1}, reverse=True):  # where several do not go, each filter has a pass of its own
        try:
            with passing():
                rerun = _rerun(runner, image, layer, copies, output)
            if rerun is None:
                continue
            with passing():  # of as many copies as later: without effect, the difference is 0 to the last bit
                before = prediction.losses(rerun.output(lambda activation: None), copies)
        except NetError:
            if copies == 1:
                raise
            continue
        if copies == 1 or np.allclose(before, prediction.loss, rtol=1e-3, atol=1e-3):
            break
    else:
        raise NetError(
            f"the net did not reach {runner.layers[layer].spoken} for this image with one map a filter, as it did for "
            "the one the explorer was made with; choose another layer or image"
        )
    values = np.full(filters, np.nan)
    for start in range(0, filters, copies):
        part = range(start, min(start + copies, filters))
        with passing():
            after = prediction.losses(rerun.output(_leave_out(part, copies)), copies)
        values[part.start : part.stop] = (after - before)[: len(part)]
        on_progress("filters", part.stop, filters)
    values[~np.isfinite(values)] = np.nan
    return FilterEffects(prediction.predicted, math.exp(-prediction.loss), values.astype(np.float32))


class _Prediction:
    """What the intact net says of one image.

    Args:
        output: What it returned.
        known: What the data set tells of the classes.

    Attributes:
        predicted: Number of the class that it predicts.
        loss: Its loss where that class is the label, in nats.

    Raises:
        ValueError: If the output is not one score a class, or not finite.
    """

    def __init__(self, output: object, known: KnownClasses) -> None:
        self._known = known
        scores = class_output(output, 1, known)
        if scores is None:
            raise ValueError(
                "the net's output is not one score a class, so there is no prediction for a filter to have an effect on"
            )
        self._as_probabilities = are_probabilities(scores.detach())
        self.predicted = int(scores.argmax())
        self.loss = float(self.losses(output, 1)[0])
        if not math.isfinite(self.loss):
            raise ValueError("the net's output for this image is not finite, so there is no prediction")

    def losses(self, output: object, images: int) -> np.ndarray:
        """The loss of each image of a batch with that label, float64 `(N,)`; NaN where there is no score a class."""
        scores = class_output(output, images, self._known)
        if scores is None:
            return np.full(images, np.nan)
        rows = scores.detach().to("cpu", torch.float64)  # float32 has no probability between 1 - 6e-8 and 1
        logs = rows.clamp_min(_LEAST).log() if self._as_probabilities else torch.log_softmax(rows, 1)
        losses: np.ndarray = -logs[:, self.predicted].numpy()
        return losses


def _rerun(runner: NetRunner, image: np.ndarray | Inputs, layer: int, copies: int, output: object) -> Rerun | None:
    """Copies of an image, ready to be run again from the layer on; None where the layer has not one map a filter."""
    intact = log_probabilities(output, 1, runner.known)
    assert intact is not None  # there is a prediction
    rerun = Rerun(runner, layer, runner.batch([image] * copies), intact.expand(copies, -1))
    shape, filters = rerun.shape, runner.layers[layer].out_channels
    if shape is None or len(shape) < 2 or shape[1] != filters or (copies > 1 and shape[0] != copies):
        return None
    return rerun


def _leave_out(filters: range, copies: int) -> Change:
    """Replaces the map of a filter by zero, of each filter in a copy of its own; one copy may have several items."""

    def change(activation: torch.Tensor) -> None:
        for row, index in enumerate(filters):
            if copies == 1:
                activation[:, index] = 0
            else:
                activation[row, index] = 0

    return change
