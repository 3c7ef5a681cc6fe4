"""A diagnosis that grows in the background: what is known so far can be read at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from filterscope.errors import NetError
from filterscope.host.timing import PARTIAL_RESULT_SECONDS
from filterscope.nets.fingerprint import fingerprint as fingerprint_of
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.runner import NetRunner
from filterscope.scans.sampling import Samples
from filterscope.verdicts.examination import Examination
from filterscope.verdicts.result.conclusion import conclude, judge_weights
from filterscope.verdicts.result.diagnosis import Diagnosis
from filterscope.verdicts.result.layer_use import LayerUse
from filterscope.verdicts.result.verdict import FilterVerdict
from filterscope.verdicts.run.examine import examine
from filterscope.verdicts.run.plan import AblationPlan
from filterscope.verdicts.run.request import AblationRequest
from filterscope.verdicts.run.task import Task, TaskProgress
from filterscope.verdicts.weights.start import StartKernels

_STAGES = {
    "weights": "layers' weights",
    "images": "images",
    "ablation": "images, one filter removed at a time",
    "filters": "filters, each removed on a few images",
    "merging": "images, one filter's map made of another's at a time",
    "together": "images, the least used filters of a layer removed together",
}
_SHARE = 10  # of the time at most goes into partial results: 1 / this

Prepare = Callable[[Task], tuple[NetRunner, Samples]]
"""Makes what runs the net, and the data set, for a task."""


class RunningDiagnosis(Diagnosis):
    """A `Diagnosis` that is still being made, or was: `done` says which. Its attributes are those of what is known.

    Everything that a `Diagnosis` has is here too, for the images seen so far, and is exact for these.

    Args:
        prepare: Makes net and data set; called in the background.
        titles: Indices of the layers to look at, each with its title; their weights are judged in this order.
        images: How many images are looked at.
        request: How the use of filters is found.
        earlier: A diagnosis of the same weights and layers to go on from.
        start: What the net started from, where that is known.
        seconds_until_idle: For how long the person still comes first.

    Example:
        >>> from filterscope import Explorer, demo
        >>> explorer = Explorer(demo.fashion_net(), demo.fashion_test_data())
        >>> diagnosis = explorer.diagnose(images=100, ablation=False)
        >>> diagnosis.wait().images
        100
    """

    def __init__(
        self,
        prepare: Prepare,
        titles: dict[int, str],
        images: int,
        request: AblationRequest,
        earlier: Diagnosis | None = None,
        start: StartKernels | None = None,
        seconds_until_idle: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._prepare, self._titles = prepare, titles
        self._asked, self._request = images, request
        self._earlier, self._start = earlier, start
        self._plan: AblationPlan | None = None
        self._latest: Diagnosis | None = None
        self._finished = False
        self._version = 0
        self._published, self._cost = 0.0, 0.0
        self._task = Task("filterscope diagnosis", self._work, seconds_until_idle)

    # How far it is

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
        return self._task.cancelled.is_set() and not self._finished

    @property
    def progress(self) -> TaskProgress:
        """Stage, done, total, how many a second, and how long it still takes."""
        return self._task.progress

    @property
    def version(self) -> int:
        """Goes up whenever there is more to read."""
        return self._version

    @property
    def asked(self) -> int:
        """How many images were asked for."""
        return self._asked

    def wait(self, timeout: float | None = None) -> RunningDiagnosis:
        """Waits until it has ended.

        Args:
            timeout: Seconds to wait at most; None waits for as long as it takes.

        Returns:
            Itself, whether it has ended or not; see `done`.

        Raises:
            Exception: What ended it, where it failed.
        """
        self._task.wait(timeout)
        if self._task.error is not None:
            raise self._task.error
        return self

    def cancel(self) -> RunningDiagnosis:
        """Ends it within a moment and returns at once; what is known is kept, and exact for the images seen."""
        self._task.cancel()
        return self

    def close(self) -> None:
        """Ends it, and waits until it has."""
        self._task.close()

    # What is known

    @property
    def filters(self) -> tuple[FilterVerdict, ...]:
        """One for each filter judged so far, in order."""
        return () if self._latest is None else self._latest.filters

    @property
    def images(self) -> int:
        """Images seen so far."""
        return 0 if self._latest is None else self._latest.images

    @property
    def ablated(self) -> int:
        """Images on which filters were ablated so far."""
        return 0 if self._latest is None else self._latest.ablated

    @property
    def complete(self) -> bool:
        """Whether all images asked for were seen and, if asked for, ablated on."""
        return self._finished

    @property
    def knowledge(self) -> str:
        """What the net knows about these images, one sentence."""
        return "No image seen yet." if self._latest is None else self._latest.knowledge

    @property
    def notes(self) -> tuple[str, ...]:
        """What else there is to know, sentences; while it runs, how far it is."""
        notes = () if self._latest is None else self._latest.notes
        if not self.done:
            return (*notes, f"Still running: {self._words()}.")
        if self.error is not None:
            return (*notes, f"It stopped: {self.error}")
        return notes

    @property
    def layer_uses(self) -> Mapping[str, LayerUse]:
        """How much of each layer is needed, by the layer's name, as far as is known."""
        return {} if self._latest is None else self._latest.layer_uses

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that stand for the net's weights; "" before they were read."""
        return "" if self._latest is None else self._latest.fingerprint

    @property
    def examination(self) -> Examination:
        """The sums behind it, of the moment of the last partial result.

        Raises:
            RuntimeError: Before the first.
        """
        if self._latest is None:
            raise RuntimeError("nothing is known yet; wait() for this diagnosis first")
        return self._latest.examination

    def __repr__(self) -> str:
        if not self.done:
            return f"RunningDiagnosis(running: {self._words()})"
        how = "failed" if self.error is not None else "cancelled" if self.cancelled else "done"
        return f"RunningDiagnosis({how}: {self.images:,} images, {len(self.filters)} filters)"

    def _words(self) -> str:
        at = self.progress
        if not at.stage:
            return "starting"
        what = _STAGES.get(at.stage, at.stage)
        left = "" if at.seconds_left is None else f", {at.per_second:.3g} a second, {at.seconds_left:.0f} s left"
        return f"{at.done:,} of {at.total:,} {what}{left}"

    # The work, in its thread

    def _work(self, task: Task) -> None:
        runner, samples = self._prepare(task)
        now = {layer.index: layer_title(layer) for layer in runner.layers}
        if any(now.get(index) != title for index, title in self._titles.items()):
            raise NetError(
                "the net took another path for the first image of the data set than for the one the explorer was made "
                "with, so its layers are others; give the explorer an image_index that stands for the rest"
            )
        fingerprint = fingerprint_of(runner.net)
        examination = self._beginning(runner, samples, fingerprint)
        if self._start is not None:
            examination.start = self._start
        judged: list[int] = []
        try:
            task.begin("weights", 0, len(self._titles))
            for index in self._titles:
                task.check()
                judge_weights(examination, index)
                judged.append(index)
                task.note("weights", len(judged), len(self._titles))
                self._publish_now_and_then(examination, judged, fingerprint)
            self._look_at_images(task, examination, judged, fingerprint)
            self._finished = not task.cancelled.is_set() and not examination.cut
        finally:
            self._publish(examination, judged, fingerprint, ended=True)

    def _look_at_images(self, task: Task, examination: Examination, judged: list[int], fingerprint: str) -> None:
        most = min(self._asked, len(examination.samples)) if not examination.samples.is_stream else self._asked

        def on_progress(stage: str, done: int, total: int) -> None:
            if stage != task.progress.stage:
                task.begin(stage, done, total)
            plan = self._plan if stage == "filters" else None
            share = None if plan is None else plan.share_done(done)
            expected = None if plan is None else plan.seconds
            task.note(stage, done, most if stage == "images" else total, share, expected)
            if stage == "images" and self._plan is not None:
                task.progress = replace(task.progress, seconds_after=self._plan.seconds)
            self._publish_now_and_then(examination, judged, fingerprint)

        began = time.monotonic()
        task.begin("images", examination.seen, most)
        looking = partial(examine, examination, self._asked, self._request, on_progress, task.cancelled, began=began)
        passes, before = 1, -1
        # A few at first, until it is known how many take how long.
        while before < examination.seen < self._asked and not examination.cut:
            before = examination.seen
            pause = min(before + passes * examination.runner.images_at_once(), self._asked)
            looking(pause=pause, on_plan=None if self._plan else self._told_plan)
            task.check()
            passes *= 2
        looking(on_plan=self._told_plan)

    def _told_plan(self, plan: AblationPlan) -> None:
        self._plan = plan

    def _beginning(self, runner: NetRunner, samples: Samples, fingerprint: str) -> Examination:
        """The sums of the earlier diagnosis, where it fits, or none."""
        earlier, self._earlier = self._earlier, None
        layers = sorted(self._titles)
        if earlier is not None and earlier.filters and earlier.fingerprint == fingerprint:
            sums = earlier.examination
            if sums.layers == layers and (samples.is_stream or len(sums.samples) == len(samples)):
                return sums.copy(runner, samples)
        return Examination(runner, samples, layers)

    def _publish_now_and_then(self, examination: Examination, judged: list[int], fingerprint: str) -> None:
        if time.monotonic() - self._published >= max(PARTIAL_RESULT_SECONDS, _SHARE * self._cost):
            self._publish(examination, judged, fingerprint)

    def _publish(self, examination: Examination, judged: list[int], fingerprint: str, ended: bool = False) -> None:
        """Concludes from a copy of the sums, so that it can be read while they grow."""
        start = time.monotonic()
        part = examination.copy(examination.runner, examination.samples)
        if not (ended and self._finished):
            part.layers = sorted(judged)
        self._latest = conclude(part, self._finished or not ended, self._request.mode is not False, fingerprint)
        self._version += 1
        self._published = time.monotonic()
        self._cost = self._published - start
