"""Guess the filter: two pictures, of which one drives it. The evidence is a scan's, the score has its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from filterscope.indices import as_index, check_index
from filterscope.scans.exemplars import Exemplar
from filterscope.scans.result import Scan

SIDES = ("left", "right")
_Z = 1.959964
_AMONG = 9  # of the greatest, and of the others, one is drawn
_TRIES = 50


@dataclass(frozen=True, eq=False)
class QuizRound:
    """One question.

    Attributes:
        layer: The layer's name.
        filter: Index of the filter.
        pictures: Left and right: one of the nine images that drive the filter most, and one whose greatest value is
            ordinary.
        drives: Which of them drives it, `"left"` or `"right"`.
    """

    layer: str
    filter: int
    pictures: tuple[Exemplar, Exemplar]
    drives: str


class Quiz:
    """Twenty rounds, or as many as you like.

    Args:
        scan: Where the evidence comes from.
        rounds: How many questions.
        seed: Of the draw: the same questions for the same seed.
        layer: Of which layer the filters are, by index or name; None for all.

    Attributes:
        rounds: The questions.
        answers: What was answered, `"left"`, `"right"` or None.

    Raises:
        ValueError: If an argument does not fit, or no filter has images that differ.

    Example:
        >>> from filterscope import demo, scan
        >>> quiz = Quiz(scan(demo.fashion_net(), demo.fashion_test_data(), images=200, progress=False), rounds=2)
        >>> quiz.answer(0, quiz.rounds[0].drives)
        True
        >>> quiz.grade()["right"], quiz.grade()["answered"], quiz.grade()["rounds"]
        (1, 1, 2)
    """

    def __init__(self, scan: Scan, rounds: int = 20, seed: int = 0, layer: Any = None) -> None:
        number, drawn_from = as_index(rounds), as_index(seed)
        if number is None or not 1 <= number <= 1000:
            raise ValueError(f"rounds is {rounds!r}; give how many questions there are, 1 to 1000")
        if drawn_from is None or drawn_from < 0:
            raise ValueError(f"seed is {seed!r}; give a whole number from 0 on")
        if not scan.images:
            raise ValueError("the scan has seen no image yet; wait for it: explorer.scan().wait()")
        names = list(scan.layers) if layer is None else [scan.conv_layer(layer).name]
        filters = [(name, index) for name in names for index in range(scan.conv_layer(name).out_channels)]
        rng = np.random.default_rng(drawn_from)
        self.seed, self._images = drawn_from, scan.images
        self.rounds = tuple(_drawn(scan, filters, rng) for _ in range(number))
        self.answers: list[str | None] = [None] * number

    def answer(self, round: int, side: str) -> bool:
        """Answers a question; a second answer takes the place of the first.

        Args:
            round: Index of the question.
            side: `"left"` or `"right"`.

        Returns:
            Whether it is right.

        Raises:
            ValueError: If there is no such question, or no such side.
        """
        index = check_index(round, len(self.rounds), "round", "this quiz has rounds")
        if side not in SIDES:
            raise ValueError(f"side is {side!r}; choose 'left' or 'right'")
        self.answers[index] = side
        return side == self.rounds[index].drives

    def grade(self) -> dict[str, int | float | bool]:
        """The score, as plain values that nbgrader, otter or JSON can read.

        Returns:
            `rounds`, `answered`, `right`, and of those that were answered the share that is right, `score`, with
            Wilson's 95 % interval, `low` … `high`; `chance`, 0.5; `p_chance`, how often guessing gives as many right
            answers or more; and `better_than_chance`, whether that is below 0.05. `seed` and `images` say which
            questions they were.
        """
        answered = [(given, each.drives) for given, each in zip(self.answers, self.rounds, strict=True) if given]
        right, count = sum(given == drives for given, drives in answered), len(answered)
        low, high = _wilson(right, count)
        from scipy.special import bdtrc  # as in `verdicts.chance`: its import waits until somebody asks

        p_chance = float(bdtrc(right - 1, count, 0.5)) if right else 1.0
        return {
            "rounds": len(self.rounds),
            "answered": count,
            "right": right,
            "score": right / count if count else 0.0,
            "low": low,
            "high": high,
            "chance": 0.5,
            "p_chance": p_chance,
            "better_than_chance": p_chance < 0.05,
            "seed": self.seed,
            "images": self._images,
        }


def _drawn(scan: Scan, filters: list[tuple[str, int]], rng: np.random.Generator) -> QuizRound:
    for _ in range(_TRIES):
        layer, index = filters[int(rng.integers(len(filters)))]
        top = scan.top(layer, index, _AMONG)
        middle = scan.typical(layer, index, _AMONG, 5)[2]
        if not len(top) or not len(middle):
            continue
        driving, other = top[int(rng.integers(len(top)))], middle[int(rng.integers(len(middle)))]
        if driving.image == other.image or not driving.value > other.value:
            continue
        left = bool(rng.integers(2))
        pictures = (driving, other) if left else (other, driving)
        return QuizRound(layer, index, pictures, SIDES[0] if left else SIDES[1])
    raise ValueError(
        f"none of {_TRIES} filters that were drawn has images that drive it more than others: scan more images, or "
        "another net"
    )


def _wilson(right: int, count: int) -> tuple[float, float]:
    if not count:
        return 0.0, 1.0
    share, z2 = right / count, _Z**2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = _Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)
