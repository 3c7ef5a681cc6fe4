"""Which filters of a layer the prediction for one image rests on: each one's map replaced by zero, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.errors import NetError
from filterscope.inputs import Inputs
from filterscope.nets.outputs import are_probabilities, class_output
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
    scores = class_output(output, 1, runner.known)
    if scores is None:
        raise ValueError(
            "the net's output is not one score a class, so there is no prediction for a filter to have an effect on"
        )
    intact = scores.detach().to("cpu", torch.float64)
    if not bool(torch.isfinite(intact).all()):
        raise ValueError("the net's output for this image is not finite, so there is no prediction")
    as_probabilities = are_probabilities(intact)

    def losses(output: object, images: int) -> np.ndarray:
        """The loss of each copy, in nats, float64 `(N,)`: the class that the intact net predicts is its label."""
        scores = class_output(output, images, runner.known)
        if scores is None:
            return np.full(images, np.nan)
        rows = scores.detach().to("cpu", torch.float64)
        logs = rows.clamp_min(_LEAST).log() if as_probabilities else torch.log_softmax(rows, 1)
        return -logs[:, predicted].numpy()

    predicted = int(intact.argmax())
    probability = float(np.exp(-losses(output, 1)[0]))
    copies = 1 if isinstance(image, Inputs) else min(filters, runner.images_at_once())
    with passing():
        rerun = _rerun(runner, batch, image, layer, copies, output)
    if rerun is None and copies > 1:  # the net lays copies out as no layer does: each filter in a pass of its own
        copies = 1
        with passing():
            rerun = _rerun(runner, batch, image, layer, copies, output)
    if rerun is None:
        raise NetError(
            f"the net did not reach {runner.layers[layer].spoken} for this image with one map a filter, as it did for "
            "the one the explorer was made with; choose another layer or image"
        )
    with passing():  # of as many copies as later: where a filter has no effect, the difference is 0 to the last bit
        before = losses(rerun.output(lambda activation: None), copies)
    values = np.full(filters, np.nan)
    for start in range(0, filters, copies):
        part = range(start, min(start + copies, filters))
        with passing():
            after = losses(rerun.output(_leave_out(part, copies)), copies)
        values[part.start : part.stop] = (after - before)[: len(part)]
        on_progress("filters", part.stop, filters)
    values[~np.isfinite(values)] = np.nan
    return FilterEffects(predicted, probability, values.astype(np.float32))


def _rerun(
    runner: NetRunner, batch: torch.Tensor, image: np.ndarray | Inputs, layer: int, copies: int, output: object
) -> Rerun | None:
    """Copies of an image, ready to be run again from the layer on; None where the layer has not one map a filter."""
    intact = log_probabilities(output, 1, runner.known)
    assert intact is not None
    several = batch if copies == 1 else runner.batch([image] * copies)
    rerun = Rerun(runner, layer, several, intact.expand(copies, -1))
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
