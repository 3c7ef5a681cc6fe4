"""What the pictures of a selection show, as arrays, ranges and words: for pictures that Python draws itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np

from filterscope.engine.moment import Moment
from filterscope.filters.value_range import ValueRange, value_range
from filterscope.frames.frame import LayerPart, filter_part, picture_of
from filterscope.frames.image import drawn_plane
from filterscope.frames.layer_picture import PictureBody, kernels_are_summed
from filterscope.frames.pictures import PICTURES
from filterscope.outputs.kind import Answer
from filterscope.session.selection import Selection


@dataclass(frozen=True, eq=False)
class SceneMap:
    """One map of the selected filter.

    Attributes:
        name: Of its row in the table of pictures.
        values: float32 `(H, W)`.
        range: What its colours stand for, shared over the layer as in the page.
        caption: What it is, in few words.
    """

    name: str
    values: np.ndarray
    range: ValueRange
    caption: str


@dataclass(frozen=True, eq=False)
class Scene:
    """What is shown of a selection, with the weights of one moment.

    Attributes:
        display: The image as it is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1].
        image_words: `image 17 · true: Coat · predicted: Coat 61 %`; the prediction only where it is at hand.
        layer_words: `conv2 · Conv2d(10→20, 3×3) · 20×11×11`.
        filter: Index of the filter.
        kernels: The filter's kernels that the response sums, float32 `(n, kH, kW)`.
        kernel_range: What the colours of `kernels` stand for, shared over the layer as in the page.
        kernel_note: Which kernels they are, in words.
        maps: The filter's maps, in the order of the table of pictures.
        answer: What the net says of the image, where that takes no pass; None otherwise.
    """

    display: np.ndarray
    image_words: str
    layer_words: str
    filter: int
    kernels: np.ndarray
    kernel_range: ValueRange
    kernel_note: str
    maps: tuple[SceneMap, ...]
    answer: Answer | None = None


def scene(moment: Moment, selection: Selection, layer_part: LayerPart) -> Scene:
    """What is shown of a selection.

    Args:
        moment: The selection's image and layer.
        selection: The selection.
        layer_part: What `frame.build_layer_part` gives for it, with one range for the layer.
    """
    sample, layer = moment.sample, moment.layer
    detail = filter_part(moment, selection, selection.filter)
    # Too many for the page's grid: then its large picture has a range of its own.
    summed = kernels_are_summed(moment.kernels[:, : len(detail["kernel"])])
    return Scene(
        display=sample.drawn(drawn_plane(sample, layer, selection)).pixels,
        image_words=image_words(moment),
        layer_words=layer.title,
        filter=selection.filter,
        kernels=detail["kernel"],
        kernel_range=value_range(detail["kernel"]) if summed else _range_of(layer_part["kernels"]),
        kernel_note=layer_part["notes"]["kernel"],
        maps=tuple(
            SceneMap(
                name=picture.name,
                values=detail[picture.name],
                range=_range_of(picture_of(layer_part, picture)),
                caption=picture.caption(selection, layer_part["notes"][picture.name]),
            )
            for picture in PICTURES
        ),
        answer=moment.answer,
    )


def _range_of(picture: PictureBody) -> ValueRange:
    return ValueRange(**picture["ranges"][0])


def image_words(moment: Moment) -> str:
    """`image 17 · true: Coat · predicted: Coat 61 %`; the prediction where it takes no pass."""
    words = [f"image {moment.image}"]
    label = moment.sample.label
    if label is not None:
        words.append(f"true: {class_name(label)}")
    if moment.tells == "boxes" and moment.prediction is not None:
        words.append(f"{len(moment.prediction)} object{'s' * (len(moment.prediction) != 1)} seen")
    elif moment.prediction:
        name, probability = moment.prediction[0]
        if math.isfinite(probability):
            start = "most pixels" if moment.tells == "masks" else "predicted"
            words.append(f"{start}: {class_name(name)} {percent(probability)}")
    return " · ".join(words)


def class_name(label: str | int) -> str:
    """A class in words: its name, or `class 3`."""
    return label if isinstance(label, str) else f"class {label}"


def number(value: float) -> str:
    """Three significant digits with a true minus sign, as the page writes them: halves are rounded away from zero.

    Example:
        >>> number(0.0625), number(-1234.5), number(2e-5)
        ('0.0625', '−1235', '2.0e−5')
    """
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if size >= 1e5 or size < 1e-3:
        text = f"{_rounded(value, 2):.1e}"
    elif size >= 1000:
        text = f"{_rounded(value, math.floor(math.log10(size)) + 1):.0f}"
    else:
        text = f"{_rounded(value, 3):#.3g}".rstrip(".")
    return text.replace("e+0", "e+").replace("e-0", "e-").replace("-", "−")


def _rounded(value: float, digits: int) -> float:
    """So many significant digits of a value, as JavaScript rounds: Python would round a half to the even digit."""
    return float(Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(Decimal(float(value))))


def percent(probability: float) -> str:
    """A probability as the page writes it; a decimal only below 1 %.

    Example:
        >>> percent(0.607), percent(0.0031), percent(1e-5)
        ('61 %', '0.3 %', '<0.1 %')
    """
    hundredths = probability * 100
    if hundredths < 0.05:
        return "<0.1 %"
    if hundredths < 1:
        tenths = Decimal(hundredths).quantize(Decimal("0.1"), ROUND_HALF_UP)
        return f"{float(tenths):g} %"
    return f"{math.floor(hundredths + 0.5)} %"


def mosaic_columns(n: int, height: int, width: int) -> int:
    """In how many columns n tiles go side by side so that together they are about square, as in the page."""
    square = math.ceil(math.sqrt(n * (height + 1) / (width + 1)))
    return max(1, min(n, square))


def mosaic(tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tiles `(n, h, w)` side by side, one empty pixel between them.

    Returns:
        The values `(rows, columns)`, and of the same shape where there is none.
    """
    n, height, width = tiles.shape
    columns = mosaic_columns(n, height, width)
    rows = math.ceil(n / columns)
    values = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1), tiles.dtype)
    empty = np.ones(values.shape, bool)
    for k, tile in enumerate(tiles):
        top, left = k // columns * (height + 1), k % columns * (width + 1)
        values[top : top + height, left : left + width] = tile
        empty[top : top + height, left : left + width] = False
    return values, empty
