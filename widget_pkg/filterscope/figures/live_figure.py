"""A matplotlib figure that follows an explorer's selection, in a notebook by ipympl, without a magic command."""

from __future__ import annotations

import textwrap
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure

from filterscope.figures.ipympl_canvas import Canvas, FigureManager
from filterscope.figures.ruler import measured
from filterscope.figures.scene import Scene, SceneMap, mosaic, number
from filterscope.figures.style import FONT_SIZE, colour_map, drawable, norm
from filterscope.filters.value_range import FIRST_CODE, LAST_CODE, ValueRange
from filterscope.frames.pictures import PICTURES
from filterscope.text import well_formed

Box = tuple[float, float, float, float]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_PANELS = ("image", "kernel", *(picture.name for picture in PICTURES))
# In inches: a box for each panel with its title above, a colour bar below each but the image.
_PITCH = 2.23  # from one panel to the next, where there is room
_LEFT, _SPACE = 0.315, 0.385  # of the axes' numbers on the left, and between two panels
_HEAD, _TITLE, _BAR, _BAR_HEIGHT, _FOOT = 0.45, 0.26, 0.31, 0.11, 0.74
_ASPECT = 0.92
_NARROWEST = 1.5  # a panel's share of the width, below which they stand in two rows
_LETTERS = {"words": 14, "note": 19}  # an inch has room for so many
_LETTER = 0.68  # ems that a letter of a number in a cell takes, with a share of the cell's margins
_TOOLBAR = 5.0  # inches below which the tools lie over the words, and show only under the pointer
_NUMBERED_SIDE = 5  # cells along a kernel's side up to which a number fits into each


