"""A matplotlib figure of a page's width, whose parts stand where they are put in inches."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from filterscope.figures.style import FONT_SIZE, colour_map, label_ends, norm
from filterscope.filters.value_range import ValueRange

WIDTH = 7.2
MARGIN = 0.1


class PaperFigure(Figure):
    """A figure that a notebook shows by itself, whatever backend is in use.

    Args:
        height: Its height in inches; it is 7.2 wide.
    """

    def __init__(self, height: float) -> None:
        super().__init__(figsize=(WIDTH, height), facecolor="white")

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", dpi=110)
        return file.getvalue()

    def place(self, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
        """Axes with their corner so many inches from the left and from the top."""
        whole = self.get_figheight()
        return self.add_axes((left / WIDTH, 1 - (top + height) / whole, width / WIDTH, height / whole), **options)

    def write(self, left: float, top: float, words: str, size: float = FONT_SIZE, **options: Any) -> None:
        """Words, whose upper edge is so many inches from the top."""
        place = left / WIDTH, 1 - top / self.get_figheight()
        self.text(*place, words, fontsize=size, linespacing=1.4, parse_math=False, **({"va": "top"} | options))

    def bar(self, left: float, top: float, width: float, words: list[str], colour_range: ValueRange) -> None:
        """A colour bar, and below it what its numbers are."""
        bar = self.place(left, top, width, 0.09)
        self.colorbar(ScalarMappable(norm(colour_range), colour_map(colour_range)), cax=bar, orientation="horizontal")
        label_ends(bar, colour_range)
        bar.set_xlabel("\n".join(words), fontsize=FONT_SIZE - 1, labelpad=2, parse_math=False, loc="left")
