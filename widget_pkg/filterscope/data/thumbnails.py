"""Thumbnails: the image of a sample in a small box, with its class, or the reason why it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from filterscope.data.sample import Sample

SIDE = 56
"""Side of a thumbnail's box in pixels: twice MNIST's 28."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """One image as the strip shows it.

    Attributes:
        box: uint8 `(56, 56, 3)`, with the image in its middle.
        size: Height and width of the image in the box.
        label: The image's class.
        error: One sentence on why it cannot be read, or None.
    """

    box: np.ndarray
    size: tuple[int, int]
    label: str | int | None
    error: str | None


def thumbnail_of(sample: Sample) -> Thumbnail:
    """A sample's thumbnail."""
    box, size = thumbnail(sample.display)
    return Thumbnail(box, size, sample.label, None)


def no_thumbnail(error: str | None = None) -> Thumbnail:
    """An empty thumbnail, for an image that cannot be read (with an `error`) or was not read yet."""
    return Thumbnail(np.zeros((SIDE, SIDE, 3), np.uint8), (0, 0), None, error)


def thumbnail(display: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """An image in the middle of a box of 56×56 pixels: shrunk by averaging areas, or enlarged by a whole factor.

    Args:
        display: float32 `(H, W)` or `(H, W, 3)` in [0, 1].

    Returns:
        The box, uint8 `(56, 56, 3)`, and the height and width of the image in it.
    """
    height, width = display.shape[:2]
    longest = max(height, width)
    if longest > SIDE:
        size = max(1, round(height * SIDE / longest)), max(1, round(width * SIDE / longest))
        small = cv2.resize(display, size[::-1], interpolation=cv2.INTER_AREA)
    else:
        small = display.repeat(SIDE // longest, 0).repeat(SIDE // longest, 1)
    height, width = small.shape[:2]
    levels = np.floor(small * 255 + 0.5).astype(np.uint8)
    box = np.zeros((SIDE, SIDE, 3), np.uint8)
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    box[top : top + height, left : left + width] = levels if levels.ndim == 3 else levels[:, :, None]
    return box, (height, width)