class LiveFigure(Figure):
    """Image, kernels and maps of an explorer's selection, drawn anew whenever that changes.

    What is drawn is the selection at the moment of drawing: of many moves during a drag only the newest is computed.

    Args:
        look: Gives what is shown now; what it raises is written into the figure.
        closed: Called when the figure no longer wants to hear of moves.

    Attributes:
        panels: The axes by name: `image`, `kernel`, and each map's, `response` and `activation`.
    """

    def __init__(self, look: Callable[[], Scene], closed: Callable[[LiveFigure], None]) -> None:
        super().__init__(figsize=_Places(_PITCH * len(_PANELS)).size, facecolor="white")
        self._look: Callable[[], Scene] | None = look
        self._when_closed = closed
        self._stale = True
        self._drawing = threading.RLock()
        self.panels: dict[str, Axes] = {}
        self._bars: dict[str, _ColourBar] = {}
        self._numbers: list[Artist] = []
        for name in _PANELS:
            self.panels[name] = self.add_axes((0, 0, 1, 1), label=name)
            if name != "image":
                self._bars[name] = _ColourBar(self.add_axes((0, 0, 1, 1), label=f"{name} colours"))
        self._words = self.text(0, 0, "", va="top", fontsize=FONT_SIZE, linespacing=1.5, parse_math=False)
        self._arrange(self.get_figwidth())
        # While a figure is saved it has another canvas.
        self._canvas = Canvas(self)
        self._manager = FigureManager(self._canvas, 1)
        self._canvas.header_visible = False
        self._canvas.footer_visible = False  # the place of the pointer: its changing width would move the page
        self._canvas.toolbar_visible = "visible"
        self._canvas.toolbar_position = "top"  # at the right, where no words are; elsewhere it lies over the pictures
        self._box, self._ruler = measured(self._canvas, self.fit)

    def moved(self, change: Any = None) -> None:
        """The selection changed: draws soon."""
        self._stale = True
        if self._look is not None:
            self._canvas.draw_idle()

    def draw(self, renderer: RendererBase) -> None:
        """Draws what is selected now, on whatever canvas: also where the figure is saved."""
        with self._drawing:
            if self._stale and self._look is not None:
                self._stale = False
                self._follow()
            super().draw(renderer)

    def close(self) -> None:
        """Takes the figure off its page and lets go of the explorer; it can still be saved, as it was drawn last."""
        if self._look is not None:
            self._look = None
            self._when_closed(self)
            for widget in (self._manager.toolbar, self._canvas, self._ruler, self._box):
                widget.close()

    def fit(self, width: int) -> None:
        """Takes no more than so many CSS pixels of a page's width: panels shrink, then stand in two rows."""
        with self._drawing:
            pixels = self.dpi / self._canvas.device_pixel_ratio  # an inch has so many
            inches = max(2 * _NARROWEST, min(width / pixels, _PITCH * len(_PANELS)))
            if self._look is None or abs(inches - self.get_figwidth()) * pixels < 1:
                return
            self._arrange(inches)
            self._canvas.toolbar_visible = "visible" if inches >= _TOOLBAR else "fade-in-fade-out"
            self._stale = True  # words are cut by the room they have
            self._manager.resize(*self.bbox.size)
            self._canvas.draw_idle()

    def _arrange(self, width: float) -> None:
        places = _Places(width)
        self.set_size_inches(places.size, forward=False)
        for place, name in enumerate(_PANELS):
            panel, bar = places.of(place)
            self.panels[name].set_position(panel)
            if name in self._bars:
                self._bars[name].axes.set_position(bar)
        self._words.set_position((_LEFT / width, 1 - 0.095 / places.size[1]))
        self._letters = int(_LETTERS["note"] * (places.pitch - 0.1))

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = self._canvas._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        view = data and data.get(_WIDGET_VIEW)
        if view:
            data[_WIDGET_VIEW] = {**view, "model_id": self._box.model_id}
        return bundle

    def _follow(self) -> None:
        assert self._look is not None
        try:
            scene = self._look()
        except (ValueError, RuntimeError) as error:  # a sample or a net that cannot be shown
            self._reveal(False)
            self._words.set_text(textwrap.fill(well_formed(str(error)), int(13 * self.get_figwidth())))
            return
        self._reveal(True)
        words = (scene.image_words, f"{scene.layer_words} · filter {scene.filter}")
        room = int(_LETTERS["words"] * (self.get_figwidth() - _LEFT))
        self._words.set_text("\n".join(textwrap.shorten(line, room, placeholder=" …") for line in words))
        self._show_image(scene.display)
        self._show_kernels(scene)
        for each in scene.maps:
            self._show_map(each)

    def _reveal(self, visible: bool) -> None:
        for axes in (*self.panels.values(), *(bar.axes for bar in self._bars.values())):
            axes.set_visible(visible)

    def _show_image(self, display: np.ndarray) -> None:
        axes = self._put("image", display, f"image {display.shape[0]}×{display.shape[1]}")
        axes.images[0].set(cmap="gray", clim=(0, 1))

    def _show_kernels(self, scene: Scene) -> None:
        n, height, width = scene.kernels.shape
        values, empty = mosaic(scene.kernels)
        title = f"kernel {height}×{width}" if n == 1 else f"kernels {n} of {height}×{width}"
        # What lies between two kernels is transparent, and no NaN.
        axes = self._put("kernel", drawable(values, scene.kernel_range), title)
        axes.images[0].set_alpha(None if n == 1 else (~empty).astype(np.float32))
        self._colour("kernel", scene.kernel_range, scene.kernel_note)
        axes.axis("on" if n == 1 else "off")
        for words in self._numbers:
            words.remove()
        self._numbers = []
        if n == 1 and max(height, width) <= _NUMBERED_SIDE:
            points = 72 * axes.get_position(original=True).height * self.get_figheight() / max(height, width)
            letters = max(len(number(value)) for value in values.flat)
            size = min(FONT_SIZE if max(height, width) <= 3 else FONT_SIZE - 2, points / (letters * _LETTER))
            shades = (axes.images[0].to_rgba(values) * (0.299, 0.587, 0.114, 0)).sum(-1)
            for (row, column), value in np.ndenumerate(values):
                colour = "black" if shades[row, column] > 0.45 else "white"
                words = axes.text(column, row, number(value), color=colour, ha="center", va="center", clip_on=True)
                words.set_fontsize(size)
                self._numbers.append(words)

    def _show_map(self, scene_map: SceneMap) -> None:
        name, (height, width) = scene_map.name, scene_map.values.shape
        self._put(name, drawable(scene_map.values, scene_map.range), f"{name} {height}×{width}")
        self._colour(name, scene_map.range, scene_map.caption)

    def _put(self, name: str, values: np.ndarray, title: str) -> Axes:
        """The values into their axes; where they have another size, zoom and ticks start anew."""
        axes = self.panels[name]
        drawn = axes.images[0].get_array() if axes.images else None
        if drawn is None or drawn.shape != values.shape:
            axes.clear()
            self._numbers = [] if name == "kernel" else self._numbers
            axes.set_anchor("NW")
            axes.imshow(values, interpolation="nearest", aspect="equal", resample=False)
            axes.locator_params(integer=True, nbins=5)
            axes.tick_params(labelsize=FONT_SIZE - 1.5, length=2, pad=2)
            self._manager.toolbar.update()  # what "home" meant was the other size
        else:
            axes.images[0].set_data(values)
        axes.set_title(title, fontsize=FONT_SIZE, loc="left", pad=4)
        return axes

    def _colour(self, name: str, colour_range: ValueRange, note: str) -> None:
        self.panels[name].images[0].set(norm=norm(colour_range), cmap=colour_map(colour_range))
        strange = (
            f" · {colour_range.nan} NaN, {colour_range.infinite} infinite"
            if colour_range.nan + colour_range.infinite
            else ""
        )
        self._bars[name].show(colour_range, textwrap.shorten(note + strange, self._letters, placeholder=" …"))


