"""The course notebook's grid of kernels and maps, one pair a filter, as a matplotlib figure for a paper."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from filterscope.engine.engine import Engine
from filterscope.engine.moment import Moment
from filterscope.figures.paper_figure import MARGIN, WIDTH, PaperFigure
from filterscope.figures.scene import image_words, mosaic
from filterscope.figures.style import FONT_SIZE, paint
from filterscope.filters.response import shown_channels
from filterscope.filters.slices import planes
from filterscope.filters.value_range import ValueRange, join, value_range
from filterscope.frames.notes import dynamic_note, kernel_note
from filterscope.frames.pictures import PICTURES, drawn
from filterscope.indices import as_index
from filterscope.session.selection import Selection, check_filters, choice
from filterscope.session.session import Session

MAPS = tuple(picture.name for picture in PICTURES)
MOST_FILTERS = 64

# In inches: what stands between, above and below the pairs.
_GAP, _PAIR_GAP = 0.06, 0.16
_HEAD, _TITLE, _FOOT = 0.46, 0.2, 0.44
_LINE = 0.145
_FOOT_LETTERS = 56


def selected_grid(session: Session, maps: str, filters: Iterable[int] | int | None, columns: int) -> PaperFigure:
    """The grid of what is selected, with the weights of this moment, as `grid_figure` draws it.

    Raises:
        ValueError: If an option does not fit, with the valid choices; `SampleError` or `NetError` where the grid cannot
            be drawn.
    """
    choice(maps, MAPS, "maps")
    pairs = as_index(columns)
    if pairs is None or pairs < 1:
        raise ValueError(f"columns is {columns!r}; give how many pairs stand in a row, 1 or more")

    def draw(engine: Engine, selection: Selection) -> PaperFigure:
        chosen = None if filters is None else check_filters(engine.layers[selection.layer], filters)
        moment = engine.moment(selection.image, selection.layer)
        return grid_figure(moment, selection, maps, chosen, pairs)

    return session.read(draw)


def grid_figure(
    moment: Moment, selection: Selection, maps: str = "response", filters: Sequence[int] | None = None, columns: int = 5
) -> PaperFigure:
    """Kernel and map of a layer's filters side by side, with one scale for all kernels and one for all maps.

    Args:
        moment: The selection's image and layer.
        selection: Image, layer, channel and source; the filter does not matter.
        maps: A name of the table of pictures: `"response"`, filter2D of the kernel, or `"activation"`, the net's own.
        filters: Which filters; None for all of them, the first 64 of more.
        columns: Pairs in a row.

    Returns:
        The figure, as wide as a page (7.2 inches).
    """
    layer = moment.layer
    picture = PICTURES[MAPS.index(maps)]
    channels = shown_channels(moment.sample.image, layer, selection.channel, selection.source)
    kernels = moment.kernels[:, channels]
    chosen = list(range(min(layer.out_channels, MOST_FILTERS))) if filters is None else list(filters)
    map_range = join([value_range(block) for block in picture.blocks(moment, selection)])
    values = np.stack([picture.of_filter(moment, selection, index) for index in chosen])
    words = image_words(moment)
    drawn_kernels, kernel_slice = planes(kernels[chosen], 2, selection.kernel_slice, layer.kernel_size[0])
    drawn_maps, map_slice = drawn(values, 1, layer, selection)
    layer_words = layer.title
    if len(chosen) < layer.out_channels:
        layer_words += f" · {len(chosen)} of {layer.out_channels} filters"
    kernel_range = value_range(kernels)
    kernel_size, map_size = ("×".join(map(str, tiles.shape[-2:])) for tiles in (drawn_kernels, drawn_maps))
    kernels_in_words = f"{kernel_note(channels, layer.channels)} {kernel_size}{kernel_slice}"
    feet = [
        textwrap.wrap(f"weight · {kernels_in_words}{dynamic_note(moment.dynamic)}", _FOOT_LETTERS),
        textwrap.wrap(f"{maps} {map_size} · {picture.note(moment, selection, map_slice)}", _FOOT_LETTERS),
    ]
    page = _Page(len(chosen), columns, drawn_maps.shape[-2] / drawn_maps.shape[-1], max(map(len, feet)))
    page.head(f"{words}\n{layer_words}")
    for place, index in enumerate(chosen):
        tiles, empty = mosaic(drawn_kernels[place])
        left, right = page.pair(place, f"filter {index}")
        paint(left, tiles, kernel_range, (~empty).astype(np.float32))
        paint(right, drawn_maps[place], map_range)
    page.foot(0, feet[0], kernel_range)
    page.foot(1, feet[1], map_range)
    return page.figure


class _Page:
    """Where things go, in inches from the top."""

    def __init__(self, pairs: int, columns: int, aspect: float, foot_lines: int) -> None:
        self._columns = max(1, min(columns, pairs))
        self._pitch = (WIDTH - 2 * MARGIN + _PAIR_GAP) / self._columns
        self._side = (self._pitch - _PAIR_GAP - _GAP) / 2
        self._row = _TITLE + self._side * max(1.0, min(aspect, 2.0)) + 0.06
        self._foot = _HEAD + math.ceil(pairs / self._columns) * self._row
        self.figure = PaperFigure(self._foot + _FOOT + foot_lines * _LINE)

    def head(self, words: str) -> None:
        lines = [textwrap.shorten(line, 100, placeholder=" …") for line in words.split("\n")]
        self.figure.write(MARGIN, 0.08, "\n".join(lines))

    def pair(self, place: int, title: str) -> tuple[Axes, Axes]:
        """The axes of one filter's kernel and map."""
        row, column = divmod(place, self._columns)
        left, top = MARGIN + column * self._pitch, _HEAD + row * self._row + _TITLE
        height = self._row - _TITLE - 0.06
        both = []
        for k, name in enumerate(("kernel", "map")):
            axes = self.figure.place(left + k * (self._side + _GAP), top, self._side, height, label=f"{title} {name}")
            axes.set_anchor("NW")
            axes.set_axis_off()
            both.append(axes)
        both[0].set_title(title, fontsize=FONT_SIZE - 1, loc="left", pad=3)
        return both[0], both[1]

    def foot(self, place: int, words: list[str], colour_range: ValueRange) -> None:
        """A colour bar and what its numbers are."""
        width = (WIDTH - 3 * MARGIN) / 2 - 0.3
        self.figure.bar(MARGIN + place * (WIDTH / 2), self._foot + 0.08, width, words, colour_range)
