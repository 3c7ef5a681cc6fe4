"""The verdicts of one explorer: what runs beside the person for them, what is known, and of which weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.host.timing import DIAGNOSIS_QUIET_SECONDS
from filterscope.indices import as_index
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_indices, layer_title
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import find_out_batches, order_of, runner_for
from filterscope.verdicts.ablation.ablation import (
    MEAN_IMAGES,
    REPLACEMENTS,
    Ablation,
    LayerMeans,
    Replacement,
    answers_without,
    layer_means,
)
from filterscope.verdicts.ablation.effect import measure_effect
from filterscope.verdicts.ablation.effect_table import Effect
from filterscope.verdicts.ablation.filter_effects import FilterEffects, measure_filter_effects
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.examination import MEAN_IMAGES as DIAGNOSED
from filterscope.verdicts.result.layer_use import JointEstimate
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples
from filterscope.verdicts.run.request import check_request
from filterscope.verdicts.run.start import read_start
from filterscope.verdicts.run.task import Task


class Examiner:
    """Runs diagnoses and ablations on copies of an explorer's net.

    Args:
        engine: The net and the data set.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._diagnosis: RunningDiagnosis | None = None
        self._began_at = 0  # revision of the engine
        self._same_weights: tuple[int, bool] = (0, True)  # at a revision
        self._copy: _NetCopy | None = None
        self._start: dict[str, np.ndarray] = {}  # by a layer's title

    # Diagnoses

    @property
    def diagnosis(self) -> RunningDiagnosis | None:
        """The newest, running or not."""
        return self._diagnosis

    def diagnose(
        self,
        images: int,
        layers: Any,
        ablation: bool | str = "auto",
        first: int = 0,
        ablated_images: int | None = None,
        seconds: float | None = None,
        start: Any = None,
    ) -> RunningDiagnosis:
        """Begins one, or goes on with the last where it is of the same weights and layers.

        Args:
            images: How many images are looked at.
            layers: Which layers; see `filterscope.diagnose`.
            ablation: How the use of filters is found; see `filterscope.diagnose`.
            first: Index of the layer that is judged first.
            ablated_images: On how many images each filter is ablated.
            seconds: How long it may take.
            start: What the net started from; see `filterscope.diagnose`. None keeps what the last one was given.

        Raises:
            TypeError: If the start is of the wrong kind.
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied.
        """
        images = check_images(images)
        request = replace(check_request(ablation, ablated_images, seconds), first=first)
        with self._lock:
            engine = self._engine
            chosen = sorted(layer_indices(engine.layers, layers), key=lambda index: (index != first, index))
            with engine.lock:
                engine.check()
                net, forward, revision, image = engine.snapshot(), engine.forward, engine.revision, engine.first_image
                titles = {index: layer_title(engine.layers[index]) for index in chosen}
                start_kernels = None if start is None else read_start(start, engine.layers, sorted(chosen))
                if start_kernels is not None:
                    self._start = {titles[index]: kernels for index, kernels in start_kernels.kernels.items()}
            earlier = self._diagnosis
            if earlier is not None:
                earlier.close()
                if not earlier.done:
                    raise ValueError(
                        "the diagnosis before this one has not ended yet: a sample or a pass takes long; it was "
                        "cancelled, so begin this one again in a moment"
                    )

            def prepare(task: Task) -> tuple[NetRunner, PacedSamples]:
                samples = PacedSamples(engine.samples, task.check)
                return runner_for(net, samples, forward, PacedPasses(task.check), image), samples

            self._began_at, self._same_weights = revision, (revision, True)
            begin = prepare, titles, images, request, earlier, start_kernels, self.seconds_until_idle
            self._diagnosis = RunningDiagnosis(*begin)
            return self._diagnosis

    def start_of(self, layer: int) -> np.ndarray | None:
        """The kernels that a layer started from, float32 `(F, C_in/groups, *k)`; None where no diagnosis was told."""
        return self._start.get(layer_title(self._engine.layers[layer]))

    def of_earlier_weights(self) -> bool:
        """Whether the net's weights are no longer those of the newest diagnosis."""
        diagnosis, engine = self._diagnosis, self._engine
        if diagnosis is None or engine.revision == self._same_weights[0]:
            return diagnosis is not None and not self._same_weights[1]
        if not diagnosis.fingerprint:  # nothing is known yet
            return engine.revision != self._began_at
        with engine.lock:
            self._same_weights = engine.revision, fingerprint(engine.net) == diagnosis.fingerprint
        return not self._same_weights[1]

    # Ablations

    def without(self, image: int, layer: int, filters: tuple[int, ...], replaced_by: Replacement) -> Without:
        """What the net says to an image when the maps of some filters are replaced.

        Raises:
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied, or refuses the image.
            SampleError: If the image cannot be read.
        """
        copy = self.net_copy()
        ablation, means = self._ablation(copy, layer, filters, replaced_by)
        with copy.lock:
            before, after = answers_without(copy.runner, self._engine.sample(image).net_input, ablation)
        return Without(
            layer=layer_title(self._engine.layers[layer]),
            filters=ablation.filters,
            replaced_by=replaced_by,
            values=ablation.values,
            mean_images=0 if means is None else means.images,
            image=image,
            before=self._engine.classes.ranked(before),
            after=self._engine.classes.ranked(after),
            notes=() if means is None else means.notes,
            tells=self._engine.live.tells,
        )

    def cost_together(self, layer: int, filters: tuple[int, ...]) -> JointEstimate | None:
        """What filters cost together by the gradients of the newest diagnosis; None where it does not tell."""
        diagnosis = self._diagnosis
        if diagnosis is None or not diagnosis.filters or self.of_earlier_weights():
            return None
        title = layer_title(self._engine.layers[layer])
        try:
            return diagnosis.cost_together(title, filters)
        except (KeyError, ValueError):
            return None

    def effect(
        self,
        layer: int,
        filters: tuple[int, ...],
        replaced_by: Replacement,
        images: int,
        on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
        check: Callable[[], None] = lambda: None,
    ) -> Effect:
        """What the net loses without them over many images.

        Raises:
            ValueError: If an argument does not fit, or there is no accuracy and no loss to measure.
            NetError: If the net cannot be copied.
        """
        images = check_images(images)
        copy = self.net_copy()
        ablation, _ = self._ablation(copy, layer, filters, replaced_by, check)
        samples = PacedSamples(self._engine.samples, check)
        runner = runner_for(copy.net, samples, self._engine.forward, PacedPasses(check), self._engine.first_image)
        return measure_effect(runner, samples, ablation, images, on_progress)

    def filter_effects(
        self,
        image: int,
        layer: int,
        on_progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
        check: Callable[[], None] = lambda: None,
        inside: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> FilterEffects:
        """What leaving out each filter of a layer does to the prediction for an image.

        Args:
            image: Index of the image.
            layer: Index of the layer.
            on_progress: Told how many filters were left out, and of how many.
            check: Called before each sample and each pass; what it raises ends the work.
            inside: Returns a context manager in which each pass runs.

        Raises:
            ValueError: If the net's output is not one score a class, or not finite.
            NetError: If the net cannot be copied, refuses the image, or does not reach the layer with it.
            SampleError: If the image cannot be read.
        """
        copy, samples = self.net_copy(), PacedSamples(self._engine.samples, check)
        sample = self._engine.sample(image)
        with copy.lock, inside():
            if not copy.compared:  # once, also where no two images tell whether several may go in one pass
                find_out_batches(copy.runner, samples, order_of(samples, len(samples)))
                copy.compared = True

        @contextmanager
        def turn() -> Iterator[None]:
            with copy.lock, inside():
                yield

        return measure_filter_effects(copy.runner, sample.net_input, layer, on_progress, check, turn)

    def _ablation(
        self,
        copy: _NetCopy,
        layer: int,
        filters: tuple[int, ...],
        replaced_by: Replacement,
        check: Callable[[], None] = lambda: None,
    ) -> tuple[Ablation, LayerMeans | None]:
        if replaced_by not in REPLACEMENTS:
            raise ValueError(f"replaced_by is {replaced_by!r}; choose 'mean' or 'zero'")
        if replaced_by == "zero":
            return Ablation(layer, filters, (0.0,) * len(filters)), None
        means = self._means(copy, layer, check)
        return Ablation(layer, filters, tuple(float(means.values[index]) for index in filters)), means

    def knows_means(self, layer: int) -> bool:
        """Whether the means of a layer are at hand; else an ablation that needs them looks at some images first."""
        return self._diagnosed_means(layer) is not None or layer in self.net_copy().means

    def find_means(self, layer: int, check: Callable[[], None] = lambda: None) -> None:
        """Has them at hand afterwards.

        Args:
            layer: Index of the layer.
            check: Called before each sample; what it raises ends the work.
        """
        self._means(self.net_copy(), layer, check)

    def _means(self, copy: _NetCopy, layer: int, check: Callable[[], None]) -> LayerMeans:
        """Each filter's mean: the diagnosis' own where it has one, so that both say the same."""
        diagnosed = self._diagnosed_means(layer)
        if diagnosed is not None:
            return diagnosed
        with copy.lock:
            if layer not in copy.means:
                samples = PacedSamples(self._engine.samples, check)
                copy.means[layer] = layer_means(copy.runner, samples, layer, MEAN_IMAGES)
            return copy.means[layer]

    def _diagnosed_means(self, layer: int) -> LayerMeans | None:
        diagnosis = self._diagnosis
        if diagnosis is None or not diagnosis.filters or self.of_earlier_weights():
            return None
        examination = diagnosis.examination
        ablation, seen = examination.ablations.get(layer), examination.statistics.get(layer)
        if ablation is None or seen is None:
            return None
        notes = (f"{examination.refused}.",) if examination.refused else ()
        return LayerMeans(ablation.means, min(seen.images, DIAGNOSED), notes)

    def net_copy(self) -> _NetCopy:
        """A copy of the net as it is now, and what was found out with it."""
        engine = self._engine
        with engine.lock:
            engine.check()
            copy = self._copy
            if copy is None or copy.revision != engine.revision:
                net = engine.snapshot()
                samples = PacedSamples(engine.samples)
                runner = runner_for(net, samples, engine.forward, PacedPasses(), engine.first_image)
                copy = self._copy = _NetCopy(net, runner, engine.revision)
            return copy

    def seconds_until_idle(self) -> float:
        """Seconds for which the person still comes first."""
        return self._engine.moved + DIAGNOSIS_QUIET_SECONDS - time.monotonic()

    def sleep(self) -> None:
        """Lets go of the copy for ablations; what runs goes on."""
        with self._engine.lock:
            self._copy = None

    def close(self) -> None:
        """Ends what runs, and waits until it has."""
        if self._diagnosis is not None:
            self._diagnosis.close()
        self._copy = None


@dataclass
class _NetCopy:
    """A copy of the net for ablations: its weights are of one revision, its means were found with them.

    `compared` says whether it was tried to find out if several images may go in one pass.
    """

    net: Any
    runner: NetRunner
    revision: int
    means: dict[int, LayerMeans] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    compared: bool = False


def check_images(images: Any) -> int:
    """How many images are looked at; ValueError where it is no number of images."""
    count = as_index(images)
    if count is None or count < 1:
        raise ValueError(f"images is {images!r}; give how many images are looked at, 1 or more")
    return count
