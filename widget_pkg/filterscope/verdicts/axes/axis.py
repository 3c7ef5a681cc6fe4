"""A row of the table of axes: how one question about a filter is answered, and how its answer is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Literal, TypeVar

from filterscope.verdicts.axes.layer import LayerEvidence
from filterscope.verdicts.examination import LayerWeights

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Cell(Generic[Answer]):
    """One column of a notebook's table.

    Attributes:
        heading: Over the column; what several axes say under one heading stands together, separated by commas.
        text: The filter's entry, or "".
        style: `"number"` is set to the right, `"words"` may break into lines.
    """

    heading: str
    text: Callable[[Answer], str]
    style: Literal["", "number", "words"] = ""


@dataclass(frozen=True)
class Axis(Generic[Answer]):
    """One question about a filter. Only the answer and the way to it must be given.

    Attributes:
        answer: A dataclass: what one filter is told on this axis. Each of its fields is a column of `FilterVerdict`.
        judge: Answers for all filters of a layer.
        from_weights: What the weights alone say, asked once a layer, before any image is seen.
        sentence: The answer in a sentence, or "".
        remark: What somebody who is new to verdicts is told as well, one short sentence, or "".
        summary: What stands out of the layer's answers, each as a few words: `2 dead`.
        cells: Its columns in a notebook's table.
        badge: The fields that the grid shows and is sorted by.
    """

    answer: type[Answer]
    judge: Callable[[LayerEvidence], Sequence[Answer]]
    from_weights: Callable[[LayerWeights], Any] | None = None
    sentence: Callable[[Answer], str] = lambda answer: ""
    remark: Callable[[Answer], str] = lambda answer: ""
    summary: Callable[[Sequence[Answer]], list[str]] = lambda answers: []
    cells: tuple[Cell[Answer], ...] = ()
    badge: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the answer's fields."""
        return tuple(field.name for field in fields(self.answer))  # type: ignore[arg-type]  # it is a dataclass

    def of(self, verdict: object) -> Answer:
        """The part of a `FilterVerdict` that answers this question."""
        return self.answer(**{name: getattr(verdict, name) for name in self.columns})


def signed(value: float, digits: int = 3) -> str:
    """`+0.0123`, `−0.5`, `0`."""
    return f"{value:+.{digits}g}".replace("-", "−") if value else "0"
