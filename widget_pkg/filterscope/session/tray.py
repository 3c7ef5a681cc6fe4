"""The tray of one explorer: filters that are left out, what that saves, and what it costs. Knows no widget."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from filterscope.engine.classes import Prediction
from filterscope.engine.engine import Engine
from filterscope.host.timing import IDLE_LOOK_SECONDS
from filterscope.nets.outputs import class_scores
from filterscope.scans.sampling import find_out_batches, runner_for
from filterscope.session.comparison import TwoNets
from filterscope.session.examiner import Examiner
from filterscope.session.smaller_beside import beside_smaller
from filterscope.surgery.choosing import Choice
from filterscope.surgery.make_plan import MEASURED_IMAGES, groups_by_word, plan_of
from filterscope.surgery.plan import Plan
from filterscope.surgery.planning import OnProgress, Patient
from filterscope.surgery.size import ParameterCount
from filterscope.surgery.structure import Filter, check_removable
from filterscope.surgery.why import ASKED, WORDS
from filterscope.surgery.widths import WidthCurve, width_curve
from filterscope.verdicts.run.background import RunningDiagnosis
from filterscope.verdicts.run.pacing import PacedPasses, PacedSamples

Check = Callable[[], None]


@dataclass(frozen=True)
class TrayLayer:
    """A layer of which filters are in a tray.

    Attributes:
        index: Index of the layer.
        name: Its name.
        filters: Indices of the filters that go.
        had: How many filters it has.
    """

    index: int
    name: str
    filters: tuple[int, ...]
    had: int


@dataclass(frozen=True)
class TrayContents:
    """What is in a tray.

    Attributes:
        layers: The layers of which filters go.
        groups: How many groups of filters that can only go together.
        parameters: How many parameters the net has, and how many would be left.
    """

    layers: tuple[TrayLayer, ...]
    groups: int
    parameters: tuple[int, int]

    @property
    def python(self) -> str:
        """The lines that make the smaller net."""
        if not self.layers:
            return ""
        filters = ", ".join(f"{layer.name!r}: {list(layer.filters)}" for layer in self.layers).replace("'", '"')
        return (
            f"plan = explorer.diagnosis.plan(remove={{{filters}}})\n"
            "print(plan)  # what it saves, and what it costs\n"
            "smaller = plan.apply()\n"
            "# Both side by side: Explorer.compare(net, smaller, test_data)\n"
        )


@dataclass(frozen=True, eq=False)
class TrayOrder:
    """In which order filters can go: the first ones cost least together.

    Attributes:
        groups: Filters that go together, as indices of layer and filter.
        left: float64 `(G + 1,)`: share of the parameters that is left without none, the first, the first two …
    """

    groups: tuple[tuple[Filter, ...], ...]
    left: np.ndarray


class Tray:
    """Tries filters out of a net, with the evidence of the newest diagnosis.

    A page keeps what is in its tray; here it is said what that means. What takes long is done with a `check` and in a
    thread of its own.

    Args:
        engine: The net and the data set.
        examiner: Has the diagnosis.
    """

    def __init__(self, engine: Engine, examiner: Examiner) -> None:
        self._engine, self._examiner = engine, examiner
        self._patient: Patient | None = None
        self._works = threading.Lock()
        self._check: Check = lambda: None  # of the work that holds the lock

    @property
    def waits_for(self) -> str:
        """Why there is no evidence to go by yet, a sentence; "" where there is."""
        diagnosis = self._examiner.diagnosis
        if diagnosis is None or (diagnosis.done and not diagnosis.filters):
            return "The tray goes by what a diagnosis found, and there is none yet: press Diagnose first."
        if not diagnosis.done:
            return "The diagnosis still runs; the tray goes by what it finds."
        if self._examiner.of_earlier_weights():
            return "The net's weights are others than the diagnosis saw: diagnose again first."
        return ""

    @property
    def diagnosis(self) -> RunningDiagnosis:
        """The diagnosis whose evidence chooses.

        Raises:
            ValueError: If there is none, it still runs, or it is of other weights.
        """
        diagnosis, why = self._examiner.diagnosis, self.waits_for
        if diagnosis is None or why:
            raise ValueError(why)
        return diagnosis

    @property
    def prepared(self) -> bool:
        """Whether all is known that quick answers take."""
        return self._patient is not None and self._patient.diagnosis is self.diagnosis

    def prepare(self, check: Check) -> None:
        """Finds which filters can only go together, and the means that they are replaced by."""
        with self._at_work(check) as patient:
            _ = patient.structure, patient.verdicts, patient.merges, patient.means

    @contextmanager
    def _at_work(self, check: Check) -> Iterator[Patient]:
        """One work at a time runs the patient's net, and it is this one that is interrupted."""
        while not self._works.acquire(timeout=IDLE_LOOK_SECONDS):
            check()
        self._check = check
        try:
            diagnosis = self.diagnosis
            if self._patient is None or self._patient.diagnosis is not diagnosis:
                self._patient = None
                patient = self._patient_of(diagnosis)
                yield patient
                self._patient = patient
            else:
                yield self._patient
        finally:
            self._check = lambda: None
            self._works.release()

    def _patient_of(self, diagnosis: RunningDiagnosis) -> Patient:
        engine = self._engine
        check = lambda: self._check()  # noqa: E731
        samples, net = PacedSamples(engine.samples, check), self._examiner.net_copy().net
        runner = runner_for(net, samples, engine.forward, PacedPasses(check), engine.first_image)
        patient = Patient.of(diagnosis, MEASURED_IMAGES, runner, samples)
        find_out_batches(runner, samples, patient.chosen_on)
        return patient

    def _known(self) -> Patient:
        if self._patient is None or not self.prepared:
            raise ValueError("The tray is not prepared for this diagnosis yet.")
        return self._patient

    # Quick answers, once it is prepared

    def groups(self, filters: Iterable[Filter]) -> list[int]:
        """The groups of some filters: these, and others that can only go together with them."""
        structure = self._known().structure
        return sorted({structure.group_of(*each) for each in filters})

    def check(self, groups: Sequence[int]) -> None:
        """Whether these groups can go.

        Raises:
            NetError: If one cannot be removed, or a layer would be empty.
        """
        check_removable(self._known().structure, groups)

    def with_word(self, groups: Sequence[int], word: str) -> list[int]:
        """Those groups, and all of which a verdict's word holds, as far as every layer keeps a filter.

        Raises:
            ValueError: If it holds of none.
        """
        patient = self._known()
        more, _, _ = groups_by_word(patient, patient.diagnosis.examination.layers, [word])
        chosen = list(groups)
        for group in more:
            if group not in chosen and self._leaves_one([*chosen, group]):
                chosen.append(group)
        return sorted(chosen)

    def _leaves_one(self, groups: Sequence[int]) -> bool:
        structure = self._known().structure
        filters = structure.filters_of(groups).items()
        return all(len(gone) < structure.layers[layer].out_channels for layer, gone in filters)

    def words(self) -> dict[str, int]:
        """For each verdict's word how many groups it would put in."""
        patient, counts = self._known(), {}
        for word in WORDS:
            try:
                counts[word] = len(groups_by_word(patient, patient.diagnosis.examination.layers, [word])[0])
            except ValueError:
                counts[word] = 0
        return counts

    def fixed(self, layer: int) -> dict[int, str]:
        """The filters of a layer that cannot be removed, and why."""
        structure = self._known().structure
        indices = range(structure.layers[layer].out_channels)
        reasons = {index: structure.groups[structure.group_of(layer, index)].reason for index in indices}
        return {index: reason for index, reason in reasons.items() if reason}

    def contents(self, groups: Sequence[int]) -> TrayContents:
        """What is in a tray with these groups."""
        patient = self._known()
        structure = patient.structure
        count = ParameterCount(patient.runner.net, structure.channels)
        count.remove(label for group in groups for label in structure.groups[group].labels)
        layers = tuple(
            TrayLayer(layer, structure.layers[layer].name, tuple(filters), structure.layers[layer].out_channels)
            for layer, filters in structure.filters_of(groups).items()
        )
        return TrayContents(layers, len(groups), (count.total, count.left))

    def compare(self, image: int, groups: Sequence[int]) -> tuple[Prediction, Prediction]:
        """What the net says of an image, with all filters and without those of these groups."""
        patient, copy = self._known(), self._examiner.net_copy()
        ablation = patient.ablation(groups)
        with copy.lock:
            batch = copy.runner.batch([self._engine.sample(image).net_input])
            try:
                outputs: list[Any] = [copy.runner.run(batch), ablation.run(copy.runner, batch)]
            except Exception as error:
                raise copy.runner.refusal(batch, error) from error
            before, after = (class_scores(output, 1, copy.runner.known) for output in outputs)
        ranked = self._engine.classes.ranked
        return ranked(None if before is None else before[0]), ranked(None if after is None else after[0])

    # What takes time

    def plan(self, filters: Iterable[Filter], on_progress: OnProgress, check: Check) -> Plan:
        """The plan in which these filters go: its net made, held against the ablated one, and measured.

        Raises:
            ValueError: If the diagnosis left no images to measure on.
            NetError: If the net cannot be made.
        """
        with self._at_work(check) as patient:
            patient.check_measurable()
            groups = sorted({patient.structure.group_of(*each) for each in filters})
            return plan_of(patient, groups, ASKED, [], on_progress)

    def order(self, on_progress: OnProgress, check: Check) -> TrayOrder:
        """In which order the filters of all diagnosed layers can go.

        Raises:
            ValueError: If the net's output is not one score a class, or it cannot be differentiated.
        """
        with self._at_work(check) as patient:
            structure = patient.structure
            choice = Choice(patient, patient.diagnosis.examination.layers, "parameters", on_progress)
            groups = list(choice.parameters(0))
            count = ParameterCount(patient.runner.net, structure.channels)
            left = [1.0]
            for group in groups:
                count.remove(structure.groups[group].labels)
                left.append(count.left / count.total)
            return TrayOrder(tuple(structure.groups[group].filters for group in groups), np.array(left))

    def widths(self, layer: int, check: Check) -> WidthCurve:
        """What it costs when a layer keeps fewer and fewer filters.

        Raises:
            ValueError: If the net's output is not one score a class, or there are no images to measure on.
        """
        with self._at_work(check) as patient:
            patient.check_measurable()
            return width_curve(patient, layer)

    def beside(self, filters: Iterable[Filter], check: Check) -> TwoNets:
        """The net and the smaller one without these filters, side by side.

        They are run on images that were not used to choose, where there are enough.

        Raises:
            NetError: If the net cannot be made.
        """
        with self._at_work(check) as patient:
            groups = sorted({patient.structure.group_of(*each) for each in filters})
            return beside_smaller(self._engine, patient, groups, lambda: self._check())

    def close(self) -> None:
        """Lets go of what was found."""
        self._patient = None
