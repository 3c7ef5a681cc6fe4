"""One explorer beside its widget: the engine, the selection, and all that can be asked of both. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from filterscope.engine.engine import Engine
from filterscope.filters.arithmetic import Arithmetic
from filterscope.filters.response import shown_plane
from filterscope.lab.quiz import Quiz
from filterscope.nets.layer_choice import layer_index
from filterscope.nets.layers import ConvLayer
from filterscope.outputs.detections import Detections
from filterscope.receptive_field.fields import ReceptiveField, ReceptiveFields
from filterscope.session.comparison import TwoNets
from filterscope.session.examiner import Examiner
from filterscope.session.lab import Lab
from filterscope.session.positions import MAPS, Map, Positions
from filterscope.session.running_scan import RunningScan
from filterscope.session.scans import Scans
from filterscope.session.selection import Selection, check_filters, choice
from filterscope.session.survey import Survey
from filterscope.session.timeline import RunningDiagnosisOverTime, Timeline
from filterscope.session.tray import Tray
from filterscope.verdicts.ablation.ablation import Replacement
from filterscope.verdicts.ablation.without import Without
from filterscope.verdicts.run.background import RunningDiagnosis

Result = TypeVar("Result")


class Session:
    """What can be asked of a net and a data set at a selection.

    `Explorer` is the widget around it; the command line has one without a widget. Arrays are the caller's own, with
    the weights of the moment of asking. Whatever needs the image raises `SampleError` where it cannot be read, and
    `NetError` where the net refuses it.

    Args:
        engine: The net and the data set.
        selected: Gives the present selection.
        announce: Tells whoever shows this session that what they show may be out of date.

    Attributes:
        engine: The net and the data set.
        positions: What each position of a map sees, and how its value comes about; found out when it is asked for.
        examiner: The verdicts on filters, and the net without some of them; begun when they are asked for.
        lab: Other kernels and images, tried on the twin.
        scans: What every filter gives for every image of the data set; begun when it is asked for.
        tray: Filters that are left out, and the smaller net without them; begun when it is asked for.
        timeline: The net over its checkpoints; begun when it is asked for.
        survey: Labels, predictions and thumbnails of all images; begun when they are asked for.
        someone_waits: Whether a person waits for a picture: then the survey ends a pass early.
    """

    def __init__(
        self,
        engine: Engine,
        selected: Callable[[], Selection] = Selection,
        announce: Callable[[], None] = lambda: None,
    ) -> None:
        self.engine = engine
        engine.selected_image = lambda: self.selected().image
        engine.showing.selected = lambda: self.selected().checkpoint
        self.selected = selected
        self.someone_waits: Callable[[], bool] = lambda: False
        self._announce = announce
        # Whether Python has begun a diagnosis, or a scan, and may hold it.
        self._diagnosed = self._scanned = self._judged_over_time = False
        self.positions = Positions(engine)
        self.examiner = Examiner(engine)
        self.lab = Lab(engine, self.examiner, lambda: self.selected(), lambda: self._announce())
        self.tray = Tray(engine, self.examiner)
        self.survey = Survey(engine, lambda: self.someone_waits())
        self.timeline = Timeline(engine)
        self._two_nets: TwoNets | None = None
        self.scans = Scans(engine, self.survey.take)  # its images need no second look

    @property
    def two_nets(self) -> TwoNets | None:
        """Another net beside this one; None where there is none, or it was made of this one as it was before."""
        two_nets = self._two_nets
        return None if two_nets is not None and two_nets.is_out_of_date else two_nets

    @two_nets.setter
    def two_nets(self, two_nets: TwoNets | None) -> None:
        self._two_nets = two_nets

    def look(self) -> None:
        """Notices changed weights; whoever shows them is told."""
        self.read(lambda engine, at: None)

    def refresh(self) -> None:
        """Reads net and data set anew.

        Raises:
            ValueError: If net or data set can no longer be shown (`NetError`, `SampleError`).
        """
        self.engine.refresh()
        self._announce()

    def sleep(self) -> bool:
        """Lets go of what can be computed anew, while nobody looks; a diagnosis or a scan that runs goes on to its end.

        Returns:
            Whether it did: while the engine works nothing is done, and nobody waits.
        """
        self.survey.sleep()
        if not self.engine.lock.acquire(blocking=False):
            return False
        try:
            self.positions.sleep()
            self.examiner.sleep()
            self.engine.sleep()
        finally:
            self.engine.lock.release()
        return True

    def let_go(self) -> None:
        """Ends what was begun for a page, once nobody can ask any more; what Python has begun or holds goes on."""
        self.survey.sleep()
        if not self._diagnosed and self.examiner.diagnosis is not None:
            self.examiner.diagnosis.cancel()
        if not self._judged_over_time and self.timeline.diagnosis is not None:
            self.timeline.diagnosis.cancel()
        if not self._scanned and self.scans.newest is not None:
            self.scans.newest.cancel()

    def close(self) -> None:
        """Ends what runs, and lets go of the net, the data set and all that was computed."""
        self.tray.close()
        self.examiner.close()
        self.timeline.close()
        self.scans.close()
        self.survey.close()
        self._two_nets = None
        self.engine.close()

    def read(self, compute: Callable[[Engine, Selection], Result]) -> Result:
        """Computes with the weights of this moment; whoever shows them is told where they changed.

        Args:
            compute: Given the engine, whose lock is held, and the present selection.
        """
        with self.engine.lock:
            changed = self.engine.check()
            if not changed:
                result = compute(self.engine, self.selected())
        self._announce()
        if changed:  # what the net no longer has is no longer selected now
            with self.engine.lock:
                result = compute(self.engine, self.selected())
        return result

    # What is selected

    @property
    def layers(self) -> tuple[ConvLayer, ...]:
        """The net's convolutions, one for each call in a forward pass, in execution order."""
        return self.engine.layers

    @property
    def layer(self) -> ConvLayer:
        """The selected layer."""
        return self.layers[self.selected().layer]

    @property
    def image(self) -> np.ndarray:
        """What the network is given, float32 `(C, H, W)`."""
        return np.array(self.engine.sample(self.selected().image).image)

    @property
    def display(self) -> np.ndarray:
        """What is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1], Normalize undone."""
        selection = self.selected()
        sample = self.engine.sample(selection.image)
        plane = shown_plane(sample.image, self.layers[selection.layer], selection.channel)
        return np.array(sample.drawn(plane).pixels)

    @property
    def label(self) -> str | int | None:
        """The image's class: its name, an int where there is no name, or None."""
        return self.engine.sample(self.selected().image).label

    @property
    def prediction(self) -> list[tuple[str | int, float]]:
        """The net's classes with their probabilities, best first; empty where it gives no score a class."""
        return self.read(lambda engine, at: engine.prediction(at.image))

    @property
    def detections(self) -> Detections | None:
        """The objects that the net sees in the image, in boxes; None where its output is none such."""
        answer = self.read(lambda engine, at: engine.answer(at.image))
        return answer if isinstance(answer, Detections) else None

    @property
    def class_map(self) -> np.ndarray | None:
        """The class of each pixel as the net sees it, uint8 `(H, W)` or `(D, H, W)`; None where it tells none."""
        answer = self.read(lambda engine, at: engine.answer(at.image))
        return answer.copy() if isinstance(answer, np.ndarray) and answer.ndim > 1 else None

    @property
    def kernel(self) -> np.ndarray:
        """The selected filter's kernels, float32 `(C_in/groups, kH, kW)`."""
        return self.read(lambda engine, at: engine.kernels(at.layer, at.image)[at.filter].copy())

    @property
    def response(self) -> np.ndarray:
        """`cv2.filter2D` of the selected filter over `source`, float32 `(H', W')`, without the bias."""
        return self.read(lambda engine, at: engine.response(at.image, at.layer, at.filter, at.channel, at.source))

    @property
    def pre_activation(self) -> np.ndarray:
        """The convolution's output at the selected filter, float32 `(H', W')`."""
        return self.read(lambda engine, at: engine.moment(at.image, at.layer).pre_activation(at.filter))

    @property
    def activation(self) -> np.ndarray:
        """The selected filter's map after normalisation and nonlinearity, float32 `(H'', W'')`."""
        return self.read(lambda engine, at: engine.moment(at.image, at.layer).activation(at.filter))

    # One position of the selected filter's map

    def _at_position(
        self, position: tuple[Any, Any, Any], answer: Callable[[Selection, tuple[int, ...]], Result]
    ) -> Result:
        def compute(engine: Engine, at: Selection) -> Result:
            shape = tuple(engine.maps(at.image, at.layer).pre_activation.shape[1:])
            return answer(at, self.positions.position(at.layer, shape, *position))

        return self.read(compute)

    def arithmetic(self, row: Any, column: Any, depth: Any = None) -> Arithmetic:
        """How the value of a position comes about; ValueError names what is possible for one that the map lacks."""
        return self._at_position(
            (row, column, depth), lambda at, place: self.positions.arithmetic(at.image, at.layer, at.filter, place)
        )

    def effective_receptive_field(self, row: Any, column: Any, depth: Any = None) -> np.ndarray:
        """How much each pixel of the image matters to a position, float32 `(H, W)`.

        Raises:
            ValueError: If the map has no such position, or no gradient reaches the image.
        """
        return self._at_position(
            (row, column, depth), lambda at, place: self.positions.effective(at.image, at.layer, at.filter, place)
        )

    def receptive_field(self, row: Any, column: Any, depth: Any = None) -> ReceptiveField:
        """Which part of the image a position sees.

        Raises:
            ValueError: If the map has no such position, or nothing of the image reaches it.
        """
        fields, layer = self._fields("pre_activation")
        return fields.at(self.positions.position(layer, fields.shape, row, column, depth))

    def receptive_fields(self, of: Any = "pre_activation") -> ReceptiveFields:
        """The receptive fields of every position of the selected filter's map.

        Raises:
            ValueError: If `of` is not one of `MAPS`, or nothing of the image reaches the map.
        """
        return self._fields(choice(of, MAPS, "of"))[0]

    def _fields(self, of: Map) -> tuple[ReceptiveFields, int]:
        """The fields and their layer: of the net's structure alone, so changed weights are not looked for."""
        self.engine.check_structure()
        self._announce()  # what the net no longer has is no longer selected then
        with self.engine.lock:
            at = self.selected()
            return self.positions.fields(at.image, at.layer, at.filter, of), at.layer

    # Verdicts

    def diagnose(
        self,
        images: Any,
        layers: Any,
        ablation: Any,
        ablated_images: Any = None,
        seconds: Any = None,
        start: Any = None,
    ) -> RunningDiagnosis:
        """Begins to judge filters in the background, those of the selected layer first; see `Examiner.diagnose`."""
        self._diagnosed = True
        first = self.selected().layer
        diagnosis = self.examiner.diagnose(images, layers, ablation, first, ablated_images, seconds, start)
        self._announce()
        return diagnosis

    def diagnose_over_time(self, images: Any, layers: Any, ablation: Any) -> RunningDiagnosisOverTime:
        """Begins to judge filters at every checkpoint in the background; see `Timeline.diagnose`."""
        self._judged_over_time = True
        return self.timeline.diagnose(images, layers, ablation)

    def scan(self, images: Any, layers: Any, pre_activation: Any) -> RunningScan:
        """Begins to gather in the background what every filter gives for every image; see `Scans.scan`."""
        self._scanned = True
        scan = self.scans.scan(images, layers, pre_activation)
        self._announce()
        return scan

    def quiz(self, rounds: Any = 20, seed: Any = 0, layer: Any = None) -> Quiz:
        """Questions of which image drives a filter; see `filterscope.lab.quiz`.

        Raises:
            ValueError: If nothing was scanned yet, or an argument does not fit.
        """
        scan = self.scans.newest
        if scan is None:
            raise ValueError("the quiz is made of a scan's evidence, and there is none yet: explorer.scan().wait()")
        return Quiz(scan, rounds, seed, layer)

    def without(
        self, filters: Any, layer: Any = None, replaced_by: Replacement = "mean", images: Any = None
    ) -> Without:
        """What the net says of the selected image when the maps of some filters are replaced by a constant.

        Raises:
            ValueError: If an argument does not fit, with the valid choices.
        """
        at = self.selected()
        index = at.layer if layer is None else layer_index(self.layers, layer)
        chosen = tuple(sorted(set(check_filters(self.layers[index], filters))))
        answer = self.examiner.without(at.image, index, chosen, replaced_by)
        self._announce()
        if images is None:
            return answer
        return replace(answer, effect=self.examiner.effect(index, chosen, replaced_by, images))

    def filter_effects(self, layer: Any = None) -> np.ndarray:
        """What leaving out each filter of a layer does to the prediction for the selected image, float32 `(F,)`.

        Raises:
            ValueError: If there is no such layer, with the valid choices; if the net's output is not one score a class.
        """
        at = self.selected()
        index = at.layer if layer is None else layer_index(self.layers, layer)
        effects = self.examiner.filter_effects(at.image, index)
        self._announce()
        return effects.values
