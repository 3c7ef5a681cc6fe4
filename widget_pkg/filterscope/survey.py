"""What the net says to every image of the data set, found out in the background.

A filter by class or by right and wrong needs the labels and predictions of all images. They are read and computed in
small steps in a thread of their own, which gives way to whatever the person does meanwhile, and ends by itself when
nobody has asked for a while.
"""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np

from filterscope.engine import Engine
from filterscope.errors import SampleError, describe_exception

Outcome = Literal["right", "wrong"]
OUTCOMES: tuple[Outcome, Outcome] = ("right", "wrong")

_UNKNOWN, _NONE = -2, -1  # not looked at yet; looked at, and there is no class
_STEP_SECONDS = 0.015  # at a time under the engine's lock: less than a frame
_BATCH = 32
_GIVE_WAY_SECONDS = 0.002
_PATIENCE_SECONDS = 3.0  # since anybody asked


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


# A thread that still works while the interpreter is taken down aborts it, so these are closed first.
_END_WITH_PYTHON: weakref.WeakSet[Survey] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for survey in list(_END_WITH_PYTHON):
        survey.close()


class Survey:
    """Labels and predictions of a data set's images, as far as they are known.

    Args:
        engine: The net and the data set.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._total = len(engine.source)
        self._revision = engine.revision
        self._names: list[str | int] = []  # classes by the numbers used here
        self._numbers: dict[str | int, int] = {}
        self._labels: np.ndarray | None = None
        self._predictions: np.ndarray | None = None
        self._thread: threading.Thread | None = None
        self._asked = 0.0
        self._first: list[int] = []  # what is on a page comes before the rest
        self._whole = False  # whether all images are wanted, or only these
        self._error: str | None = None
        self._closed = False
        _END_WITH_PYTHON.add(self)

    def classes(self) -> list[str | int]:
        """The classes that can be asked for: the data set's names, or the labels seen so far."""
        return list(self._engine.source.classes) or sorted(self._names, key=str)

    def labels_known(self) -> bool:
        """Whether all labels are at hand, as the data set itself holds them, or as they were read."""
        with self._engine.lock:
            if self._labels is None:
                known = self._engine.labels()
                if known is None:
                    return False
                self._labels = np.array([self._number(label) for label in known], np.int32)
            return not (self._labels == _UNKNOWN).any()

    def need(self, first: list[int], whole: bool, predictions: bool = True) -> None:
        """Asks for labels and predictions; the work goes on in the background while somebody asks.

        Args:
            first: Images that are wanted before others.
            whole: Whether all images are wanted, or only these.
            predictions: Whether predictions are wanted, or only labels.
        """
        with self._engine.lock:
            self._start_anew_if_changed()
            if self._labels is None and not self.labels_known():
                self._labels = np.full(self._total, _UNKNOWN, np.int32)
            if predictions and self._predictions is None:
                self._predictions = np.full(self._total, _UNKNOWN, np.int32)
            self._first, self._whole, self._asked = first, whole, time.monotonic()
            if self._engine.runs_the_net_itself and predictions:
                self._error = "no predictions in the background: this net cannot be copied, so nothing else may run it"
            if not self._alive() and not self._closed and self._error is None and self._next():
                self._thread = threading.Thread(target=self._run, name="filterscope survey", daemon=True)
                self._thread.start()

    def matching(self, wanted: str | int | None, outcome: Outcome | None) -> np.ndarray:
        """Indices of the images known to match so far, ascending.

        Args:
            wanted: A class, or None for all.
            outcome: `"right"` or `"wrong"`, or None for both.
        """
        with self._engine.lock:
            self._start_anew_if_changed()
            keep = np.ones(self._total, bool)
            labels = self._labels if self._labels is not None else np.full(self._total, _UNKNOWN, np.int32)
            if wanted is not None:
                keep &= labels == self._numbers.get(wanted, _NONE - 9)
            if outcome is not None:
                found = self._predictions if self._predictions is not None else np.full(self._total, _UNKNOWN, np.int32)
                both = (labels >= 0) & (found >= 0)
                keep &= both & ((labels == found) if outcome == "right" else (labels != found))
            return np.flatnonzero(keep)

    def predicted(self, image: int) -> str | int | None:
        """The predicted class of an image, or None where it is not known."""
        with self._engine.lock:
            self._start_anew_if_changed()
            if self._predictions is None or self._predictions[image] < 0:
                return None
            return self._names[self._predictions[image]]

    def progress(self) -> Progress:
        """How far it is."""
        with self._engine.lock:
            done = self._total - int(self._missing().sum())
            running = self._error is None and self._alive() and bool(self._next())
            return Progress(done, self._total, running, self._error)

    def close(self) -> None:
        """Ends the thread and waits for it."""
        self._closed = True
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _start_anew_if_changed(self) -> None:
        if self._revision != self._engine.revision:
            self._revision = self._engine.revision
            self._total = len(self._engine.source)
            self._labels = self._predictions = self._error = None

    def _alive(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _missing(self) -> np.ndarray:
        """Of each image, whether something that was asked for is not known yet."""
        missing = np.zeros(self._total, bool)
        for known in (self._labels, self._predictions):
            if known is not None:
                missing |= known == _UNKNOWN
        return missing

    def _next(self) -> list[int]:
        """The images to look at next, a batch at the most."""
        missing = self._missing()
        first = [image for image in self._first if missing[image]]
        if first or not self._whole:
            return first[:_BATCH]
        start = int(missing.argmax())  # the first that is missing, or 0
        return [start + int(offset) for offset in np.flatnonzero(missing[start : start + 4 * _BATCH])[:_BATCH]]

    def _number(self, name: str | int | None) -> int:
        if name is None:
            return _NONE
        if name not in self._numbers:
            self._numbers[name] = len(self._names)
            self._names.append(name)
        return self._numbers[name]

    def _run(self) -> None:
        """Looks at the missing images in order, a few at a time, until all are known or nobody asks any more."""
        while not self._closed and time.monotonic() - self._asked < _PATIENCE_SECONDS:
            with self._engine.lock:
                if self._closed or self._engine.closed:
                    return
                self._engine.check()
                self._start_anew_if_changed()
                images = self._next()
                if not images:
                    return
                try:
                    self._step(images)
                except Exception as error:
                    self._error = f"predictions stopped: {describe_exception(error)}"
                    return
            time.sleep(_GIVE_WAY_SECONDS)  # a lock is not fair: without a pause nobody else would get it

    def _step(self, images: list[int]) -> None:
        """Reads these images, as many as fit into a step's time, and predicts them in one pass."""
        end = time.monotonic() + _STEP_SECONDS
        read: list[int] = []
        pixels: list[np.ndarray] = []
        for image in images:
            try:
                sample = self._engine.read(image)
            except SampleError:
                self._note(image, _NONE, _NONE)
                continue
            if pixels and sample.image.shape != pixels[0].shape:
                break
            if self._labels is not None:
                self._labels[image] = self._number(sample.label)
            read.append(image)
            pixels.append(sample.image)
            if time.monotonic() > end:
                break
        if self._predictions is not None and pixels:
            for image, found in zip(read, self._classify(pixels), strict=True):
                self._predictions[image] = self._number(found)

    def _classify(self, pixels: list[np.ndarray]) -> list[str | int | None]:
        """Predictions in one pass, or one by one where the net refuses that; None for what it refuses alone."""
        with suppress(Exception):
            return self._engine.classify(pixels)
        found: list[str | int | None] = []
        for image in pixels:
            try:
                found += self._engine.classify([image])
            except Exception:
                found.append(None)
        return found

    def _note(self, image: int, label: int, prediction: int) -> None:
        if self._labels is not None:
            self._labels[image] = label
        if self._predictions is not None:
            self._predictions[image] = prediction
