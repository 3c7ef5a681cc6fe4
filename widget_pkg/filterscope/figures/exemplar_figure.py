"""Kernel and exemplars of each filter of a layer, one row a filter, as a matplotlib figure for a paper."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

from filterscope.errors import kind_of
from filterscope.figures.paper_figure import MARGIN, WIDTH, PaperFigure
from filterscope.figures.scene import class_name, mosaic, number, percent
from filterscope.figures.style import FONT_SIZE, paint
from filterscope.filters.slices import planes
from filterscope.filters.value_range import value_range
from filterscope.frames.notes import dynamic_note, kernel_note
from filterscope.indices import as_index
from filterscope.nets.fingerprint import fingerprint
from filterscope.nets.layer_choice import layer_index
from filterscope.nets.layers import ConvLayer
from filterscope.scans.crops import Crop
from filterscope.scans.exemplars import Exemplar
from filterscope.scans.identity import ACTIVATION
from filterscope.scans.result import Scan
from filterscope.session.selection import check_filters
from filterscope.session.session import Session
from filterscope.text import well_formed

MOST_FILTERS = 64
MOST_CROPS = 12  # in a row: in more no class can be read

# In inches.
_GAP = 0.08
_TITLE, _CAPTION, _ROW_GAP = 0.2, 0.3, 0.06
_LINE = 0.175
_SMALL = FONT_SIZE - 1
_FRAME = "#a8b1bb"


def selected_exemplars(
    session: Session, scan: Scan | None, layer: Any, filters: Iterable[int] | int | None, k: int
) -> PaperFigure:
    """The exemplars of a layer of an explorer, as `draw_exemplars` draws them.

    Args:
        session: What the explorer knows.
        scan: The scan that they come from.
        layer: Index, name or module of the layer; None for the selected one.
        filters: As for `draw_exemplars`.
        k: As for `draw_exemplars`.

    Raises:
        TypeError: If there is a scan, and it is none.
        ValueError: If there is no scan, or it is of another net; and as for `draw_exemplars`.
    """
    if scan is None:
        raise ValueError(
            "kind='exemplars' needs a scan of this net; make one and give it: "
            "explorer.figure(kind='exemplars', scan=filterscope.scan(net, test_data))"
        )
    chosen = session.layer if layer is None else session.layers[layer_index(session.layers, layer)]
    if isinstance(scan, Scan):
        weights = fingerprint(session.engine.runner.net)
        if weights != scan.identity.net:
            raise ValueError(
                f"the scan is of a net with other weights (fingerprint {scan.identity.net}, and here {weights}); scan "
                "this explorer's net: filterscope.scan(net, test_data)"
            )
    return draw_exemplars(scan, chosen, filters, k)


def draw_exemplars(found: Any, layer: Any, filters: Iterable[int] | int | None, k: int) -> PaperFigure:
    """What `filterscope.exemplar_figure` gives, with its errors."""
    if not isinstance(found, Scan):
        raise TypeError(
            f"the scan is {kind_of(found)}; give a Scan, as scan() and load_scan() return it: "
            "exemplar_figure(scan(net, data), 'conv1')"
        )
    count = as_index(k)
    if count is None or not 1 <= count <= MOST_CROPS:
        raise ValueError(f"k is {k!r}; give how many crops stand in a row, 1 to {MOST_CROPS}")
    conv = found.conv_layer(layer)
    first = range(min(conv.out_channels, MOST_FILTERS))
    chosen = list(first) if filters is None else check_filters(conv, filters)
    of_filters = [_driving(found, conv, index, count) for index in chosen]
    crops = [[exemplar.crop() for exemplar in exemplars] for exemplars in of_filters]

    kernels, kernel_slice = planes(conv.kernels, 2, None, conv.kernel_size[0])
    kernel_range = value_range(conv.kernels)
    mosaics = [mosaic(kernels[index]) for index in chosen]
    window = _window([crop for row in crops for crop in row])
    shown = "" if len(chosen) == conv.out_channels else f" · {len(chosen)} of {conv.out_channels} filters"
    words = _words(found, conv, count, [crop for row in crops for crop in row], window)
    head = [textwrap.shorten(conv.title + shown, 100, placeholder=" …"), *textwrap.wrap(well_formed(words), 100)]
    aspect = max(window[0] / window[1], mosaics[0][0].shape[0] / mosaics[0][0].shape[1])
    page = _Page(len(chosen), count, aspect, len(head))
    page.figure.write(MARGIN, 0.08, "\n".join(head))
    for row, (index, exemplars) in enumerate(zip(chosen, of_filters, strict=True)):
        page.title(row, f"filter {index} · {_fires(found, conv, index)}")
        tiles, empty = mosaics[row]
        axes = page.cell(row, 0, f"filter {index} kernel")
        paint(axes, tiles, kernel_range, (~empty).astype(np.float32))
        for place, (exemplar, crop) in enumerate(zip(exemplars, crops[row], strict=True)):
            axes = page.cell(row, 1 + place, f"filter {index} crop {place}")
            _draw_crop(axes, crop, window)
            page.caption(row, 1 + place, [_named(exemplar), number(exemplar.value)])
    size = "×".join(map(str, kernels.shape[-2:]))
    note = f"weight · {kernel_note(list(range(conv.channels)), conv.channels)} {size}{kernel_slice}"
    page.foot(f"{note}{dynamic_note(conv.dynamic)}", kernel_range)
    return page.figure


def _driving(found: Scan, layer: ConvLayer, index: int, count: int) -> Sequence[Exemplar]:
    """The images that drive a filter; none where it gives all of them the same maximum."""
    moments = found.moments(layer, index)[None]
    return () if moments.least == moments.greatest and moments.images > 1 else found.top(layer, index, count)


def _window(crops: Sequence[Crop]) -> tuple[int, int]:
    """The size of the largest crop: that of all but those at an image's edge."""
    within = [crop.pixels.shape[:2] for crop in crops if crop.status != "nothing"]
    within = within or [crop.pixels.shape[:2] for crop in crops] or [(1, 1)]
    return max(size[0] for size in within), max(size[1] for size in within)


