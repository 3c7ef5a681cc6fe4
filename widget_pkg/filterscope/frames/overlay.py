"""What is laid over the image: the objects that the net sees, in boxes, or the class of each pixel."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from filterscope.data.sample import Sample
from filterscope.frames.image import MOST_PIXELS
from filterscope.outputs.class_map import shares
from filterscope.outputs.detections import Detections
from filterscope.outputs.kind import Answer

MOST_BOXES = 50


class OverlayBody(TypedDict):
    """What is laid over an image whose net tells other things than classes.

    `tells` is `"boxes"`, `"masks"` or `"embedding"`. Of boxes `boxes` is float32 `(M, 4)`, left, top, right and bottom
    in the image's pixels; of masks `mask` is uint8 `(h, w)`, a class for each pixel that the page has. `numbers` are
    the class numbers of the prediction's entries, which have their colours.
    """

    tells: str
    boxes: np.ndarray | None
    mask: np.ndarray | None
    numbers: list[int]


def overlay_of(tells: str, answer: Answer | None, sample: Sample) -> OverlayBody | None:
    """What is laid over an image; None where the net tells its class.

    Args:
        tells: What the net's output is.
        answer: What it says of the image.
        sample: The image.
    """
    if tells == "classes":
        return None
    body: OverlayBody = {"tells": tells, "boxes": None, "mask": None, "numbers": []}
    if isinstance(answer, Detections):
        body["boxes"] = np.ascontiguousarray(answer.boxes[:MOST_BOXES], np.float32)
        body["numbers"] = answer.labels[:MOST_BOXES].tolist()
    elif answer is not None and answer.ndim > 1:
        height, width = sample.drawn().pixels.shape[:2]
        plane = answer[answer.shape[0] // 2] if answer.ndim == 3 else answer
        body["numbers"] = [number for number, _ in shares(answer)]
        if plane.shape == (height, width):
            block = 1
            while -(-height // block) * -(-width // block) > MOST_PIXELS:
                block += 1
            rows, columns = (  # the middle of each block that the page has, the last of which may be cut short
                np.minimum(np.arange(-(-length // block)) * block + block // 2, length - 1)
                for length in (height, width)
            )
            body["mask"] = np.ascontiguousarray(plane[rows][:, columns])
    return body
