"""The scan of one explorer: what runs beside the person for it, what is known, and of which weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from filterscope.data.sample import Sample
from filterscope.engine.engine import Engine
from filterscope.engine.samples import Samples
from filterscope.errors import NetError, SampleError
from filterscope.host.timing import DIAGNOSIS_QUIET_SECONDS, READ_AT_ONCE_SECONDS, SCAN_PASS_SECONDS
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_indices
from filterscope.nets.runner import NetRunner
from filterscope.scans.choice import check_count, chosen_images, count_of_stream
from filterscope.scans.identity import ACTIVATION, PRE_ACTIVATION, DataIdentity, ScanIdentity, identify_layer
from filterscope.scans.result import Scan
from filterscope.scans.sampling import runner_for
from filterscope.session.running_scan import Prepared, RunningScan
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples
from filterscope.verdicts.run.task import Task

_MOST_AT_ONCE = 256


class _SamplesAtOnce(PacedSamples):
    """Several samples in one go, as many as a person need not wait for: that takes a fraction of the time."""

    def __init__(self, samples: Samples, check: Callable[[], None] = lambda: None) -> None:
        super().__init__(samples, check)
        self._several, self._give_way = samples, check

    def read_several(self, indices: Sequence[int]) -> list[Sample | SampleError]:
        """Samples for the net, with a look now and then at whether to go on; for one that cannot be read, its error."""
        samples: list[Sample | SampleError] = []
        while len(samples) < len(indices):
            self._give_way()
            at_once = int(READ_AT_ONCE_SECONDS / max(self._several.source.seconds, 1e-6))
            samples += self._several.read_for_net(indices[len(samples) :][: max(1, min(at_once, _MOST_AT_ONCE))])
        return samples


class Scans:
    """Runs scans on copies of an explorer's net.

    Args:
        engine: The net and the data set.
        finished: Called in the background with each scan that has seen all of its images.
    """

    def __init__(self, engine: Engine, finished: Callable[[Scan], object] = lambda scan: None) -> None:
        self._engine, self._when_finished = engine, finished
        self._lock = threading.Lock()
        self._newest: RunningScan | None = None
        self._began_at = 0  # revision of the engine
        self._same_weights: tuple[int, bool] = (0, True)  # at a revision
        self._data_version = 0

    @property
    def newest(self) -> RunningScan | None:
        """The newest scan, running or not."""
        return self._newest

    def scan(self, images: Any = None, layers: Any = None, pre_activation: bool = False) -> RunningScan:
        """Begins one, or goes on with the last where it is of the same weights, layers and images.

        Args:
            images: Which images; see `filterscope.scan`.
            layers: Which layers; see `filterscope.scan`.
            pre_activation: Whether the scores are those of the maps before normalisation and nonlinearity.

        Raises:
            TypeError: If an argument is of the wrong kind.
            ValueError: If an argument does not fit, with the valid choices.
            NetError: If the net cannot be copied.
        """
        if images is not None:
            check_count(images)
        if not isinstance(pre_activation, bool):
            raise ValueError(f"pre_activation is {pre_activation!r}; choose True or False")
        with self._lock:
            engine = self._engine
            if engine.runs_the_net_itself:
                raise NetError(
                    "this net cannot be copied, so nothing may run it in the background; filterscope.scan(net, data) "
                    "runs it while nothing else does"
                )
            chosen: np.ndarray | int | None
            chosen = (count_of_stream if engine.source.is_stream else self._indices)(images)
            indices = sorted(layer_indices(engine.layers, layers))
            with engine.lock:
                engine.check()
                net, forward, revision, image = engine.snapshot(), engine.forward, engine.revision, engine.first_image
                identity = self._identity(indices, pre_activation)
            earlier = self._newest
            if earlier is not None:
                earlier.close()
                if not earlier.done:
                    raise ValueError(
                        "the scan before this one has not ended yet: a sample or a pass takes long; it was cancelled, "
                        "so begin this one again in a moment"
                    )

            def runner(samples: PacedSamples, pace: PacedPasses) -> NetRunner:
                return runner_for(net, samples, forward, pace, image)

            def prepare(task: Task) -> Prepared:
                samples, crop_samples = _SamplesAtOnce(engine.samples, task.check), PacedSamples(engine.samples)
                return Prepared(
                    runner(samples, PacedPasses(task.check, SCAN_PASS_SECONDS)),
                    samples,
                    runner(crop_samples, PacedPasses()),
                    crop_samples,
                )

            same_data = engine.source.version == self._data_version
            self._began_at, self._same_weights = revision, (revision, True)
            self._data_version = engine.source.version
            self._newest = RunningScan(
                prepare,
                identity,
                chosen,
                earlier if same_data else None,
                self.seconds_until_idle,
                self._when_finished,
            )
            return self._newest

    def out_of_date(self) -> bool:
        """Whether the net's weights, or the data set, are no longer those of the newest scan."""
        scan, engine = self._newest, self._engine
        if scan is None:
            return False
        if engine.source.version != self._data_version:
            return True
        if engine.revision == self._same_weights[0]:
            return not self._same_weights[1]
        if not scan.identity.net:  # nothing is known yet
            return engine.revision != self._began_at
        with engine.lock:
            self._same_weights = engine.revision, fingerprint(engine.net) == scan.identity.net
        return not self._same_weights[1]

    def seconds_until_idle(self) -> float:
        """Seconds for which the person still comes first."""
        return self._engine.moved + DIAGNOSIS_QUIET_SECONDS - time.monotonic()

    def close(self) -> None:
        """Ends what runs, and waits until it has."""
        if self._newest is not None:
            self._newest.close()

    def _indices(self, images: Any) -> np.ndarray:
        return chosen_images(images, PacedSamples(self._engine.samples))

    def _identity(self, layers: list[int], pre_activation: bool) -> ScanIdentity:
        """What is scanned, without the fingerprints, which take their time."""
        source = self._engine.source
        data = DataIdentity(None if source.is_stream else len(source), tuple(source.classes), "", "")
        titles = tuple(identify_layer(self._engine.layers[layer]) for layer in layers)
        return ScanIdentity("", data, titles, PRE_ACTIVATION if pre_activation else ACTIVATION)
