"""What the net says to every image of the data set, found out in the background, and the strip's thumbnails.

A filter by class or by right and wrong needs the labels and predictions of all images. They are read and computed in
small steps in a thread of their own, which gives way to whatever the person does meanwhile, and ends by itself when
nobody has asked for a while. Samples are read without the engine's lock, so that slow ones keep nobody waiting.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from filterscope.data.sample import Sample
from filterscope.data.thumbnails import Thumbnail, no_thumbnail, thumbnail_of
from filterscope.engine.classes import Looked
from filterscope.engine.engine import Engine
from filterscope.errors import SampleError, describe_exception, foreign_code
from filterscope.host.shutdown import close_at_exit
from filterscope.host.timing import (
    CLOSE_SECONDS,
    LONG_PASS_SECONDS,
    QUICK_SAMPLE_SECONDS,
    SURVEY_CHECK_SECONDS,
    SURVEY_IDLE_SECONDS,
    SURVEY_PAUSE_SECONDS,
    SURVEY_QUIET_SECONDS,
    SURVEY_STEP_SECONDS,
)
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.interruption import StopPass, StopWhen
from filterscope.nets.step_size import StepSize
from filterscope.scans.identity import identify_data
from filterscope.scans.result import Scan
from filterscope.session.label_table import ClassName, LabelTable
from filterscope.verdicts.run.pacing import PacedSamples

Outcome = Literal["right", "wrong"]
OUTCOMES: tuple[Outcome, Outcome] = ("right", "wrong")

_BATCH = 32
_THUMBNAILS = 2000  # kept, 9 kB each


@dataclass(frozen=True)
class Progress:
    """How far a survey is.

    Attributes:
        done: Images looked at.
        total: Images in the data set.
        running: Whether it goes on.
        error: Why it cannot, one sentence, or None.
    """

    done: int
    total: int
    running: bool
    error: str | None


class Survey:
    """Labels, predictions and thumbnails of a data set's images, as far as they are known.

    Args:
        engine: The net and the data set.
        someone_waits: Whether a person waits for a picture: then a pass that has begun ends early.
    """

    def __init__(self, engine: Engine, someone_waits: Callable[[], bool] = lambda: False) -> None:
        self._engine = engine
        self._someone_waits = someone_waits
        self._revision = engine.revision
        self._version = engine.source.version
        self._table = LabelTable(len(engine.source))
        self._thumbnails: OrderedDict[int, Thumbnail] = OrderedDict()
        self._thread: threading.Thread | None = None
        self._asked = 0.0
        self._first: list[int] = []  # what is on a page comes before the rest
        self._pictures = False  # whether that needs thumbnails too
        self._whole = False  # whether all images are wanted, or only these
        self._looked_for_labels = self._labels_held = False
        self._error: str | None = None
        self._closed = False
        self._size = StepSize(SURVEY_STEP_SECONDS, SURVEY_STEP_SECONDS, first=1, most=_BATCH)
        self._pass_seconds = 0.0  # that the last one took
        close_at_exit(self)

    def classes(self) -> list[ClassName]:
        """The classes that can be asked for: the data set's names, or the labels seen so far."""
        return list(self._engine.source.classes) or sorted(self._table.names, key=str)

    def labels_known(self) -> bool:
        """Whether the data set itself holds the labels of all images; then they are taken."""
        if not self._looked_for_labels:
            labels = self._engine.samples.labels()
            with self._engine.lock:
                self._looked_for_labels = True
                self._labels_held = labels is not None
                if labels is not None:
                    self._table.take_labels(labels)
        return self._labels_held

    def need(self, first: list[int], whole: bool, predictions: bool = True, pictures: bool = False) -> None:
        """Asks for labels and predictions; the work goes on in the background while somebody asks.

        Args:
            first: Images that are wanted before others.
            whole: Whether all images are wanted, or only these.
            predictions: Whether predictions are wanted, or only labels.
            pictures: Whether thumbnails of the first ones are wanted.
        """
        with self._engine.lock:
            self._follow()
            if whole and self._quick:
                self.labels_known()
            self._table.need(labels=True, predictions=predictions)
            self._first, self._whole, self._pictures = first, whole, pictures
            self._asked = time.monotonic()
            if self._engine.runs_the_net_itself and predictions:
                self._error = "no predictions in the background: this net cannot be copied, so nothing else may run it"
            if not self._alive() and not self._closed and self._next():
                thread = threading.Thread(target=self._run, name="filterscope survey", daemon=True)
                thread.start()
                self._thread = thread

    def take(self, scan: Scan) -> bool:
        """Takes over what a scan of this net and data set has seen, so that nothing reads and runs these images again.

        Args:
            scan: The scan. Images that it could not read, or that the net refused, are looked at here.

        Returns:
            Whether it was of the weights of now and of this data set, as far as a few samples tell; else nothing is
            taken.
        """
        engine, state = self._engine, scan.state
        data = identify_data(PacedSamples(engine.samples))  # outside of the lock: samples may be slow
        with engine.lock:
            engine.check()
            self._follow()
            alike = not data.random and data.fits(scan.identity.data)
            by_classes = engine.runner.known.scorer is None  # a scan knows of no score
            if not by_classes or not alike or scan.identity.net != fingerprint(engine.net):
                return False
            within = state.images < len(engine.source)  # a stream may have been read less far here
            highest = int(state.predicted.max(initial=-1))
            predictions = [*(engine.classes[number] for number in range(highest + 1)), None]
            self._table.take(
                state.images[within],
                [*state.classes, None],
                state.labels[within],
                predictions,
                state.predicted[within],
            )
            return True

    def matching(self, label: ClassName | None, outcome: Outcome | None) -> np.ndarray:
        """Indices of the images known to match so far, ascending.

        Args:
            label: A class, or None for all.
            outcome: `"right"` or `"wrong"`, or None for both.
        """
        with self._engine.lock:
            self._follow()
            return self._table.matching(label, outcome, lambda name: name in self._engine.classes)

    def predicted(self, image: int) -> ClassName | None:
        """The predicted class of an image, or None where it is not known."""
        with self._engine.lock:
            self._follow()
            return self._table.prediction(image)

    def right(self, image: int) -> bool | None:
        """Whether an image is right by a score; None where it goes by classes, or that is not known."""
        with self._engine.lock:
            self._follow()
            return self._table.right(image)

    def thumbnail(self, image: int, read: bool) -> Thumbnail | None:
        """An image's thumbnail, or None where there is none yet.

        Args:
            image: Its index.
            read: Whether the image may be read for it, if that is quick.
        """
        with self._engine.lock:
            self._follow()
            if image not in self._thumbnails and read and self._quick:
                self._first = [*self._first, image]
                with suppress(SampleError):
                    self._look(image)
            return self._thumbnails.get(image)

    def progress(self) -> Progress:
        """How far it is."""
        with self._engine.lock:
            self._follow()
            running = self._alive() and bool(self._next())
            return Progress(self._table.count(), len(self._engine.source), running, self._error)

    def sleep(self) -> None:
        """Ends the work that nobody asks for any more, and lets go of the thumbnails; labels and predictions stay."""
        self._asked = -math.inf
        self._first, self._whole, self._pictures = [], False, False
        self._thumbnails.clear()

    def close(self) -> None:
        """Ends the thread and waits for it."""
        self._closed = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=CLOSE_SECONDS)

    @property
    def _quick(self) -> bool:
        return self._engine.source.seconds < QUICK_SAMPLE_SECONDS

    def _follow(self) -> None:
        """Forgets what no longer holds, after the net or the data set changed; a stream may have grown."""
        source = self._engine.source
        if self._version != source.version:
            self._version = source.version
            self._table = LabelTable(len(source))
            self._thumbnails.clear()
            self._looked_for_labels = False
        if self._revision != self._engine.revision:
            self._revision = self._engine.revision
            self._table.forget(labels=self._engine.source.random)
            self._error = None
        self._table.grow(len(source))

    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _next(self) -> list[int]:
        """The images to look at next, a batch at the most."""
        first = [image for image in self._first if self._lacks_thumbnail(image)]
        if self._error is None and not self._pictures_first():
            first = [image for image in self._first if self._table.lacks(image) or image in first]
        return first[:_BATCH] if first or self._error or not self._whole else self._table.lacking(_BATCH)

    def _lacks_thumbnail(self, image: int) -> bool:
        return self._pictures and image not in self._thumbnails

    def _run(self) -> None:
        """Looks at the missing images in order, a few at a time, until all are known or nobody asks any more."""
        try:
            with foreign_code():
                self._look_at_missing()
        except Exception as error:
            self._error = f"predictions stopped: {describe_exception(error)}"

    def _look_at_missing(self) -> None:
        while not self._closed and time.monotonic() - self._asked < SURVEY_IDLE_SECONDS:
            if time.monotonic() - self._engine.moved < SURVEY_QUIET_SECONDS:
                time.sleep(SURVEY_QUIET_SECONDS / 5)
                continue
            with self._engine.lock:
                if self._closed or self._engine.closed:
                    return
                self._engine.check(within=SURVEY_CHECK_SECONDS)
                self._follow()
                images, revision = self._next(), self._engine.revision
                if self._whole and not self._looked_for_labels:
                    images = []
            if self._whole and not self._looked_for_labels:
                self.labels_known()
            elif images:
                self._step(images, revision)
            else:
                return
            time.sleep(SURVEY_PAUSE_SECONDS)  # a lock is not fair: without a pause nobody else would get it

    def _step(self, images: list[int], revision: int) -> None:
        """Reads these images, as many as fit into a step's time, and predicts them in one pass."""
        end = time.monotonic() + SURVEY_STEP_SECONDS
        samples: list[Sample] = []
        for image in images[: self._size.images]:
            try:
                sample = self._look(image)
            except SampleError:
                continue
            if samples and sample.image.shape != samples[0].image.shape:
                break
            samples.append(sample)
            if time.monotonic() > end or self._closed:
                break
        if self._error is not None or not samples or self._pictures_first():
            return
        with self._engine.lock:
            if self._closed or self._engine.closed or self._engine.revision != revision:
                return
            if self._table.predictions is not None:
                start = time.monotonic()
                with suppress(StopPass), StopWhen(self._someone_waits):
                    for sample, (best, right) in zip(samples, self._look_at(samples), strict=True):
                        self._table.note_prediction(sample.index, best, right)
                self._pass_seconds = time.monotonic() - start
                self._size.took(len(samples), self._pass_seconds)

    def _pictures_first(self) -> bool:
        """Whether the page's thumbnails come before a pass, even if their images have to be read again for that."""
        return self._pass_seconds > LONG_PASS_SECONDS and any(map(self._lacks_thumbnail, self._first))

    def _look(self, image: int) -> Sample:
        """Reads an image, for its class and its thumbnail.

        Raises:
            SampleError: If it cannot be read; that is noted.
        """
        version = self._version
        try:
            sample = self._engine.samples.read(image)
            label, small = sample.label, thumbnail_of(sample) if image in self._first else None
        except SampleError as error:
            self._note(image, None, no_thumbnail(str(error)), version)
            with self._engine.lock:
                self._table.note_prediction(image, None)
            raise
        self._note(image, label, small, version)
        return sample

    def _note(self, image: int, label: ClassName | None, small: Thumbnail | None, version: int) -> None:
        with self._engine.lock:
            if version != self._version:
                return  # of the data set as it was
            self._table.note_label(image, label)
            if small is not None:
                self._thumbnails[image] = small
            while len(self._thumbnails) > _THUMBNAILS:
                self._thumbnails.popitem(last=False)

    def _look_at(self, samples: list[Sample]) -> list[Looked]:
        """What the net says in one pass, or one by one where it refuses that; nothing for what it refuses alone."""
        with suppress(Exception):
            return self._engine.look_at(samples)
        looked: list[Looked] = []
        for sample in samples:
            try:
                looked += self._engine.look_at([sample])
            except Exception:
                looked.append(Looked(None, None))
        return looked
