"""What matplotlib needs for the page's colours: colour maps, and norms that send a value to the page's own code."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap, Normalize

from filterscope.figures.palette import lookup, palette_for
from filterscope.figures.scene import number
from filterscope.filters.value_range import (
    FIRST_CODE,
    LAST_CODE,
    MINUS_INFINITY_CODE,
    NAN_CODE,
    PLUS_INFINITY_CODE,
    ValueRange,
)

FONT_SIZE = 9.0
"""Points, at the size at which a figure is made: 8 at least stays readable in a column of a paper."""

_STEPS = LAST_CODE - FIRST_CODE


def colour_map(colour_range: ValueRange) -> Colormap:
    """The page's palette for a range; NaN and the infinities have their own colours."""
    colours = lookup(palette_for(colour_range.signed)) / 255
    colour_map = ListedColormap(colours[FIRST_CODE : LAST_CODE + 1], palette_for(colour_range.signed))
    return colour_map.with_extremes(
        bad=colours[NAN_CODE], under=colours[MINUS_INFINITY_CODE], over=colours[PLUS_INFINITY_CODE]
    )


def norm(colour_range: ValueRange) -> Normalize:
    """From values to the colour map: half a step beyond either end, so that each value gets its own code's colour."""
    step = (colour_range.high - colour_range.low) / _STEPS or 1.0
    return Normalize(
        colour_range.low - step / 2,
        colour_range.high + step / 2 if colour_range.high > colour_range.low else colour_range.low + _STEPS,
    )


def drawable(values: np.ndarray, colour_range: ValueRange) -> np.ndarray:
    """Values as matplotlib can tell them apart: an infinite one it draws as if it were NaN."""
    infinite = np.isinf(values)
    if not infinite.any():
        return values
    beyond = 2 * (colour_range.high - colour_range.low) or 2.0 * _STEPS
    return np.where(infinite, np.where(values > 0, colour_range.high + beyond, colour_range.low - beyond), values)


def paint(axes: Axes, values: np.ndarray, colour_range: ValueRange, alpha: np.ndarray | None = None) -> None:
    """Draws values `(H, W)` in the page's colours."""
    # The pixels go into a PDF or SVG as they are, one a value: sharp at any size.
    options: dict[str, Any] = {"norm": norm(colour_range), "cmap": colour_map(colour_range), "alpha": alpha}
    axes.imshow(drawable(values, colour_range), interpolation="none", aspect="equal", **options)


def _ticks(colour_range: ValueRange) -> tuple[list[float], list[str]]:
    """Where a colour bar has its numbers, and these: the ends, and zero between them."""
    if colour_range.high <= colour_range.low:
        return [colour_range.low], [number(colour_range.low)]
    places = (
        [colour_range.low, 0.0, colour_range.high] if colour_range.signed else [colour_range.low, colour_range.high]
    )
    return places, [number(place) for place in places]


def label_ends(bar: Axes, colour_range: ValueRange) -> None:
    """Writes the ends of a range, and zero, below its colour bar."""
    places, words = _ticks(colour_range)
    bar.xaxis.set_ticks(places, words)
    bar.tick_params(labelsize=FONT_SIZE - 1, length=2, pad=2)
    sides: list[Any] = [["left"], ["left", "right"], ["left", "center", "right"]][len(places) - 1]
    for label, side in zip(bar.get_xticklabels(), sides, strict=True):
        label.set_horizontalalignment(side)
