"""What is known of each image of a data set, its class and the net's prediction, as one number each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

_UNKNOWN, _NONE, _FIRST = 0, 1, 2  # not looked at yet; looked at, and there is no class; the first class
_RIGHT, _WRONG = 1, 2  # by a score
_CHUNK = 4096

ClassName = str | int


class LabelTable:
    """Classes and predictions of images, as far as they are known.

    Memory for ten million images is taken only where something is written, since zero means that nothing is known.

    Args:
        total: Number of images.

    Attributes:
        labels: By image, int32, or None while nobody needs them.
        predictions: By image, int32, or None while nobody needs them.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._names: list[ClassName] = []
        self._numbers: dict[ClassName, int] = {}
        self.labels: np.ndarray | None = None
        self.predictions: np.ndarray | None = None
        self._right: np.ndarray | None = None  # by image, whether it is right by a score, where it goes by one
        self._from = 0  # of all images before this one everything is known

    @property
    def names(self) -> list[ClassName]:
        """Every class seen so far."""
        return list(self._names)

    def grow(self, total: int) -> None:
        """There are more images now: a data set that is read from its start."""
        more = total - self._total
        if more > 0:
            self._total = total
            self.labels = _longer(self.labels, more)
            self.predictions = _longer(self.predictions, more)
            self._right = _longer(self._right, more)

    def need(self, labels: bool = False, predictions: bool = False) -> None:
        """From now on these count as missing while they are unknown."""
        if labels and self.labels is None:
            self.labels = np.zeros(self._total, np.int32)
            self._from = 0
        if predictions and self.predictions is None:
            self.predictions = np.zeros(self._total, np.int32)
            self._from = 0

    def forget(self, labels: bool = False) -> None:
        """Predictions no longer hold, or the labels either."""
        self.predictions = self._right = None
        self._from = 0
        if labels:
            self.labels = None

    def take_labels(self, labels: list[ClassName | None]) -> None:
        """The classes of all images."""
        numbers = {label: self._number(label) for label in dict.fromkeys(labels)}
        self.labels = np.fromiter((numbers[label] for label in labels), np.int32, len(labels))

    def take(
        self,
        images: np.ndarray,
        labels: Sequence[ClassName | None],
        label_numbers: np.ndarray,
        predictions: Sequence[ClassName | None],
        prediction_numbers: np.ndarray,
    ) -> None:
        """Classes and predictions of some images at once; of all images they are kept also where nobody needed them.

        Args:
            images: Their indices.
            labels: The different classes, None at the end.
            label_numbers: The place of each image's class among these; −1 for the last.
            predictions: The different predictions, None at the end.
            prediction_numbers: The place of each image's prediction among these.
        """
        if len(images) == self._total:
            self.need(labels=True, predictions=True)
        for part, names, places in (
            (self.labels, labels, label_numbers),
            (self.predictions, predictions, prediction_numbers),
        ):
            if part is not None:
                part[images] = np.array([self._number(name) for name in names], np.int32)[places]

    def note_label(self, image: int, label: ClassName | None) -> None:
        """An image's class."""
        if self.labels is not None:
            self.labels[image] = self._number(label)

    def note_prediction(self, image: int, prediction: ClassName | None, right: bool | None = None) -> None:
        """An image's predicted class; and where it goes by a score, whether the output is right by it."""
        if self.predictions is None:
            return
        self.predictions[image] = self._number(prediction)
        if right is not None:
            if self._right is None:
                self._right = np.zeros(self._total, np.int8)
            self._right[image] = _RIGHT if right else _WRONG

    def right(self, image: int) -> bool | None:
        """Whether an image is right by a score; None where it goes by classes, or that is not known."""
        if self._right is None or self._right[image] == _UNKNOWN:
            return None
        return bool(self._right[image] == _RIGHT)

    def prediction(self, image: int) -> ClassName | None:
        """The predicted class of an image, or None where it is not known."""
        if self.predictions is None or self.predictions[image] < _FIRST:
            return None
        return self._names[int(self.predictions[image]) - _FIRST]

    def lacks(self, image: int) -> bool:
        """Whether something that is needed is not known of an image."""
        return any(part is not None and part[image] == _UNKNOWN for part in (self.labels, self.predictions))

    def lacking(self, most: int) -> list[int]:
        """The first images of which something is not known, near each other, so many at the most."""
        while self._from < self._total:
            missing = np.flatnonzero(self._missing(self._from, self._from + _CHUNK))
            if len(missing):
                near = missing[missing < missing[0] + 4 * most]
                return [self._from + int(offset) for offset in near[:most]]
            self._from = min(self._from + _CHUNK, self._total)
        return []

    def count(self) -> int:
        """Of how many images all is known that is needed."""
        return self._total - int(np.count_nonzero(self._missing(0, self._total)))

    def matching(
        self, label: ClassName | None, outcome: str | None, comparable: Callable[[ClassName], bool] = lambda name: True
    ) -> np.ndarray:
        """Indices of the images known to match, ascending.

        Args:
            label: A class, or None for all.
            outcome: `"right"` or `"wrong"`, or None for both.
            comparable: Whether a label is a class of the net's, so that a prediction is right or wrong.
        """
        if self.labels is None:
            return np.zeros(0, np.int64) if label is not None or outcome is not None else np.arange(self._total)
        keep = np.ones(self._total, bool)
        if label is not None:
            keep &= self.labels == self._numbers.get(label, -1)
        if outcome is not None:
            if self.predictions is None:
                return np.zeros(0, np.int64)
            if self._right is not None:
                return np.flatnonzero(keep & (self._right == (_RIGHT if outcome == "right" else _WRONG)))
            same = self.labels == self.predictions
            keep &= (self.labels >= _FIRST) & (self.predictions >= _FIRST) & (same if outcome == "right" else ~same)
            keep &= np.array([False, False, *map(comparable, self._names)])[self.labels]
        return np.flatnonzero(keep)

    def _missing(self, start: int, end: int) -> np.ndarray:
        missing = np.zeros(min(end, self._total) - start, bool)
        for part in (self.labels, self.predictions):
            if part is not None:
                missing |= part[start:end] == _UNKNOWN
        return missing

    def _number(self, name: ClassName | None) -> int:
        if name is None:
            return _NONE
        if name not in self._numbers:
            self._numbers[name] = _FIRST + len(self._names)
            self._names.append(name)
        return self._numbers[name]


def _longer(numbers: np.ndarray | None, more: int) -> np.ndarray | None:
    return None if numbers is None else np.concatenate([numbers, np.zeros(more, numbers.dtype)])
