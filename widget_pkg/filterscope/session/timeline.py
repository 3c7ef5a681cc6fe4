"""A net over its checkpoints, beside one explorer: the way of its weights, and the verdicts at each checkpoint."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.errors import CheckpointError, NetError
from filterscope.host.timing import DIAGNOSIS_QUIET_SECONDS
from filterscope.nets.layer_choice import layer_indices, layer_title
from filterscope.scans.sampling import runner_for
from filterscope.session.examiner import check_images
from filterscope.timeline.checkpoints import Checkpoint
from filterscope.timeline.over_time import DiagnosisOverTime, KeptSamples, judge_all
from filterscope.timeline.paths import LayerPath, Paths
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples
from filterscope.verdicts.run.request import check_request
from filterscope.verdicts.run.task import Task, TaskProgress


class RunningDiagnosisOverTime:
    """A `DiagnosisOverTime` that is still being made, or was: `done` says which.

    Args:
        work: Makes it: given the task, and what is to be told of each part.
        seconds_until_idle: For how long the person still comes first.

    Attributes:
        found: What is known so far; None before the first checkpoint.

    Example:
        >>> from filterscope import Explorer, demo
        >>> nets = [demo.fashion_net(epoch=epoch) for epoch in (0, 20)]
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data(), checkpoints=nets)
        >>> running = explorer.diagnose_over_time(images=50)
        >>> len(running.wait().rows()), running.done
        (60, True)
    """

    def __init__(
        self,
        work: Callable[[Task, Callable[[DiagnosisOverTime], None]], DiagnosisOverTime],
        seconds_until_idle: Callable[[], float],
    ) -> None:
        self.found: DiagnosisOverTime | None = None
        self._make = work
        self._task = Task("filterscope timeline", self._work, seconds_until_idle)

    def _work(self, task: Task) -> None:
        self.found = self._make(task, lambda so_far: setattr(self, "found", so_far))

    @property
    def done(self) -> bool:
        """Whether it has ended: finished, cancelled or failed."""
        return self._task.done

    @property
    def error(self) -> Exception | None:
        """What ended it, where it failed."""
        return self._task.error

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled before it was finished."""
        return self._task.cancelled.is_set() and not (self.found is not None and self.found.complete)

    @property
    def progress(self) -> TaskProgress:
        """How many checkpoints are judged, and of how many."""
        return self._task.progress

    def wait(self, timeout: float | None = None) -> RunningDiagnosisOverTime:
        """Waits until it has ended, or for so many seconds.

        Raises:
            Exception: What ended it, where it failed.
        """
        self._task.wait(timeout)
        if self._task.error is not None:
            raise self._task.error
        return self

    def cancel(self) -> RunningDiagnosisOverTime:
        """Ends it within a moment and returns at once; the checkpoints judged so far are kept."""
        self._task.cancel()
        return self

    def close(self) -> None:
        """Ends it, and waits until it has."""
        self._task.close()

    def rows(self) -> list[dict[str, Any]]:
        """See `DiagnosisOverTime.rows`; of the checkpoints judged so far."""
        return [] if self.found is None else self.found.rows()

    def over_time(self) -> Any:
        """See `DiagnosisOverTime.over_time`; of the checkpoints judged so far.

        Raises:
            RuntimeError: Before the first checkpoint is judged.
        """
        if self.found is None:
            raise RuntimeError("no checkpoint is judged yet; wait() waits for all of them")
        return self.found.over_time()

    def __str__(self) -> str:
        return "no checkpoint is judged yet" if self.found is None else str(self.found)


