"""What the four pictures of a selection show, as arrays, ranges and words: for pictures that Python draws itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from filterscope.engine import Engine
from filterscope.frame import kernel_note, planes, response_note
from filterscope.image_part import drawn_plane
from filterscope.picture import kernels_are_summed
from filterscope.response import Source, shown_channels
from filterscope.selection import Selection
from filterscope.value_range import ValueRange, join, value_range


@dataclass(frozen=True, eq=False)
class Shown:
    """What is shown of a selection, with the weights of one moment.

    Attributes:
        display: The image as it is drawn, float32 `(H, W)` or `(H, W, 3)` in [0, 1].
        image_words: `image 17 · true: Coat · predicted: Coat 61 %`; the prediction only where it is at hand.
        layer_words: `conv2 · Conv2d(10→20, 3×3) · 20×11×11`.
        filter: Index of the filter.
        source: What filter2D ran over.
        kernels: The filter's kernels that the response sums, float32 `(n, kH, kW)`.
        response: float32 `(H', W')`.
        activation: float32 `(H'', W'')`.
        kernel_range: What the colours of `kernels` stand for, shared over the layer as in the page.
        response_range: The same for `response`.
        activation_range: The same for `activation`.
        kernel_note: Which kernels they are, in words.
        response_note: The same of the response, and what filter2D ran over.
        activation_note: Which tensor of the net it is.
    """

    display: np.ndarray
    image_words: str
    layer_words: str
    filter: int
    source: Source
    kernels: np.ndarray
    response: np.ndarray
    activation: np.ndarray
    kernel_range: ValueRange
    response_range: ValueRange
    activation_range: ValueRange
    kernel_note: str
    response_note: str
    activation_note: str


def shown(engine: Engine, selection: Selection) -> Shown:
    """What is shown of a selection.

    Raises:
        SampleError: If the sample cannot be read.
        NetError: If the net refuses it.
    """
    with engine.lock:
        layer = engine.layers[selection.layer]
        place = selection.image, selection.layer
        asked = selection.channel, selection.source
        sample = engine.sample(selection.image)
        channels = shown_channels(sample.image, layer, *asked)
        activations = engine.activations(*place)
        response = engine.shown_response(*place, selection.filter, *asked)
        kernels = engine.held_weights(selection.layer)[0][:, channels]
        one = kernels[selection.filter]
        depth = layer.out_shape[1] if layer.rank == 3 else 1
        drawn_kernels, kernel_slice = planes(one, 1, selection.kernel_slice, layer.kernel_size[0])
        drawn_response, response_slice = planes(response, 0, selection.slice, depth)
        drawn_activation, activation_slice = planes(activations[selection.filter], 0, selection.slice, depth)
        return Shown(
            display=sample.drawn(drawn_plane(sample, layer, selection)).pixels,
            image_words=image_words(engine, selection.image),
            layer_words=layer.title,
            filter=selection.filter,
            source=selection.source,
            kernels=drawn_kernels,
            response=drawn_response,
            activation=drawn_activation,
            # Too many for the page's grid: then its large picture has a range of its own.
            kernel_range=value_range(one if kernels_are_summed(kernels) else kernels),
            response_range=join([value_range(block) for block in engine.response_blocks(*place, *asked)]),
            activation_range=value_range(activations),
            kernel_note=kernel_note(channels, layer.channels) + kernel_slice,
            response_note=response_note(engine, selection, channels) + response_slice,
            activation_note=layer.activation.name + activation_slice,
        )


def image_words(engine: Engine, image: int) -> str:
    """`image 17 · true: Coat · predicted: Coat 61 %`; the prediction where it takes no pass."""
    words = [f"image {image}"]
    label = engine.sample(image).label
    if label is not None:
        words.append(f"true: {class_name(label)}")
    if engine.predicted(image) and (prediction := engine.prediction(image)):
        name, probability = prediction[0]
        if math.isfinite(probability):
            words.append(f"predicted: {class_name(name)} {100 * probability:.0f} %")
    return " · ".join(words)


def class_name(label: str | int) -> str:
    """A class in words: its name, or `class 3`."""
    return label if isinstance(label, str) else f"class {label}"


def number(value: float) -> str:
    """Three significant digits with a true minus sign, as the page writes them."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    small_or_large = size >= 1e5 or size < 1e-3
    text = f"{value:.1e}" if small_or_large else f"{value:.0f}" if size >= 1000 else f"{value:#.3g}".rstrip(".")
    return text.replace("e+0", "e+").replace("e-0", "e-").replace("-", "−")


def mosaic_columns(n: int, height: int, width: int) -> int:
    """In how many columns n tiles go side by side so that together they are about square, as in the page."""
    wanted = math.ceil(math.sqrt(n * (height + 1) / (width + 1)))
    return max(1, min(n, wanted))


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