class _Places:
    """Where the panels stand in a figure of that width, in inches.

    Attributes:
        pitch: From one panel to the next.
        size: Of the figure, `(width, height)`.
    """

    def __init__(self, width: float) -> None:
        in_one_row = (width - _LEFT) / len(_PANELS) >= _NARROWEST
        self._columns = len(_PANELS) if in_one_row else 2
        self.pitch = min(_PITCH, (width - 0.08) / self._columns)
        self._side = self.pitch - _SPACE
        self._row = _TITLE + self._side * _ASPECT + _FOOT
        self.size = width, _HEAD + self._row * -(-len(_PANELS) // self._columns)

    def of(self, place: int) -> tuple[Box, Box]:
        """A panel's axes and its colour bar's, in parts of the figure: left, bottom, width, height."""
        row, column = divmod(place, self._columns)
        left = _LEFT + column * self.pitch
        bottom = self.size[1] - _HEAD - (row + 1) * self._row + _FOOT
        panel = self._parts(left, bottom, self._side, self._side * _ASPECT)
        return panel, self._parts(left, bottom - _BAR, self._side, _BAR_HEIGHT)

    def _parts(self, left: float, bottom: float, width: float, height: float) -> Box:
        across, up = self.size
        return left / across, bottom / up, width / across, height / up


class _ColourBar:
    """A colour bar that changes in a tenth of the time that matplotlib's own takes to be made anew."""

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        axes.set_axis_off()
        self._colours = axes.imshow(np.arange(LAST_CODE - FIRST_CODE + 1)[None], aspect="auto", interpolation="nearest")
        self._colours.set_clim(-0.5, LAST_CODE - FIRST_CODE + 0.5)
        options: dict[str, Any] = {"transform": axes.transAxes, "va": "top", "parse_math": False}
        self._ends = [
            axes.text(place, -0.3, "", fontsize=FONT_SIZE - 1, ha=side, **options)
            for place, side in ((0.0, "left"), (0.5, "center"), (1.0, "right"))
        ]
        self._note = axes.text(0, -1.8, "", fontsize=FONT_SIZE - 1.5, **options)

    def show(self, colour_range: ValueRange, note: str) -> None:
        self._colours.set_cmap(colour_map(colour_range))
        words = [colour_range.low, 0.0 if colour_range.signed else None, colour_range.high]
        for end, value in zip(self._ends, words, strict=True):
            end.set_text("" if value is None else number(value))
        self._note.set_text(note)