def _words(found: Scan, layer: ConvLayer, count: int, crops: Sequence[Crop], window: tuple[int, int]) -> str:
    """What is shown, a sentence."""
    maps = found.identity.maps
    of_what = f"{maps} ({layer.activation.name})" if maps == ACTIVATION else maps
    if not crops:
        return f"Of {found.images:,} images none drives a filter's {of_what} more than another."
    if any(crop.status == "whole image" for crop in crops):
        seen = "the whole image, which every position sees, with a ring where the maximum lies"
    else:
        seen = f"the {window[0]}×{window[1]} pixels that the maximum sees"
    named = "class" if found.classes else "index"
    return (
        f"Of {found.images:,} images, the {min(count, found.images)} with the greatest maximum of each filter's "
        f"{of_what}: {seen}; below it the image's {named} and the maximum."
    )


def _fires(found: Scan, layer: ConvLayer, index: int) -> str:
    moments = found.moments(layer, index)[None]
    if moments.nan == moments.images:
        return "its map has a NaN in every image" if moments.images else "no image reached it"
    words = "never above 0" if moments.fires == 0 else f"above 0 in {percent(moments.fires)} of the images"
    if moments.least == moments.greatest and moments.images > 1:
        words = f"its maximum is {number(moments.greatest)} in every image, so none of them drives it"
    return f"{words}; {moments.nan:,} with a NaN are left out" if moments.nan else words


def _named(exemplar: Exemplar) -> str:
    if exemplar.label is None:
        return f"image {exemplar.image}"
    return well_formed(" ".join(class_name(exemplar.label).split()))


def _draw_crop(axes: Axes, crop: Crop, window: tuple[int, int]) -> None:
    """A crop in the middle of its window, so that all have one scale; the edge of an image leaves some of it white."""
    height, width = crop.pixels.shape[:2]
    options: dict[str, Any] = {} if crop.pixels.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 1}
    long = max(height, width) > 8 * min(height, width)  # a signal: stretched, so that it can be seen
    axes.imshow(crop.pixels, interpolation="none", aspect="auto" if long else "equal", **options)
    frame = Rectangle((-0.5, -0.5), width, height, fill=False, linewidth=0.5, edgecolor=_FRAME, clip_on=False)
    axes.add_patch(frame)  # else a bright crop has no edge
    if crop.status != "nothing" and not long:
        axes.set_xlim(width / 2 - 0.5 - window[1] / 2, width / 2 - 0.5 + window[1] / 2)
        axes.set_ylim(height / 2 - 0.5 + window[0] / 2, height / 2 - 0.5 - window[0] / 2)
    if crop.status != "whole image" or len(crop.centre) != 2:
        return
    row, column = crop.centre
    if row is not None and column is not None:
        for colour, thickness in (("white", 2.4), ("black", 1.0)):  # on dark and on bright pixels
            axes.plot([column], [row], "o", markersize=6, mfc="none", mec=colour, mew=thickness)


def _fitted(words: str, inches: float) -> str:
    """Words that take no more than so many inches, at the captions' size."""
    font = FontProperties(size=_SMALL)

    def width(text: str) -> float:
        points: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
        return points / 72

    if width(words) <= inches:
        return words
    while words and width(f"{words}…") > inches:
        words = words[:-1]
    return f"{words}…"


class _Page:
    """Where things go, in inches from the top."""

    def __init__(self, rows: int, crops: int, aspect: float, head_lines: int) -> None:
        self._pitch = (WIDTH - 2 * MARGIN + _GAP) / (1 + max(crops, 5))
        self._width = self._pitch - _GAP
        self._side = self._width * min(max(aspect, 0.2), 1.0)
        self._row = _TITLE + self._side + _CAPTION + _ROW_GAP
        self._top = 0.12 + head_lines * _LINE
        self._foot = self._top + rows * self._row
        self.figure = PaperFigure(self._foot + 0.56)

    def title(self, row: int, words: str) -> None:
        self.figure.write(MARGIN, self._top + row * self._row + 0.04, words, _SMALL)

    def cell(self, row: int, column: int, label: str) -> Axes:
        """The axes of a kernel or of a crop."""
        top = self._top + row * self._row + _TITLE
        axes = self.figure.place(MARGIN + column * self._pitch, top, self._width, self._side, label=label)
        axes.set_anchor("NW")
        axes.set_axis_off()
        return axes

    def caption(self, row: int, column: int, lines: list[str]) -> None:
        """What stands below a crop."""
        left, top = MARGIN + column * self._pitch, self._top + row * self._row + _TITLE + self._side
        for below, line in enumerate(lines, 1):
            self.figure.write(left, top + 0.14 * below, _fitted(line, self._width + 0.03), _SMALL, va="baseline")

    def foot(self, words: str, colour_range: Any) -> None:
        """The kernels' colour bar."""
        self.figure.bar(MARGIN, self._foot + 0.04, WIDTH / 2, [words], colour_range)
