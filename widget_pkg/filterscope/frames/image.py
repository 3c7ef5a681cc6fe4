"""The part of a frame that shows the image itself: one byte a value, and of a large image the means of blocks."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.data.sample import Sample
from filterscope.filters.block_means import block_means
from filterscope.filters.response import shown_plane
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection

MOST_PIXELS = 3 * 2**16
"""What a page is sent at the most: more than its picture has room for."""


class DisplayRange(TypedDict):
    """Which values are drawn black and white."""

    low: float
    high: float


class ImageBody(TypedDict):
    """What a page paints of an image: `display` is uint8 `(h, w)` or `(h, w, 3)`, `size` that of the whole image.

    `trial` says that it stands in place of the data set's own.
    """

    label: str | int | None
    display: np.ndarray
    size: list[int]
    reduced: int
    plane: int | None
    planes: int
    range: DisplayRange
    trial: bool
    note: str


def drawn_plane(sample: Sample, layer: ConvLayer, selection: Selection) -> int:
    """The image's channel that is drawn where they cannot be drawn together: the chosen one, or the kernel's."""
    if selection.plane is not None:
        return selection.plane
    return shown_plane(sample.image, layer, selection.channel)


def image_part(sample: Sample, plane: int, more: str = "") -> ImageBody:
    """What a page paints of an image, without the prediction.

    Args:
        sample: The image.
        plane: Which of its channels, where they cannot be drawn together.
        more: What is to be said besides, of the data set.
    """
    drawn = sample.drawn(plane)
    height, width = drawn.pixels.shape[:2]
    block = 1
    while -(-height // block) * -(-width // block) > MOST_PIXELS:
        block += 1
    pixels = drawn.pixels
    if block > 1:  # colours are three planes
        means = block_means(np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels, block)
        pixels = np.moveaxis(means, 0, -1) if pixels.ndim == 3 else means
    reduced = "" if block == 1 else f"The page shows means of {block}×{block} pixels."
    return {
        "label": sample.label,
        "display": np.floor(pixels * 255 + 0.5).astype(np.uint8),
        "size": [height, width],
        "reduced": block,
        "plane": drawn.plane,
        "planes": drawn.planes,
        "range": {"low": drawn.low, "high": drawn.high},
        "trial": sample.trial,
        "note": " ".join(filter(None, [sample.said, drawn.note, reduced, more])),
    }
