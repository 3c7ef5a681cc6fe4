"""What the net sees in parts of an image, over a picture that Python draws: a colour for each class, or boxes."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from filterscope.figures.palette import class_colours
from filterscope.outputs.detections import Detections
from filterscope.outputs.kind import Answer

_OPACITY = 0x90 / 255  # as in the page


def with_classes(pixels: np.ndarray, answer: Answer | None) -> np.ndarray:
    """An image under the colours of its class map, whose class 0 is clear; itself where there is none of its size.

    Args:
        pixels: uint8 `(H, W)` or `(H, W, 3)`.
        answer: What the net says of the image. Of a volume `(D, H, W)` the middle slice is drawn.
    """
    if not isinstance(answer, np.ndarray) or answer.ndim < 2:
        return pixels
    plane = answer[len(answer) // 2] if answer.ndim == 3 else answer
    if plane.shape != pixels.shape[:2]:
        return pixels
    colours = class_colours()[plane % len(class_colours())]
    share = np.where(plane == 0, 0, _OPACITY)[..., None]
    mixed = share * colours + (1 - share) * (pixels if pixels.ndim == 3 else pixels[..., None])
    overlaid: np.ndarray = np.floor(mixed + 0.5).astype(np.uint8)
    return overlaid


def draw_boxes(picture: Image.Image, answer: Answer | None, size: tuple[int, ...]) -> None:
    """Draws the objects that the net sees into a picture of the image.

    Args:
        picture: Of the image, in any size.
        answer: What the net says of the image.
        size: Of the image, `(H, W)`.
    """
    if not isinstance(answer, Detections):
        return
    draw = ImageDraw.Draw(picture)
    scale = np.array([picture.width / size[1], picture.height / size[0]] * 2)
    for box, number in zip(answer.boxes * scale, answer.labels, strict=True):
        left, top, right, bottom = box.tolist()
        colour = class_colours()[number % len(class_colours())]
        corners = left, top, max(left, right - 1), max(top, bottom - 1)
        around = left - 1, top - 1, corners[2] + 1, corners[3] + 1
        draw.rectangle(around, outline="black", width=4)  # so that it is seen on an image of its colour, too
        draw.rectangle(corners, outline=tuple(colour.tolist()), width=2)
