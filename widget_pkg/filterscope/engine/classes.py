"""The classes among which a net chooses, by name: scores → a prediction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from filterscope.data.source import SampleSource

Prediction = list[tuple[str | int, float]]
"""Classes with their probabilities, best first."""


class Classes:
    """Names the columns of a net's scores.

    Args:
        source: Knows the names, as far as anybody does.
        count: How many classes the net has; 0 where its output is not one score a class.

    Raises:
        ValueError: If names were given, but not enough.
    """

    def __init__(self, source: SampleSource, count: int) -> None:
        given = source.given_classes
        if count and given is not None and len(given) < count:
            raise ValueError(
                f"classes has {len(given)} name{'s' * (len(given) != 1)}, the net's output {count} classes; give one "
                "name for each"
            )
        self._names: Sequence[str] = source.names_for(count) if count else ()

    def __getitem__(self, number: int) -> str | int:
        """The name of a class, or its number where it has none."""
        return self._names[number] if number < len(self._names) else number

    def __contains__(self, label: object) -> bool:
        """Whether a label is one of these classes: else no prediction is right or wrong."""
        return label in self._names if self._names else isinstance(label, int)

    def ranked(self, scores: np.ndarray | None) -> Prediction:
        """The classes with their probabilities `(K,)`, best first; empty where there are none."""
        if scores is None:
            return []
        order = np.argsort(-scores, kind="stable")
        return [(self[int(number)], float(scores[number])) for number in order]

    def best(self, scores: np.ndarray | None, images: int) -> list[str | int | None]:
        """The best class of each image, by its row of the scores `(N, K)`; None where there is no score a class."""
        if scores is None:
            return [None] * images
        return [None if np.isnan(row).any() else self[int(row.argmax())] for row in scores]
