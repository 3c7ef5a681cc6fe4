"""The selection as one small PNG, for where no widget can run: GitHub, nbconvert, a mail."""

from __future__ import annotations

import importlib.util
import io
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from filterscope.figures.overlaid import draw_boxes, with_classes
from filterscope.figures.palette import lookup, palette_for
from filterscope.figures.scene import Scene, mosaic, number
from filterscope.filters.value_range import ValueRange, encode

# In pixels. White behind dark text reads in light and dark hosts alike.
_BOX = 200
_GAP = 18
_LINE = 18
_BAR = 8
_LARGE = 64_000  # bytes; a photograph's noise does not need every colour
_TEXT, _QUIET, _PAPER = "#1f2328", "#57606a", "#ffffff"

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def png(scene: Scene) -> bytes:
    """Image, kernels and maps side by side with their ranges, as a PNG of some 10 to 60 kB.

    Args:
        scene: What is colour_range.

    Returns:
        The PNG's bytes.
    """
    places = 2 + len(scene.maps)
    width = places * _BOX + (places + 1) * _GAP
    bar_top = 5 * _LINE + _BOX
    paper = Image.new("RGB", (width, bar_top + _BAR + 3 * _LINE), _PAPER)
    draw = ImageDraw.Draw(paper)
    text = _Writer(draw)
    text.write(_GAP, _LINE // 2, scene.image_words, width - 2 * _GAP)
    layer = f"{scene.layer_words} · filter {scene.filter}"
    text.write(_GAP, _LINE // 2 + _LINE, layer, width - 2 * _GAP)
    n, *kernel = scene.kernels.shape
    tiles, empty = mosaic(scene.kernels)
    kernel_title = "kernel " if n == 1 else f"kernels {n} of "
    display = np.uint8(np.floor(scene.display * 255 + 0.5))
    pictures = [
        ("image", scene.display, with_classes(display, scene.answer), None, ""),
        (kernel_title.strip(), scene.kernels, _painted(tiles, scene.kernel_range, empty), scene.kernel_range, ""),
        *((each.name, each.values, _painted(each.values, each.range), each.range, each.caption) for each in scene.maps),
    ]
    for place, (title, values, pixels, colour_range, note) in enumerate(pictures):
        left = _GAP + place * (_BOX + _GAP)
        size = "×".join(map(str, kernel if title.startswith("kernel") else values.shape[:2]))
        text.write(left, 3 * _LINE, f"{title} {size}", _BOX)
        picture = _fitted(pixels)
        if title == "image":
            draw_boxes(picture, scene.answer, scene.display.shape)
        paper.paste(picture, (left, 4 * _LINE + 2))
        if colour_range is not None:
            paper.paste(_bar(colour_range), (left, bar_top))
            text.write(left, bar_top + _BAR + 3, _ends(colour_range), _BOX, _QUIET)
            text.write(left, bar_top + _BAR + 3 + _LINE, note, _BOX, _QUIET)
    data = _as_png(paper)
    return data if len(data) <= _LARGE else _as_png(paper.quantize(256, Image.Quantize.FASTOCTREE))


def _as_png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "png", compress_level=2)
    return file.getvalue()


def _painted(values: np.ndarray, colour_range: ValueRange, empty: np.ndarray | None = None) -> np.ndarray:
    """The page's colours of values `(H, W)`, uint8 `(H, W, 3)`; paper where there is none."""
    colours: np.ndarray = lookup(palette_for(colour_range.signed))[encode(values, colour_range)]
    if empty is not None:
        colours[empty] = 255
    return colours


def _fitted(pixels: np.ndarray) -> Image.Image:
    """A picture in its box: crisp where each value has a pixel at least, else the means of those that share one."""
    height, width = pixels.shape[:2]
    whole = max(1, _BOX // max(height, width))
    # A signal is one row: stretched across, so that it can be seen.
    size = [min(_BOX, max(whole * side, _BOX // 8)) for side in (width, height)]
    if max(height, width) > _BOX:
        size = [max(_BOX // 8, round(side * _BOX / max(height, width))) for side in (width, height)]
    how = Image.Resampling.BOX if max(height, width) > _BOX else Image.Resampling.NEAREST
    return Image.fromarray(pixels).convert("RGB").resize((size[0], size[1]), how)


def _bar(colour_range: ValueRange) -> Image.Image:
    codes = lookup(palette_for(colour_range.signed))[2:255]
    return Image.fromarray(np.ascontiguousarray(codes[None])).resize((_BOX, _BAR), Image.Resampling.NEAREST)


def _ends(colour_range: ValueRange) -> str:
    strange = [f"{colour_range.nan} NaN"] * (colour_range.nan > 0) + [f"{colour_range.infinite} infinite"] * (
        colour_range.infinite > 0
    )
    return " · ".join([f"{number(colour_range.low)} … {number(colour_range.high)}", *strange])


class _Writer:
    """Text that stays within its room."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def write(self, left: int, top: int, text: str, room: int, colour: str = _TEXT) -> None:
        font = _font()
        if isinstance(font, ImageFont.ImageFont) or font.getname()[0] != "DejaVu Sans":  # without × and −
            text = text.translate({ord("×"): "x", ord("−"): "-", ord("→"): ">", ord("·"): "-"})
            text = text.encode("ascii", "replace").decode()
        if self._draw.textlength(text, font) > room:
            while text and self._draw.textlength(text + "…", font) > room:
                text = text[:-1]
            text += "…"
        self._draw.text((left, top), text, colour, font)


@cache
def _font() -> _Font:
    """The font that matplotlib ships, found without importing matplotlib, which takes longer than the picture."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is not None and spec.origin is not None:
        file = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if file.is_file():
            return ImageFont.truetype(str(file), 12)
    return ImageFont.load_default()
