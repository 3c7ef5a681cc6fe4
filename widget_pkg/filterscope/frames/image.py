"""The part of a frame that shows the image itself: one byte a value, and of a large image the means of blocks."""

from __future__ import annotations

from typing import Any

import numpy as np

from filterscope.data.sample import Sample
from filterscope.filters.response import shown_plane
from filterscope.nets.layers import ConvLayer
from filterscope.session.selection import Selection

MOST_PIXELS = 3 * 2**16
"""What a page is sent at the most: more than its picture has room for."""


def drawn_plane(sample: Sample, layer: ConvLayer, selection: Selection) -> int:
    """The image's channel that is drawn where they cannot be drawn together: the chosen one, or the kernel's."""
    if selection.plane is not None:
        return selection.plane
    return shown_plane(sample.image, layer, selection.channel)


def image_part(sample: Sample, plane: int, more: str = "") -> dict[str, Any]:
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
    pixels = drawn.pixels if block == 1 else block_means(drawn.pixels, block)
    reduced = "" if block == 1 else f"The page shows means of {block}×{block} pixels."
    return {
        "label": sample.label,
        "display": np.floor(pixels * 255 + 0.5).astype(np.uint8),
        "size": [height, width],
        "reduced": block,
        "plane": drawn.plane,
        "planes": drawn.planes,
        "range": {"low": drawn.low, "high": drawn.high},
        "note": " ".join(filter(None, [sample.said, drawn.note, reduced, more])),
    }


def block_means(pixels: np.ndarray, block: int) -> np.ndarray:
    """Means of `block × block` pixels of `(H, W)` or `(H, W, 3)`; a rest at the end is a block of its own."""
    height, width = pixels.shape[:2]
    sums = np.add.reduceat(pixels, np.arange(0, height, block), axis=0)  # along the rows, which lie together, first
    sums = np.add.reduceat(sums, np.arange(0, width, block), axis=1)
    heights = np.diff(np.append(np.arange(0, height, block), height))
    widths = np.diff(np.append(np.arange(0, width, block), width))
    counts = (heights[:, None] * widths).astype(np.float32)
    return sums / (counts if pixels.ndim == 2 else counts[:, :, None])
