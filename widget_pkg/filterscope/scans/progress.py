"""How far long work is: a bar in the cell that it runs in."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def no_progress(stage: str, done: int, total: int) -> None:
    """No progress is shown."""


class ProgressBar:
    """A progress bar for each stage, where tqdm is installed."""

    def __init__(self) -> None:
        try:
            from tqdm.auto import tqdm
        except ImportError:
            tqdm = None
        self._make = tqdm
        self._stage = ""
        self._expected = ""
        self._bar: Any = None

    def expect(self, what: str, time: str) -> None:
        """What comes next, and how long it is expected to take, in words."""
        self._expected = f"then {what}: about {time}"
        if self._bar is not None and self._stage == "images":
            self._bar.set_postfix_str(self._expected)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """So many of so many are done in a stage."""
        if self._make is None:
            return
        if stage != self._stage:
            self.close()
            self._stage = stage
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # tqdm warns where ipywidgets' bar cannot be had, and draws another
                unit = "filter" if stage == "filters" else "image"
                self._bar = self._make(total=total, desc=stage, unit=unit, file=sys.stderr)
            if stage == "images" and self._expected:
                self._bar.set_postfix_str(self._expected)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Ends the bar that is shown."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


@contextmanager
def shown_progress(shown: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A function that is told how far the work in the body is.

    Args:
        shown: Whether a bar shows it.
    """
    bar = ProgressBar() if shown else None
    try:
        yield bar or no_progress
    finally:
        if bar is not None:
            bar.close()
