"""The classes among which a net chooses, by name: scores → a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from filterscope.data.sample import Sample
from filterscope.data.source import SampleSource
from filterscope.nets.runner import NetRunner
from filterscope.outputs.class_map import shares
from filterscope.outputs.detections import Detections
from filterscope.outputs.kind import Answer

Prediction = list[tuple[str | int, float]]
"""Classes with their probabilities, best first."""


class Looked(NamedTuple):
    """What the net says of an image first, and whether that is right by the score; None where it is not told."""

    best: str | int | None
    right: bool | None


class Classes:
    """Names the columns of a net's scores.

    Args:
        source: Knows the names, as far as anybody does.
        count: How many classes the net has; 0 where its output is not one score a class.
        of_parts: Whether that is because it tells a class of each object or pixel.

    Raises:
        ValueError: If names were given, but not enough.
    """

    def __init__(self, source: SampleSource, count: int, of_parts: bool = False) -> None:
        given = source.given_classes
        if count and given is not None and len(given) < count:
            raise ValueError(
                f"classes has {len(given)} name{'s' * (len(given) != 1)}, the net's output {count} classes; give one "
                "name for each"
            )
        self._names: Sequence[str] = source.names_for(count) if count or of_parts else ()

    def __getitem__(self, number: int) -> str | int:
        """The name of a class, or its number where it has none."""
        return self._names[number] if number < len(self._names) else number

    def __contains__(self, label: object) -> bool:
        """Whether a label is one of these classes: else no prediction is right or wrong."""
        return label in self._names if self._names else isinstance(label, int)

    def ranked(self, answer: Answer | None) -> Prediction:
        """What the net says of an image, best first; empty where that is nothing that can be told.

        Args:
            answer: Probabilities of the classes, `(K,)`; objects, each of which is a class with its score; or a class
                for each pixel, of which each is told with its share of the pixels.
        """
        if answer is None:
            return []
        if isinstance(answer, Detections):
            pairs = zip(answer.labels, answer.scores, strict=True)
            return [(self[int(number)], float(score)) for number, score in pairs]
        if answer.ndim > 1:
            return [(self[number], share) for number, share in shares(answer)]
        scores = answer
        order = np.argsort(-scores, kind="stable")
        return [(self[int(number)], float(scores[number])) for number in order]

    def best(self, answer: Answer | None) -> str | int | None:
        """The first class that the net says of an image: its best, its surest object's, or that of most pixels."""
        if answer is None or (isinstance(answer, np.ndarray) and answer.dtype.kind == "f" and np.isnan(answer).any()):
            return None
        if isinstance(answer, np.ndarray) and answer.ndim == 1:
            return self[int(answer.argmax())]
        ranked = self.ranked(answer)
        return ranked[0][0] if ranked else None

    def look_at(self, runner: NetRunner, samples: Sequence[Sample]) -> list[Looked]:
        """What the net says of each of some images of one shape, and whether it is right.

        Raises:
            Exception: What the net or the user's score raises.
        """
        images, targets = [sample.net_input for sample in samples], [sample.target for sample in samples]
        answers, scores = runner.answers_and_scores(images, targets)
        scorer = runner.known.scorer
        right: list[bool | None] = [None] * len(answers)
        if scorer is not None and scores is not None:
            right = [None if np.isnan(score) else bool(score >= scorer.right_from) for score in scores]
        return [Looked(self.best(answer), outcome) for answer, outcome in zip(answers, right, strict=True)]