class Timeline:
    """What is known of an explorer's checkpoints.

    Args:
        engine: The net, the data set and the checkpoints.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._diagnosis: RunningDiagnosisOverTime | None = None
        self._judged: tuple[Checkpoint, ...] = ()
        self._reading: Task | None = None
        self._read: tuple[Checkpoint, ...] = ()
        self._read_count = 0
        self._paths = Paths(0)

    # The weights

    def paths(self) -> tuple[dict[str, LayerPath], int]:
        """The way of all layers' weights, by title, and of how many checkpoints it is known by now.

        It is read in the background, anew where there are more checkpoints.
        """
        with self._lock:
            checkpoints = tuple(self._engine.checkpoints)
            if checkpoints and checkpoints != self._read:
                if self._reading is not None:
                    self._reading.cancel()
                self._read, self._read_count, self._paths = checkpoints, 0, Paths(len(checkpoints))
                paths = self._paths
                self._reading = Task(
                    "filterscope checkpoints",
                    lambda task: self._read_all(task, checkpoints, paths),
                    self.seconds_until_idle,
                )
            return dict(self._paths.layers), self._read_count

    def _read_all(self, task: Task, checkpoints: tuple[Checkpoint, ...], paths: Paths) -> None:
        end: dict[str, np.ndarray] = {}
        for at in [len(checkpoints) - 1, *range(len(checkpoints))]:
            task.check()
            kernels = self._kernels(at, checkpoints)
            if not end:
                end = kernels or {"": np.zeros(0)}
                continue
            if kernels:
                paths.add(at, kernels, end)
            if self._paths is paths:  # else there are more checkpoints, and another task reads them
                self._read_count = at + 1

    def _kernels(self, at: int, checkpoints: tuple[Checkpoint, ...]) -> dict[str, np.ndarray]:
        """All layers' kernels at a checkpoint; none where it cannot be read, or is not there any more."""
        engine = self._engine
        with engine.lock:
            if tuple(engine.checkpoints)[: len(checkpoints)] != checkpoints:
                return {}
            try:
                with engine.showing.only(at):
                    return {layer_title(layer): engine.kernels(layer.index) for layer in engine.layers}
            except (CheckpointError, NetError):
                return {}

    # The verdicts

    @property
    def diagnosis(self) -> RunningDiagnosisOverTime | None:
        """The newest, running or not."""
        return self._diagnosis

    @property
    def diagnosis_is_of_these(self) -> bool:
        """Whether it is of the checkpoints that there are now."""
        return self._judged == tuple(self._engine.checkpoints)

    def diagnose(self, images: Any, layers: Any, ablation: Any) -> RunningDiagnosisOverTime:
        """Begins to judge every filter at every checkpoint; one that still runs is ended.

        Args:
            images: How many images are looked at.
            layers: Which layers; see `filterscope.diagnose`.
            ablation: How the use of filters is found; see `filterscope.diagnose`.

        Raises:
            ValueError: If an argument does not fit, or there are no checkpoints.
            NetError: If the net cannot be copied.
        """
        count = check_images(images)
        request = check_request(ablation)
        with self._lock:
            engine = self._engine
            if not engine.checkpoints:
                raise ValueError("there are no checkpoints to judge; give some by Explorer(net, data, checkpoints=…)")
            chosen = sorted(layer_indices(engine.layers, layers))
            with engine.lock, engine.showing.only(None):
                pattern, forward, image = engine.snapshot(), engine.forward, engine.first_image
            if self._diagnosis is not None:
                self._diagnosis.close()

            def work(task: Task, so_far: Callable[[DiagnosisOverTime], None]) -> DiagnosisOverTime:
                samples = KeptSamples(PacedSamples(engine.samples, task.check))
                task.begin("checkpoints", 0, len(engine.checkpoints))
                return judge_all(
                    pattern,
                    engine.checkpoints,
                    lambda net: runner_for(net, samples, forward, PacedPasses(task.check), image),
                    samples,
                    chosen,
                    count,
                    request,
                    task.note,
                    task.cancelled,
                    so_far,
                )

            self._judged = tuple(engine.checkpoints)
            self._diagnosis = RunningDiagnosisOverTime(work, self.seconds_until_idle)
            return self._diagnosis

    def seconds_until_idle(self) -> float:
        """Seconds for which the person still comes first."""
        return self._engine.moved + DIAGNOSIS_QUIET_SECONDS - time.monotonic()

    def close(self) -> None:
        """Ends what runs, and waits until it has."""
        for running in (self._diagnosis, self._reading):
            if running is not None:
                running.close()
