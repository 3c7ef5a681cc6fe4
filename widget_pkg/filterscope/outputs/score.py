"""How good a net's output for an image is, as a number: the task's own measure, or a function of the user's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from filterscope.errors import NetError, describe_exception, foreign_code, kind_of
from filterscope.outputs.kind import OutputKind, measure


class Scorer(Protocol):
    """Gives each image of a batch a number, the greater the better."""

    @property
    def name(self) -> str:
        """What is measured, as a sentence has it."""

    @property
    def right_from(self) -> float:
        """From which score on an image counts as right."""

    def targets(self, output: Any, labels: Sequence[Any], size: tuple[int, ...], labelled: bool) -> list[Any]:
        """What each image is held against: its label; without labels what the intact net says."""

    def of(self, output: Any, targets: Sequence[Any], size: tuple[int, ...]) -> np.ndarray:
        """The score of each image, float64 `(N,)`; NaN where there is none."""

    def has_target(self, label: Any, size: tuple[int, ...]) -> bool:
        """Whether a label is one that an output can be held against."""


@dataclass(frozen=True)
class Score:
    """A score of one's own, `Explorer(net, data, score=Score(...))`.

    Attributes:
        function: Given the net's output for one image, without the batch's axis, and the sample's label as the data set
            has it (None where there is none), returns a number, the greater the better.
        name: What it measures.
        right_from: From which score on the image counts as right.

    Example:
        >>> from filterscope import Score
        >>> closeness = Score(lambda output, target: -float((output - target).abs().mean()), "closeness", -0.1)
        >>> print(closeness.name, closeness.right_from)
        closeness -0.1
    """

    function: Callable[[Any, Any], Any]
    name: str = "score"
    right_from: float = 0.5

    def targets(self, output: Any, labels: Sequence[Any], size: tuple[int, ...], labelled: bool) -> list[Any]:
        """The labels as they are."""
        return list(labels)

    def of(self, output: Any, targets: Sequence[Any], size: tuple[int, ...]) -> np.ndarray:
        """The score of each image.

        Raises:
            NetError: If the function raises, or gives no number.
        """
        scores = []
        for place, target in enumerate(targets):
            try:
                with foreign_code():
                    value = self.function(one_of(output, place, len(targets)), target)
            except Exception as error:
                raise NetError(f"score= raised {describe_exception(error)}; it is called with {_CALLED}") from error
            try:
                scores.append(float(value))
            except Exception as error:
                raise NetError(f"score= gave {kind_of(value)}; it is to return one number an image") from error
        return np.array(scores, np.float64)

    def has_target(self, label: Any, size: tuple[int, ...]) -> bool:
        """Whether there is a label at all."""
        return label is not None


_CALLED = "the net's output for one image, without the batch's axis, and the sample's label"


@dataclass(frozen=True)
class KindScore:
    """The measure of a task: F1 of boxes at an IoU of 0.5, mean IoU of masks.

    Attributes:
        kind: What the net's output is.
        right_from: From which score on the image counts as right.
    """

    kind: OutputKind
    right_from: float = 0.5

    @property
    def name(self) -> str:
        """What is measured."""
        return "F1 at IoU .5" if self.kind.name == "boxes" else "mean IoU"

    def targets(self, output: Any, labels: Sequence[Any], size: tuple[int, ...], labelled: bool) -> list[Any]:
        """What the labels say in the net's own form; without labels what the net says."""
        if labelled:
            return [self.kind.target(label, size) for label in labels]
        return self.kind.read(output, len(labels), size) or [None] * len(labels)

    def of(self, output: Any, targets: Sequence[Any], size: tuple[int, ...]) -> np.ndarray:
        """The score of each image."""
        answers = self.kind.read(output, len(targets), size)
        if answers is None:
            return np.full(len(targets), np.nan)
        pairs = zip(answers, targets, strict=True)
        return np.array([np.nan if target is None else measure(one, target) for one, target in pairs], np.float64)

    def has_target(self, label: Any, size: tuple[int, ...]) -> bool:
        """Whether the label has objects, or is a mask."""
        return self.kind.target(label, size) is not None


def same_measure(scorer: Scorer | None, other: Scorer | None) -> bool:
    """Whether two scorers measure the same, as far as their names and the user's code tell; None is the loss."""
    if isinstance(scorer, Score) and isinstance(other, Score):
        code, other_code = (getattr(each.function, "__code__", each.function) for each in (scorer, other))
        return scorer.name == other.name and bool(code == other_code)
    return type(scorer) is type(other) and getattr(scorer, "name", "") == getattr(other, "name", "")


def as_score(score: Any) -> Score | None:
    """The user's `score=`.

    Raises:
        TypeError: If it is no function.
    """
    if score is None or isinstance(score, Score):
        return score
    if not callable(score):
        raise TypeError(f"score is {kind_of(score)}; give a function of {_CALLED}, which returns a number, or None")
    name = getattr(score, "__name__", "")
    return Score(score, "score" if name in ("", "<lambda>") else name)


def one_of(output: Any, place: int, images: int) -> Any:
    """The part of a net's output that belongs to one image: tensors without the batch's axis, lists by their entry."""
    if isinstance(output, torch.Tensor):
        return output[place] if output.ndim and output.shape[0] == images else output
    if isinstance(output, Mapping):
        parts = {key: one_of(value, place, images) for key, value in output.items()}
        with suppress(Exception):  # transformers' outputs have their parts as attributes, too
            return type(output)(**parts)
        return parts
    if isinstance(output, list) and len(output) == images and all(isinstance(each, Mapping) for each in output):
        return output[place]
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(one_of(value, place, images) for value in output))
    if isinstance(output, tuple | list):
        return type(output)(one_of(value, place, images) for value in output)
    return output


@dataclass(frozen=True)
class Objective:
    """What a net is for, as far as it is said beside its output and the labels.

    Attributes:
        kind: What its output is, as an adapter says it; None where its form and a label are to tell.
        score: The user's score; None for the task's own measure.
    """

    kind: OutputKind | None = None
    score: Score | None = None


UNKNOWN = Objective()
