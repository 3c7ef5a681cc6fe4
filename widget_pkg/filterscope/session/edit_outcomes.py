"""What edited kernels do: to one image, and over many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from filterscope.engine.classes import Prediction
from filterscope.engine.engine import Engine
from filterscope.nets.kernel_edits import KernelEdits
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import runner_for
from filterscope.session.examiner import Examiner, check_images
from filterscope.verdicts.ablation.effect import measure_effect
from filterscope.verdicts.ablation.effect_table import Effect
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples

_MOST_BYTES = 128 * 2**20  # of the maps of one pass that are compared with those of another


@dataclass(frozen=True, eq=False)
class LayerChange:
    """How far an edit reaches into a layer.

    Attributes:
        name: The layer's name.
        change: `‖a′ − a‖ / ‖a‖` of its activation for the image, with `a` the intact net's; NaN where that is all 0.
    """

    name: str
    change: float


@dataclass(frozen=True, eq=False)
class EditChanges:
    """What the edits do to one image.

    Attributes:
        image: Its index.
        layers: Of the first edited layer and all behind it, how much their activations change.
        before: The intact net's classes with their probabilities, best first; empty where it gives no score a class.
        after: Those of the edited net.
    """

    image: int
    layers: tuple[LayerChange, ...]
    before: Prediction
    after: Prediction


@dataclass(frozen=True, eq=False)
class KernelChange:
    """Other kernels, as what is measured over many images."""

    edits: KernelEdits

    def run(self, runner: NetRunner, batch: torch.Tensor) -> Any:
        """The net's output for a batch with the kernels."""
        before, runner.edits = runner.edits, self.edits
        try:
            return runner.run(batch)
        finally:
            runner.edits = before


class EditOutcomes:
    """Compares the edited net with the intact one.

    Args:
        engine: The net, with its edits, and the data set.
        examiner: Has the copy of the net that is measured.
    """

    def __init__(self, engine: Engine, examiner: Examiner) -> None:
        self._engine, self._examiner = engine, examiner
        self._intact: tuple[tuple[Any, ...], list[torch.Tensor | None], Prediction] | None = None

    def changes(self, image: int) -> EditChanges:
        """What the edits do to an image: to the layers behind, and to the prediction; see `Lab.changes`."""
        engine = self._engine
        with engine.lock:
            engine.check()
            names = {edit.layer for edit in engine.edits}
            first = next((each.index for each in engine.layers if each.name in names), len(engine.layers))
            key = (engine.revision - engine.trials, image, id(engine.sample(image)), first)
            if self._intact is None or self._intact[0] != key:
                with engine.live.unedited():
                    self._intact = (key, *self._activations(image, first))
            _, intact, before = self._intact
            activations, after = self._activations(image, first)
            changes = tuple(
                LayerChange(engine.layers[first + place].name, _relative(old, new))
                for place, (old, new) in enumerate(zip(intact, activations, strict=True))
                if old is not None and new is not None
            )
            return EditChanges(image, changes, before, after)

    def _activations(self, image: int, first: int) -> tuple[list[torch.Tensor | None], Prediction]:
        engine = self._engine
        layers = range(first, len(engine.layers))
        small = sum(4 * int(np.prod(engine.layers[index].out_shape)) for index in layers) <= _MOST_BYTES
        with engine.passing(image) as (runner, batch):
            result = runner.keep(batch, layers if small else (), to_the_end=True)
            answers = runner.known.answers(result.output, 1, tuple(batch.shape[2:]))
        kept = [result.maps[index].activation if index in result.maps else None for index in layers]
        return kept, engine.classes.ranked(answers[0])

    def effect(self, images: int, on_progress: Callable[[str, int, int], None], check: Callable[[], None]) -> Effect:
        """What the edits do over many images; see `Lab.effect`."""
        engine, images = self._engine, check_images(images)
        change = KernelChange(KernelEdits(engine.edits))
        if not change.edits:
            raise ValueError("no kernel is edited; set explorer.kernel first")
        copy, samples = self._examiner.net_copy(), PacedSamples(engine.samples, check)
        runner = runner_for(copy.net, samples, engine.forward, PacedPasses(check), engine.first_image)
        return measure_effect(runner, samples, change, images, on_progress)


def _relative(before: torch.Tensor, after: torch.Tensor) -> float:
    if before.shape != after.shape:
        return float("nan")
    size = float(before.double().norm())
    return float((after.double() - before.double()).norm()) / size if size else float("nan")
